#include "common/http/tls.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "certificates.hpp"
#include "common/core/fd.hpp"
#include "common/http/client.hpp"
#include "common/http/server.hpp"
#include "raw_peer.hpp"

using namespace dadvisor;
using namespace dadvisor::http;
using namespace std::chrono_literals;
using test::Authority;

namespace {

Log const quiet("test", LogLevel::none);

std::shared_ptr<TlsCredentials> server_of(TlsFiles files, std::string authorities = "") {
  files.authorities = std::move(authorities);
  auto made = TlsCredentials::for_server(files, quiet);
  REQUIRE(made);
  return *made;
}

std::shared_ptr<TlsCredentials> client_of(std::string authorities, TlsFiles files = {}) {
  files.authorities = std::move(authorities);
  auto made = TlsCredentials::for_client(files, quiet);
  REQUIRE(made);
  return *made;
}

// A server on a loop that ask() runs.
class Site {
 public:
  explicit Site(std::shared_ptr<TlsCredentials> tls, std::chrono::milliseconds patience = 10s) {
    ServerOptions options;
    options.tls = std::move(tls);
    options.header_timeout = patience;
    auto listening = Server::listen(
        loop_, options,
        [this](Request request, Responder respond) {
          names_.clear();
          if (request.peer_names) names_ = *request.peer_names;
          respond(text_response(200, request.target == "/echo" ? std::move(request.body) : "hi"));
        },
        quiet);
    REQUIRE(listening);
    server_ = std::move(*listening);
  }
  std::uint16_t port() const { return server_->port(); }
  ServerCounts counts() const { return server_->counts(); }
  Loop& loop() { return loop_; }
  std::vector<std::string> const& names() const { return names_; }  // of the last request's client

  std::unique_ptr<Client> client(std::shared_ptr<TlsCredentials> tls,
                                 std::string host = "127.0.0.1") {
    ClientOptions options;
    options.tls = tls;
    return std::make_unique<Client>(
        loop_, Origin{std::move(host), server_->port(), "", tls != nullptr}, options);
  }
  Result<Response> ask(Client& client, std::string body = "", std::string target = "/echo") {
    ClientRequest request;
    request.method = "POST";
    request.target = std::move(target);
    request.body = std::move(body);
    Result<Response> answer = Error{Errc::io, 0, "nothing came"};
    client.request(std::move(request), [&](Result<Response> result) {
      answer = std::move(result);
      loop_.stop();
    });
    auto const guard = loop_.after(20s, [&] { loop_.stop(); });
    loop_.run();
    return answer;
  }
  Error refusal(std::shared_ptr<TlsCredentials> tls, std::string host = "127.0.0.1") {
    auto const made = client(std::move(tls), std::move(host));
    auto const answer = ask(*made);
    REQUIRE_FALSE(answer);
    return answer.error();
  }

 private:
  Loop loop_;
  std::unique_ptr<Server> server_;
  std::vector<std::string> names_;
};

bool says(Error const& error, std::string const& text) {
  INFO(to_string(error));
  CHECK(error.context.find(text) != std::string::npos);
  return error.code == Errc::denied;
}

}  // namespace

TEST_CASE("requests of any size go by TLS over one kept connection", "[tls]") {
  Authority authority("ca");
  Site site(server_of(authority.sign("site", "IP:127.0.0.1")));
  auto const client = site.client(client_of(authority.certificate()));
  for (std::size_t const size : {0U, 1U, 100U, 16383U, 16384U, 16385U, 3'000'000U}) {
    std::string body;
    for (std::size_t i = 0; i < size; ++i) body += static_cast<char>('a' + i * i % 23);
    auto const answer = site.ask(*client, body);
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->body == body);
  }
  CHECK(site.counts().connections == 1);
  CHECK(site.counts().tls_failures == 0);
  CHECK(site.names().empty());
}

TEST_CASE("what a client does not trust it does not speak to, and says what to mend", "[tls]") {
  Authority authority("ca"), other("other");
  Site site(server_of(authority.sign("site", "DNS:site.example,DNS:localhost")));
  CHECK(says(site.refusal(client_of(other.certificate())),
             "of an authority that is not trusted here; name that authority's certificate"));
  CHECK(says(site.refusal(client_of(authority.certificate())),
             "its certificate is for site.example, localhost and not for 127.0.0.1"));
  CHECK(site.counts().requests == 0);
  auto const named = site.client(client_of(authority.certificate()), "localhost");
  CHECK(site.ask(*named));

  Site late(server_of(authority.sign("late", "IP:127.0.0.1", 59min)));
  CHECK(says(late.refusal(client_of(authority.certificate())), "its certificate has expired on 2"));
}

TEST_CASE("plain HTTP and TLS that meet tell each other", "[tls]") {
  Authority authority("ca");
  Site plain(nullptr);
  CHECK(says(plain.refusal(client_of(authority.certificate())), "write http://"));
  Site site(server_of(authority.sign("site", "IP:127.0.0.1")));
  auto const client = site.client(nullptr);
  auto const answer = site.ask(*client);
  REQUIRE(answer);
  CHECK(answer->status == 400);
  CHECK(answer->body == "this port speaks TLS alone: write https://\n");
  CHECK(site.counts().tls_failures == 1);
}

