#include "aggregator/ingest/host_tokens.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "common/core/fd.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::ingest;
using namespace std::chrono_literals;

namespace {

Log const quiet("test", LogLevel::none);
// SHA-256 of "abc" (FIPS 180-2, appendix B.1).
std::string const of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
std::string const of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

class File {
 public:
  explicit File(std::string const& text) { write(text); }
  ~File() { std::filesystem::remove(path); }
  void write(std::string const& text, mode_t mode = 0640) const {
    REQUIRE(replace_file(path, text));
    ::chmod(path.c_str(), mode);
  }
  std::string const path = (std::filesystem::temp_directory_path() /
                            ("dadvisor-host-tokens." + std::to_string(::getpid())))
                               .string();
};

}  // namespace

TEST_CASE("a token is its host's by its hash", "[tokens]") {
  File const file("# of the shop\n\nweb-1 " + of_abc + "\r\ndb " + of_nothing);
  auto const tokens = HostTokens::open(file.path, quiet);
  REQUIRE(tokens);
  CHECK((*tokens)->host_of("abc") == "web-1");
  CHECK((*tokens)->host_of("") == "db");
  CHECK_FALSE((*tokens)->host_of("abd"));
  CHECK_FALSE((*tokens)->host_of(of_abc));
  CHECK((*tokens)->counts().tokens == 2);
}

TEST_CASE("new tokens differ, and their lines are what the file wants", "[tokens]") {
  auto const one = make_host_token("web-1"), two = make_host_token("web-1");
  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->token.size() == 64);
  CHECK(one->token != two->token);
  // Both at once, while one takes the place of the other.
  File const file(one->line + "\n" + two->line + "\n");
  auto const tokens = HostTokens::open(file.path, quiet);
  REQUIRE(tokens);
  CHECK((*tokens)->host_of(one->token) == "web-1");
  CHECK((*tokens)->host_of(two->token) == "web-1");
  for (auto const* bad : {"", "a b", "a\n", "#a"}) CHECK_FALSE(make_host_token(bad));
}

TEST_CASE("a file of tokens that others may change, or with a slip, is refused", "[tokens]") {
  File const file("web-1 " + of_abc + "\n");
  for (mode_t const open : {0660, 0644, 0642}) {
    ::chmod(file.path.c_str(), open);
    CHECK(HostTokens::open(file.path, quiet).error().code == Errc::denied);
  }
  for (std::string const& slip :
       {std::string("web-1"), "web-1 " + of_abc.substr(1), "web-1  " + of_abc, " " + of_abc,
        "web-1 " + of_abc + " x", "web-1 g" + of_abc.substr(1)}) {
    file.write("# one\n" + slip + "\n");
    auto const refused = HostTokens::open(file.path, quiet);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().context.starts_with(file.path + ":2: no 'HOST SHA256'"));
  }
  CHECK(HostTokens::open("/nonexistent", quiet).error().code == Errc::not_found);
}

TEST_CASE("a changed file of tokens is taken, a wrong one is not", "[tokens]") {
  File const file("web-1 " + of_abc + "\n");
  auto const opened = HostTokens::open(file.path, quiet);
  REQUIRE(opened);
  auto& tokens = **opened;
  MonotonicTime now{1h};
  tokens.look(now);
  file.write("web-2 " + of_abc + "\n");
  tokens.look(now += 1s);  // at most every 2 s
  CHECK(tokens.host_of("abc") == "web-1");
  tokens.look(now += 1s);
  CHECK(tokens.host_of("abc") == "web-2");
  file.write("web-3 " + of_abc + "\n", 0666);
  tokens.look(now += 2s);
  tokens.look(now += 2s);
  CHECK(tokens.host_of("abc") == "web-2");
  CHECK(tokens.counts().refused_reloads == 1);
  CHECK(tokens.counts().reloads == 1);
  file.write("# nobody's\n");
  tokens.look(now += 2s);
  CHECK_FALSE(tokens.host_of("abc"));
}
