#include "common/http/tls.hpp"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "common/core/fd.hpp"
#include "common/core/trust.hpp"
#include "common/http/tls_session.hpp"

namespace dadvisor::http {

namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

Error wrong(std::string const& file, std::string const& what) {
  ERR_clear_error();
  return Error{Errc::malformed, 0, file + ": " + what};
}

// Nobody is there to type one.
int no_passphrase(char*, int, int, void*) { return -1; }

Result<void> use_key(SSL_CTX* context, std::string const& path) {
  auto const file = open_file(path, O_RDONLY);
  if (!file) return file.error();
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return os_error(errno, path);
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Error{Errc::denied, 0, path + ": others may read the key; chmod 600 it"};
  auto text = read_file(path, 1 << 20);
  if (!text) return text.error();
  std::unique_ptr<BIO, FreeBio> const bio(BIO_new_mem_buf(text->data(), int(text->size())));
  std::unique_ptr<EVP_PKEY, FreeKey> const key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  bool const encrypted = text->find("ENCRYPTED") != std::string::npos;
  OPENSSL_cleanse(text->data(), text->size());
  if (!key)
    return wrong(path, encrypted ? "the key is encrypted; write it without a passphrase: "
                                   "openssl pkey -in OLD -out NEW"
                                 : "no private key in PEM");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return wrong(path, "this key is not that of the certificate; give both of one request");
  return {};
}

Result<void> use_certificate(SSL_CTX* context, std::string const& path) {
  if (auto const readable = open_file(path, O_RDONLY); !readable) return readable.error();
  if (SSL_CTX_use_certificate_chain_file(context, path.c_str()) != 1)
    return wrong(path, "no certificate in PEM");
  return {};
}

Result<void> trust(SSL_CTX* context, std::string const& path) {
  if (auto const readable = open_file(path, O_RDONLY); !readable) return readable.error();
  if (SSL_CTX_load_verify_file(context, path.c_str()) != 1)
    return wrong(path, "no certificates of authorities in PEM");
  return {};
}

Result<std::shared_ptr<TlsCredentials::Context const>> load(bool server, TlsFiles const& files) {
  auto made = std::make_shared<TlsCredentials::Context>();
  made->server = server;
  made->ssl.reset(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()));
  auto* const context = made->ssl.get();
  if (!context || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1)
    return wrong("TLS 1.3", "this build of OpenSSL does not speak it");
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  if (!files.certificate.empty()) {
    if (auto done = use_certificate(context, files.certificate); !done) return done.error();
    if (auto done = use_key(context, files.key); !done) return done.error();
    std::tm until{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(context)), &until) == 1)
      made->expires = WallTime(std::chrono::seconds(::timegm(&until)));
  }
  if (!files.authorities.empty()) {
    if (auto done = trust(context, files.authorities); !done) return done.error();
    if (server) {
      auto* const names = SSL_load_client_CA_file(files.authorities.c_str());
      if (names == nullptr) return wrong(files.authorities, "no certificates of authorities");
      SSL_CTX_set_client_CA_list(context, names);
    }
    made->asks = server;
  } else if (!server) {
    auto const bundle = system_certificates();
    if (bundle.empty())
      SSL_CTX_set_default_verify_paths(context);
    else if (auto done = trust(context, bundle); !done)
      return done.error();
  }
  return std::shared_ptr<TlsCredentials::Context const>(std::move(made));
}

}  // namespace

TlsCredentials::TlsCredentials(bool server, TlsFiles files, Log log)
    : server_(server),
      files_(std::move(files)),
      log_(std::move(log)),
      watched_({files_.certificate, files_.key, files_.authorities}) {}

TlsCredentials::~TlsCredentials() = default;

Result<std::shared_ptr<TlsCredentials>> TlsCredentials::for_server(TlsFiles files, Log log) {
  std::shared_ptr<TlsCredentials> made(new TlsCredentials(true, std::move(files), std::move(log)));
  auto loaded = load(true, made->files_);
  if (!loaded) return loaded.error();
  made->context_ = std::move(*loaded);
  return made;
}

Result<std::shared_ptr<TlsCredentials>> TlsCredentials::for_client(TlsFiles files, Log log) {
  std::shared_ptr<TlsCredentials> made(new TlsCredentials(false, std::move(files), std::move(log)));
  auto loaded = load(false, made->files_);
  if (!loaded) return loaded.error();
  made->context_ = std::move(*loaded);
  return made;
}

void TlsCredentials::look(MonotonicTime now) {
  if (!watched_.changed(now)) return;
  auto loaded = load(server_, files_);
  if (!loaded) {
    ++counts_.refused_reloads;
    log_.error("TLS stays as it was: {}", to_string(loaded.error()));
    return;
  }
  context_ = std::move(*loaded);
  ++counts_.reloads;
  log_.info("TLS files are loaded again");
}

TlsCounts TlsCredentials::counts() const {
  auto counts = counts_;
  counts.expires = context_->expires;
  return counts;
}

void use_no_tls_modules() { OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr); }

}  // namespace dadvisor::http