TEST_CASE("a client's certificate tells the server its names", "[tls]") {
  Authority authority("ca"), clients("clients");
  Site site(server_of(authority.sign("site", "IP:127.0.0.1"), clients.certificate()));
  auto const asked_by = [&](TlsFiles files) {
    auto const client = site.client(client_of(authority.certificate(), std::move(files)));
    return site.ask(*client);
  };
  REQUIRE(asked_by({}));
  CHECK(site.names().empty());
  REQUIRE(asked_by(clients.sign("web-1", "DNS:web-1,DNS:web-1.example,IP:192.0.2.1")));
  CHECK(site.names() == std::vector<std::string>{"web-1", "web-1.example"});
  REQUIRE(asked_by(clients.sign("web-2", "")));
  CHECK(site.names() == std::vector<std::string>{"web-2"});  // its common name

  auto const foreign = asked_by(authority.sign("web-3", "DNS:web-3"));
  REQUIRE_FALSE(foreign);
  CHECK(says(foreign.error(), "have it signed by the authority of its tls_client_ca"));
  auto const old = asked_by(clients.sign("web-4", "DNS:web-4", 59min));
  REQUIRE_FALSE(old);
  CHECK(says(old.error(), "our certificate has expired"));
  CHECK(site.counts().requests == 3);
}

TEST_CASE("certificates are changed without a restart, and wrong ones are not taken", "[tls]") {
  Authority authority("ca");
  auto const files = authority.sign("site", "DNS:localhost");
  auto const tls = server_of(files);
  Site site(tls);
  auto const trust = client_of(authority.certificate());
  auto const kept = site.client(trust, "localhost");
  REQUIRE(site.ask(*kept));
  MonotonicTime now{Nanoseconds(std::chrono::steady_clock::now().time_since_epoch()) + 1h};

  REQUIRE(replace_file(files.certificate, "half a certificate"));
  tls->look(now);
  CHECK(tls->counts().refused_reloads == 1);
  tls->look(now += 3s);
  CHECK(tls->counts().refused_reloads == 1);  // seen already
  REQUIRE(site.ask(*kept));
  CHECK(site.counts().connections == 1);

  // Another name under the same paths. It is looked for at most every 2 s.
  auto const expires = tls->counts().expires;
  std::filesystem::rename(authority.sign("new", "IP:127.0.0.1", 48h).key, files.key);
  std::filesystem::rename(authority.file("new.pem"), files.certificate);
  tls->look(now += 1s);
  CHECK(tls->counts().reloads == 0);
  tls->look(now += 1s);
  CHECK(tls->counts().reloads == 1);
  CHECK(*tls->counts().expires - *expires > 23h);
  CHECK(site.counts().tls_reloads == 1);
  // The connection from before gets its answer, and no other one.
  REQUIRE(site.ask(*kept));
  CHECK(says(site.refusal(trust, "localhost"), "is for 127.0.0.1 and not for localhost"));
  auto const fresh = site.client(trust);
  REQUIRE(site.ask(*fresh));
  auto const again = site.ask(*kept);
  REQUIRE_FALSE(again);
  CHECK(says(again.error(), "not for localhost"));
}

TEST_CASE("files that cannot serve are refused by name with a remedy", "[tls]") {
  Authority authority("ca");
  auto const files = authority.sign("site", "IP:127.0.0.1");
  auto const other = authority.sign("other", "IP:127.0.0.1");
  auto const refusal = [&](TlsFiles const& given) {
    auto const made = TlsCredentials::for_server(given, quiet);
    REQUIRE_FALSE(made);
    return made.error();
  };
  CHECK(refusal({"/nonexistent", files.key, ""}).code == Errc::not_found);
  CHECK(refusal({files.certificate, "/nonexistent", ""}).code == Errc::not_found);
  CHECK(refusal({files.key, files.key, ""}).context == files.key + ": no certificate in PEM");
  auto const stranger = refusal({files.certificate, other.key, ""});
  CHECK(stranger.code == Errc::malformed);
  CHECK(stranger.context.starts_with(other.key + ": this key is not that of the certificate"));
  ::chmod(files.key.c_str(), 0640);
  auto const open = refusal(files);
  CHECK(open.code == Errc::denied);
  CHECK(open.context == files.key + ": others may read the key; chmod 600 it");
}

TEST_CASE("a client that says nothing, or no TLS, costs one closed connection", "[tls]") {
  Authority authority("ca");
  Site site(server_of(authority.sign("site", "IP:127.0.0.1")), 200ms);
  int const silent = test::raw_connect(site.port());
  int const noise = test::raw_connect(site.port());
  test::raw_send(noise, std::string(100, '\x16') + "no TLS");
  auto const until = std::chrono::steady_clock::now() + 10s;
  while (site.counts().connections < 2 ||
         (site.counts().open > 0 && std::chrono::steady_clock::now() < until)) {
    auto const soon = site.loop().after(20ms, [&] { site.loop().stop(); });
    site.loop().run();
    if (site.counts().tls_failures > 0) ::shutdown(noise, SHUT_RDWR);
  }
  CHECK(site.counts().timeouts == 1);
  CHECK(site.counts().tls_failures == 1);
  CHECK(site.counts().open == 0);
  ::close(silent);
  ::close(noise);
}
