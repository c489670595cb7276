#include "aggregator/api/access.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

using namespace dadvisor;
using namespace dadvisor::aggregator::api;

namespace {

class TokenFile {
 public:
  TokenFile(std::string const& text, mode_t mode) {
    char name[] = "/tmp/dadvisor-token-XXXXXX";
    ::close(::mkstemp(name));
    path_ = name;
    std::ofstream(path_) << text;
    ::chmod(path_.c_str(), mode);
  }
  ~TokenFile() { ::unlink(path_.c_str()); }
  std::string const& path() const { return path_; }

 private:
  std::string path_;
};

http::Request asking(std::string const& authorization) {
  http::Request request;
  if (!authorization.empty()) request.headers.emplace_back("authorization", authorization);
  return request;
}

}  // namespace

TEST_CASE("without a token file everybody may ask") { CHECK_FALSE(Access().refuse(asking(""))); }

TEST_CASE("with a token file only its token opens") {
  TokenFile const file("0123456789abcdef0123\nsecond line\n", 0600);
  auto const access = Access::from_file(file.path());
  REQUIRE(access);
  CHECK_FALSE(access->refuse(asking("Bearer 0123456789abcdef0123")));
  for (auto const* wrong : {"", "Bearer ", "Bearer 0123456789abcdef0124", "Bearer 0123456789abcdef",
                            "Basic 0123456789abcdef0123", "0123456789abcdef0123"}) {
    auto const refusal = access->refuse(asking(wrong));
    REQUIRE(refusal);
    CHECK(refusal->status == 401);
    CHECK(http::header(refusal->headers, "www-authenticate"));
  }
}

TEST_CASE("a token file that others may read, or that holds no good token, is refused") {
  TokenFile const open("0123456789abcdef0123\n", 0640);
  CHECK(Access::from_file(open.path()).error().code == Errc::denied);
  TokenFile const poor("short\n", 0600);
  CHECK(Access::from_file(poor.path()).error().code == Errc::malformed);
  CHECK(Access::from_file("/nonexistent").error().code == Errc::not_found);
}

TEST_CASE("loopback is known in all its spellings") {
  for (auto const* host : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) CHECK(is_loopback(host));
  for (auto const* host : {"0.0.0.0", "192.0.2.1", "::", "fe80::1", "example"})
    CHECK_FALSE(is_loopback(host));
}
