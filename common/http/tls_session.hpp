#pragma once
// One TLS connection over a socket that somebody else waits on: each call goes as far as it can and
// says what it waits for. Includes OpenSSL: only for the files of this folder that need it. Owned
// by the loop's thread.

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/http/tls.hpp"

namespace dadvisor::http {

struct FreeSsl {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* session) const { SSL_free(session); }
};

struct TlsCredentials::Context {
  std::unique_ptr<SSL_CTX, FreeSsl> ssl;
  bool server = false;
  bool asks = false;  // a server: for the client's certificate
  std::optional<WallTime> expires;
};

class TlsSession {
 public:
  enum class Outcome : std::uint8_t {
    done,
    want_read,   // again once the socket is readable
    want_write,  // again, with the same bytes, once it is writable
    closed,      // the peer has ended the session, as it should
    cut,         // the connection broke
    failed       // see failure()
  };
  struct Step {
    Outcome outcome = Outcome::done;
    std::size_t bytes = 0;
  };

  // `fd`: connected and non-blocking; not owned. `host`: whose certificate a client wants to see, a
  // name or an address; a server leaves it empty.
  TlsSession(std::shared_ptr<TlsCredentials::Context const> context, int fd, std::string host);

  Step handshake();
  Step read(std::span<char> into);
  Step write(std::span<char const> from);
  // Whether nothing has come: false when the peer has spoken, has ended or has gone.
  bool quiet();
  // Whether it has ended the session or gone, with nothing that is left to read.
  bool gone();
  // Tells the peer, as far as the socket takes it, that nothing more comes.
  void say_goodbye();

  // Why it failed, for a person, with the remedy.
  std::string const& failure() const { return failure_; }
  // A server: what came was plain HTTP.
  bool met_http() const { return met_http_; }
  // Names that the peer's verified certificate gives it: the DNS names of its subjectAltName or,
  // where there is none, its common name. Empty: it showed none.
  std::vector<std::string> peer_names() const;
  std::shared_ptr<TlsCredentials::Context const> const& context() const { return context_; }

 private:
  static int on_verified(int good, X509_STORE_CTX* store);
  Step step_of(int result);
  Step peek();
  void explain(unsigned long error);
  void explain_certificate(long verdict);

  std::shared_ptr<TlsCredentials::Context const> context_;
  std::string host_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  bool established_ = false, broken_ = false, met_http_ = false;
  std::vector<std::string> refused_names_;  // of the certificate that was not good
  std::string refused_time_;                // when it expires or becomes valid
  std::string failure_;
};

}  // namespace dadvisor::http
