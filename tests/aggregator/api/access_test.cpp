#include "aggregator/api/access.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

using namespace dadvisor;
using namespace dadvisor::aggregator;
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

constexpr MonotonicTime now{};

http::Request asking(std::string const& authorization, std::string path = "/render") {
  http::Request request;
  request.path = std::move(path);
  if (!authorization.empty()) request.headers.emplace_back("authorization", authorization);
  return request;
}

}  // namespace

TEST_CASE("without a token file everybody may ask") {
  Access access;
  CHECK_FALSE(access.admit(asking(""), now).refusal);
}

TEST_CASE("with a token file only its token opens") {
  TokenFile const file("0123456789abcdef0123\nsecond line\n", 0600);
  auto access = Access::from_file(file.path());
  REQUIRE(access);
  auto const right = access->admit(asking("Bearer 0123456789abcdef0123"), now);
  CHECK_FALSE(right.refusal);
  CHECK(right.agents.empty());
  for (auto const* wrong : {"", "Bearer ", "Bearer 0123456789abcdef0124", "Bearer 0123456789abcdef",
                            "Basic 0123456789abcdef0123", "0123456789abcdef0123"}) {
    auto const refusal = access->admit(asking(wrong), now).refusal;
    REQUIRE(refusal);
    CHECK(refusal->status == 401);
    CHECK(http::header(refusal->headers, "www-authenticate"));
  }
}

TEST_CASE("a host's own token or certificate writes as that host and does nothing else") {
  auto const made = ingest::make_host_token("web-1");
  REQUIRE(made);
  TokenFile const hashes(made->line + "\n", 0640);
  TokenFile const readers("0123456789abcdef0123\n", 0600);
  auto access = Access::from_file(readers.path());
  REQUIRE(access);
  auto tokens = ingest::HostTokens::open(hashes.path(), Log("test", LogLevel::none));
  REQUIRE(tokens);
  access->set_host_tokens(std::move(*tokens));

  auto const by_token = [&](std::string const& path, std::string const& query = "") {
    auto request = asking("Bearer " + made->token, path);
    request.parameters = http::parse_form(query);
    return access->admit(request, now);
  };
  auto const by_certificate = [&](std::string const& path) {
    auto request = asking("", path);
    request.peer_names =
        std::make_shared<std::vector<std::string> const>(std::vector<std::string>{"db", "db.x"});
    return access->admit(request, now);
  };
  for (auto const* path : {"/api/v1/hello", "/api/v1/batches"}) {
    CHECK(by_token(path).agents == std::vector<std::string>{"web-1"});
    CHECK(by_certificate(path).agents == std::vector<std::string>{"db", "db.x"});
  }
  for (auto const* path : {"/render", "/metrics", "/api/v1/alerts", "/api/v1/status", "/"}) {
    CHECK(by_token(path).refusal->status == 403);
    CHECK(by_certificate(path).refusal->status == 403);
  }
  CHECK_FALSE(by_token("/api/v1/status", "streams=0").refusal);  // the doctor
  CHECK(by_token("/api/v1/status", "streams=1").refusal->status == 403);
  // The readers' token goes on as before.
  CHECK(access->admit(asking("Bearer 0123456789abcdef0123", "/api/v1/hello"), now).agents.empty());
  CHECK(
      access->admit(asking("Bearer " + made->token + "0", "/api/v1/hello"), now).refusal->status ==
      401);
  // The hash is no token.
  CHECK(access->admit(asking("Bearer " + made->line.substr(6), "/api/v1/hello"), now)
            .refusal->status == 401);
}

TEST_CASE("where hosts show who they are, who shows nothing writes nothing") {
  Access access;
  access.expect_certificates();
  CHECK(access.admit(asking("", "/api/v1/batches"), now).refusal->status == 401);
  CHECK_FALSE(access.admit(asking("", "/render"), now).refusal);  // on loopback, without token_file
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

TEST_CASE("telling events needs the token of token_file wherever there is any credential") {
  auto const telling = [](std::string const& authorization, std::string path) {
    auto request = asking(authorization, std::move(path));
    request.method = "POST";
    return request;
  };
  Access open;
  CHECK_FALSE(open.admit(telling("", "/events"), now).refusal);
  TokenFile const file("0123456789abcdef0123\n", 0600);
  auto access = Access::from_file(file.path());
  REQUIRE(access);
  CHECK_FALSE(access->admit(telling("Bearer 0123456789abcdef0123", "/events/"), now).refusal);
  CHECK(access->admit(telling("", "/events"), now).refusal->status == 401);
  Access certified;  // hosts write by their certificates, and whoever comes reads
  certified.expect_certificates();
  CHECK_FALSE(certified.admit(asking("", "/events"), now).refusal);
  for (auto const* path : {"/events", "/events/", "/events//"}) {
    CHECK(certified.admit(telling("", path), now).refusal->status == 401);
    auto request = telling("", path);
    request.peer_names = std::make_shared<std::vector<std::string> const>(1, "h1");
    CHECK(certified.admit(request, now).refusal->status == 403);
  }
  CHECK_FALSE(certified.admit(telling("", "/render"), now).refusal);
}
