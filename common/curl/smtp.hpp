#pragma once
// Sends one mail to one recipient over SMTP, blocking, and says what became of it.
//
// One recipient a transaction: with several, libcurl either fails the whole mail for one refused
// address or hides which one it was. The connection is kept between mails. Not thread-safe; a
// thread of its own owns a client.

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/core/result.hpp"
#include "common/curl/handle.hpp"

namespace dadvisor::curl {

enum class Tls {
  none,      // plain text
  optional,  // STARTTLS if the server offers it; protects from nobody who can alter the stream
  required,  // STARTTLS or no mail
  implicit,  // TLS from the first byte (smtps, port 465)
};

struct SmtpOptions {
  std::string host;
  std::uint16_t port = 25;
  Tls tls = Tls::required;
  std::string ca_file;     // PEM; empty: the system's
  std::string user;        // empty: no AUTH
  std::string password;    // never logged
  std::string hello_name;  // for EHLO; empty: libcurl takes the host's name
  std::chrono::milliseconds connect_timeout{10000};
  std::chrono::milliseconds timeout{30000};  // of a whole transaction
};

// What became of a delivery: the one thing a queue has to know.
enum class Outcome {
  sent,       // the peer has taken it
  retry,      // not taken, may be later: 4xx, no connection, no TLS, refused log-in
  permanent,  // not taken and never will be: 5xx
  unknown,    // all of it left, the answer did not come: it may have been taken
};
char const* to_string(Outcome outcome);

struct Delivery {
  Outcome outcome = Outcome::retry;
  long reply = 0;      // the peer's last reply code, 0 if none came
  std::string detail;  // for a person
};

class SmtpClient {
 public:
  explicit SmtpClient(SmtpOptions options) : options_(std::move(options)) {}
  // `message` is render(Mail)'s; dot-stuffing is done here. Addresses as is_address takes them.
  Delivery send(std::string const& from, std::string const& to, std::string_view message,
                std::stop_token const& stop = {});

 private:
  SmtpOptions options_;
  Handle handle_;
};

// How a finished transfer is to be seen. `reply` is CURLINFO_RESPONSE_CODE (measured: 451 and 550
// both end with rc 55, a bad password with 67 / 535, a stored mail whose reply is lost with
// 56 / 354); `all_sent` says whether the last byte of the message was handed to libcurl. A refused
// log-in (530, 534, 535, 538: RFC 4954) is the operator's to mend, not the mail's fault: retry.
Outcome classify(CURLcode code, long reply, bool all_sent);

}  // namespace dadvisor::curl
