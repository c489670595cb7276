#include "common/http/tls_session.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <stdexcept>

namespace dadvisor::http {
namespace {

// A socket as OpenSSL sees it. Its own one writes by write(2), which raises SIGPIPE where the peer
// has gone.
int fd_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }

int answer(BIO* bio, ssize_t result, int again) {
  BIO_clear_retry_flags(bio);
  if (result < 0 && (errno == EAGAIN || errno == EINTR))
    BIO_set_flags(bio, again | BIO_FLAGS_SHOULD_RETRY);
  return static_cast<int>(result);
}

int bio_write(BIO* bio, char const* bytes, int size) {
  return answer(bio, ::send(fd_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL),
                BIO_FLAGS_WRITE);
}

int bio_read(BIO* bio, char* into, int size) {
  auto const got = ::recv(fd_of(bio), into, static_cast<std::size_t>(size), 0);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return answer(bio, got, BIO_FLAGS_READ);
}

long bio_control(BIO* bio, int what, long, void*) {
  if (what == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
  return what == BIO_CTRL_FLUSH || what == BIO_CTRL_DUP ? 1 : 0;
}

BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    auto* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "dadvisor socket");
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

bool is_address(std::string const& host) {
  in_addr four{};
  in6_addr six{};
  return ::inet_pton(AF_INET, host.c_str(), &four) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &six) == 1;
}

std::vector<std::string> dns_names(X509* certificate, bool addresses_too) {
  std::vector<std::string> names;
  auto* const all = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; all != nullptr && i < sk_GENERAL_NAME_num(all); ++i) {
    auto const* const name = sk_GENERAL_NAME_value(all, i);
    if (name->type != GEN_DNS && !(addresses_too && name->type == GEN_IPADD)) continue;
    auto const* const text = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    auto const size = static_cast<std::size_t>(ASN1_STRING_length(text));
    auto const* const bytes = ASN1_STRING_get0_data(text);
    if (name->type == GEN_DNS) {
      names.emplace_back(reinterpret_cast<char const*>(bytes), size);
    } else if (char shown[INET6_ADDRSTRLEN] = "";
               (size == 4 || size == 16) &&
               ::inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, shown, sizeof shown)) {
      names.emplace_back(shown);
    }
  }
  GENERAL_NAMES_free(all);
  return names;
}

std::optional<std::string> common_name(X509* certificate) {
  auto* const subject = X509_get_subject_name(certificate);
  int const at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return std::nullopt;
  unsigned char* text = nullptr;
  int const size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return std::nullopt;
  std::string name(reinterpret_cast<char const*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return name;
}

std::vector<std::string> names_of(X509* certificate, bool addresses_too) {
  auto names = dns_names(certificate, addresses_too);
  if (names.empty())
    if (auto common = common_name(certificate)) names.push_back(std::move(*common));
  return names;
}

std::string text_of(ASN1_TIME const* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "?";
  char text[32] = "";
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

}  // namespace

TlsSession::TlsSession(std::shared_ptr<TlsCredentials::Context const> context, int fd,
                       std::string host)
    : context_(std::move(context)), host_(std::move(host)), ssl_(SSL_new(context_->ssl.get())) {
  BIO* const bio = BIO_new(socket_method());
  if (!ssl_ || bio == nullptr) {
    BIO_free(bio);
    throw std::runtime_error("TLS: no memory for a connection");
  }
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  BIO_set_init(bio, 1);
  auto* const ssl = ssl_.get();
  SSL_set_bio(ssl, bio, bio);
  SSL_set_app_data(ssl, this);
  if (context_->server) {
    SSL_set_accept_state(ssl);
    if (context_->asks) SSL_set_verify(ssl, SSL_VERIFY_PEER, on_verified);
    return;
  }
  SSL_set_connect_state(ssl);
  SSL_set_verify(ssl, SSL_VERIFY_PEER, on_verified);
  bool const named = is_address(host_)
                         ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host_.c_str()) == 1
                         : SSL_set1_host(ssl, host_.c_str()) == 1 &&
                               SSL_set_tlsext_host_name(ssl, host_.c_str()) == 1;
  // Else any name would do.
  if (!named) throw std::runtime_error("TLS: no host name to check: " + printable(host_, 200));
}

int TlsSession::on_verified(int good, X509_STORE_CTX* store) {
  if (good == 1) return good;
  auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& its = *static_cast<TlsSession*>(SSL_get_app_data(ssl));
  if (auto* const certificate = X509_STORE_CTX_get_current_cert(store)) {
    its.refused_names_ = names_of(certificate, true);
    its.refused_time_ = text_of(X509_STORE_CTX_get_error(store) == X509_V_ERR_CERT_NOT_YET_VALID
                                    ? X509_get0_notBefore(certificate)
                                    : X509_get0_notAfter(certificate));
  }
  return good;
}

