#pragma once
// TLS 1.3 for Server and Client: what one side shows and whom it trusts, from PEM files that are
// read again when they change. OpenSSL under our own sockets: asio::ssl keeps four buffers of 17
// KiB for each connection, open or idle, which ten thousand agents would make 700 MB.
//
// No older version is spoken, no session is resumed, and the system's openssl.cnf has no say beyond
// what OpenSSL reads of it at its start.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/core/result.hpp"
#include "common/core/watched_files.hpp"

namespace dadvisor::http {

// Paths of PEM files; empty: none.
struct TlsFiles {
  std::string
      certificate;  // what this side shows: its own first, then those between it and the root
  std::string key;  // of the certificate, unencrypted, closed to others (mode 0600)
  // Whom it trusts. A client without: the system's authorities. A server with: it asks its clients
  // for certificates and refuses those of others; without: it asks for none.
  std::string authorities;
};

struct TlsCounts {
  std::uint64_t reloads = 0;          // changed files taken
  std::uint64_t refused_reloads = 0;  // changed files with something wrong: the old ones stayed
  std::optional<WallTime> expires;    // when the own certificate does
};

// Owned by the loop's thread.
class TlsCredentials {
 public:
  // Errors name the file and the remedy: denied (a key that others may read, files that one may
  // not), not_found, malformed (no PEM, a key of another certificate, an encrypted key). A
  // certificate that has expired is taken: whoever it is shown to says so.
  static Result<std::shared_ptr<TlsCredentials>> for_server(TlsFiles files, Log log);
  static Result<std::shared_ptr<TlsCredentials>> for_client(TlsFiles files, Log log);
  ~TlsCredentials();
  TlsCredentials(TlsCredentials const&) = delete;
  TlsCredentials& operator=(TlsCredentials const&) = delete;

  // Looks, at most every 2 s, whether the files have changed, and takes them; with something wrong
  // in them the old ones stay, logged and counted. What connects from then on gets the new ones.
  void look(MonotonicTime now);
  TlsCounts counts() const;

  // For the files of this folder: what a connection is made of, good as long as it is held.
  struct Context;
  std::shared_ptr<Context const> const& context() const { return context_; }

 private:
  TlsCredentials(bool server, TlsFiles files, Log log);

  bool server_;
  TlsFiles files_;
  Log log_;
  WatchedFiles watched_;
  std::shared_ptr<Context const> context_;
  TlsCounts counts_;
};

// Once, before anything of TLS, in a program that is linked statically: openssl.cnf may name
// modules to load, which such a program cannot.
void use_no_tls_modules();

}  // namespace dadvisor::http
