#include "common/deflate/deflate.hpp"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <random>

namespace dadvisor::deflate {
namespace {

// By zlib, of either wrapper.
std::optional<std::string> inflated(std::string const& packed, std::size_t size) {
  z_stream stream{};
  int const window_of_either = 15 + 32;
  REQUIRE(inflateInit2(&stream, window_of_either) == Z_OK);
  std::string out(size + 1, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  int const outcome = inflate(&stream, Z_FINISH);
  bool const whole = outcome == Z_STREAM_END && stream.avail_in == 0;
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return whole ? std::optional(out) : std::nullopt;
}

std::string dice(std::size_t size, int sides) {
  std::mt19937 random(7);
  std::string out;
  while (out.size() < size) out += static_cast<char>(random() % static_cast<unsigned>(sides));
  return out;
}

TEST_CASE("what zlib inflates is what was deflated, of either wrapper") {
  std::string const bytes = GENERATE(std::string(), std::string("x"), std::string(3'000'000, 'a'),
                                     dice(1'000'000, 5), dice(65'536, 256), dice(1'000'000, 256));
  for (auto const wrapper : {Wrapper::zlib, Wrapper::gzip}) {
    Deflater whole(wrapper), pieces(wrapper);
    whole.add(bytes);
    for (std::size_t at = 0; at < bytes.size(); at += 1000)
      pieces.add(std::string_view(bytes).substr(at, 1000));
    auto const packed = whole.finish();
    CHECK((static_cast<unsigned char>(packed.front()) == 0x1F) == (wrapper == Wrapper::gzip));
    CHECK(inflated(packed, bytes.size()) == bytes);
    CHECK(inflated(pieces.finish(), bytes.size()) == bytes);
  }
}

TEST_CASE("what repeats becomes small, and what would grow is told") {
  CHECK(gzip(std::string(1'000'000, 'a')).value().size() < 10'000);
  // Huffman's code gives one of five signs 2.4 of 8 bits (three have two, two have three).
  CHECK(gzip(dice(1'000'000, 5)).value().size() < 375'000);
  CHECK_FALSE(gzip("x"));
  CHECK_FALSE(gzip(dice(100'000, 256)));
}

}  // namespace
}  // namespace dadvisor::deflate