TlsSession::Step TlsSession::handshake() {
  ERR_clear_error();
  auto const step = step_of(SSL_do_handshake(ssl_.get()));
  established_ = step.outcome == Outcome::done;
  return step;
}

TlsSession::Step TlsSession::read(std::span<char> into) {
  ERR_clear_error();
  std::size_t got = 0;
  auto step = step_of(SSL_read_ex(ssl_.get(), into.data(), into.size(), &got));
  step.bytes = got;
  return step;
}

TlsSession::Step TlsSession::write(std::span<char const> from) {
  ERR_clear_error();
  std::size_t sent = 0;
  auto step = step_of(SSL_write_ex(ssl_.get(), from.data(), from.size(), &sent));
  step.bytes = sent;
  return step;
}

TlsSession::Step TlsSession::peek() {
  ERR_clear_error();
  char byte = 0;
  std::size_t got = 0;
  return step_of(SSL_peek_ex(ssl_.get(), &byte, 1, &got));
}

bool TlsSession::quiet() { return peek().outcome == Outcome::want_read; }

bool TlsSession::gone() {
  auto const outcome = peek().outcome;
  return outcome != Outcome::done && outcome != Outcome::want_read;
}

void TlsSession::say_goodbye() {
  if (!established_ || broken_) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
}

TlsSession::Step TlsSession::step_of(int result) {
  if (result == 1) return {};
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {Outcome::want_read, 0};
    case SSL_ERROR_WANT_WRITE:
      return {Outcome::want_write, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {Outcome::closed, 0};
    default:
      break;
  }
  // Nothing more may be asked of it after this.
  broken_ = true;
  auto const error = ERR_peek_error();
  ERR_clear_error();
  if (error == 0 || (ERR_GET_LIB(error) == ERR_LIB_SSL &&
                     ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
    if (!established_) failure_ = "the peer ended the connection instead of speaking TLS 1.3";
    return {Outcome::cut, 0};
  }
  explain(error);
  return {Outcome::failed, 0};
}

void TlsSession::explain(unsigned long error) {
  int const reason = ERR_GET_REASON(error);
  switch (ERR_GET_LIB(error) == ERR_LIB_SSL ? reason : 0) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return explain_certificate(SSL_get_verify_result(ssl_.get()));
    case SSL_R_HTTP_REQUEST:
      met_http_ = true;
      failure_ = "it speaks plain HTTP to a port of TLS; write https:// there";
      return;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      failure_ = context_->server ? "what comes is no TLS"
                                  : "it does not speak TLS on this port; write http://, or give it "
                                    "a certificate";
      return;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      failure_ = "it does not speak TLS 1.3, and nothing older is spoken here";
      return;
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      failure_ = context_->server
                     ? "it does not trust our certificate: it needs our authority's"
                     : "it does not trust our certificate; have it signed by the authority of its "
                       "tls_client_ca";
      return;
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      failure_ = "our certificate has expired, it says; renew it";
      return;
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      failure_ = fmt::format("it refuses our certificate ({})", ERR_reason_error_string(error));
      return;
    default: {
      auto const* const text = ERR_reason_error_string(error);
      failure_ = fmt::format("TLS failed: {}", text != nullptr ? text : "no reason given");
    }
  }
}

void TlsSession::explain_certificate(long verdict) {
  auto const whose = context_->server ? "the client's" : "its";
  std::vector<std::string> names;
  for (auto const& name : refused_names_) names.push_back(printable(name, 100));
  switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      failure_ =
          fmt::format("{} certificate has expired on {}; renew it there", whose, refused_time_);
      return;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      failure_ = fmt::format("{} certificate is valid from {} on; are both clocks right?", whose,
                             refused_time_);
      return;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
      failure_ =
          fmt::format("{} certificate is of an authority that is not trusted here; {}", whose,
                      context_->server
                          ? "tls_client_ca names those that are"
                          : "name that authority's certificate by tls_ca (of dadvisor: --ca-file)");
      return;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      failure_ = fmt::format(
          "its certificate is for {} and not for {}; ask for one of its names, or "
          "make it one with this name as subjectAltName",
          names.empty() ? "nobody" : fmt::format("{}", fmt::join(names, ", ")),
          printable(host_, 200));
      return;
    default:
      failure_ = fmt::format("{} certificate is not good: {}", whose,
                             X509_verify_cert_error_string(verdict));
  }
}

std::vector<std::string> TlsSession::peer_names() const {
  if (!established_ || !context_->asks || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return {};
  auto* const certificate = SSL_get0_peer_certificate(ssl_.get());
  return certificate != nullptr ? names_of(certificate, false) : std::vector<std::string>();
}

}  // namespace dadvisor::http
