#include "common/grpc/message_reader.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace dadvisor;
using namespace dadvisor::grpc;

TEST_CASE("messages come whole, whatever pieces their frames come in") {
  std::vector<std::string> const sent{"first", "", std::string(70000, 'x')};
  std::string stream;
  for (auto const& message : sent) stream += framed(message);
  CHECK(stream.substr(0, 10) == std::string("\0\0\0\0\5first", 10));
  for (std::size_t const piece : {std::size_t{1}, std::size_t{7}, stream.size()}) {
    MessageReader reader(70000);
    std::vector<std::string> taken;
    for (std::size_t at = 0; at < stream.size(); at += piece)
      REQUIRE(reader.feed(std::string_view(stream).substr(at, piece),
                          [&](std::string_view message) { taken.emplace_back(message); }));
    CHECK(taken == sent);
  }
}

TEST_CASE("a message that is too large or compressed ends the stream, and those before it count") {
  for (auto const& [last, code] : {std::pair{std::string("\0\1\0\0\0", 5), Errc::too_large},
                                   std::pair{std::string("\1\0\0\0\0", 5), Errc::malformed}}) {
    MessageReader reader(1 << 20);
    std::vector<std::string> taken;
    auto const read = reader.feed(framed("one") + last,
                                  [&](std::string_view message) { taken.emplace_back(message); });
    CHECK(read.error().code == code);
    CHECK(taken == std::vector<std::string>{"one"});
  }
}
