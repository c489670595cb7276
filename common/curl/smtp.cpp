#include "common/curl/smtp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "common/curl/mail.hpp"

namespace dadvisor::curl {

namespace {

struct Upload {
  std::string_view rest;
  bool finished = false;  // libcurl has been told that there is no more
};

std::size_t on_read(char* to, std::size_t size, std::size_t count, void* state) {
  auto& upload = *static_cast<Upload*>(state);
  std::size_t const n = std::min(size * count, upload.rest.size());
  if (n == 0) {
    upload.finished = true;
    return 0;
  }
  std::memcpy(to, upload.rest.data(), n);
  upload.rest.remove_prefix(n);
  return n;
}

}  // namespace

char const* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::sent:
      return "sent";
    case Outcome::retry:
      return "retry";
    case Outcome::permanent:
      return "permanent";
    case Outcome::unknown:
      return "unknown";
  }
  return "?";
}

Outcome classify(CURLcode code, long reply, bool all_sent) {
  if (code == CURLE_OK) return Outcome::sent;
  // The reply to the closing dot came; what failed after it does not concern the mail.
  if (all_sent && reply == 250) return Outcome::sent;
  if (all_sent && reply == 354) return Outcome::unknown;
  if (reply == 530 || reply == 534 || reply == 535 || reply == 538) return Outcome::retry;
  if (reply >= 500 && reply < 600) return Outcome::permanent;
  return Outcome::retry;
}

Delivery SmtpClient::send(std::string const& from, std::string const& to, std::string_view message,
                          std::stop_token const& stop) {
  if (!is_address(from) || !is_address(to))
    return {Outcome::permanent, 0, "not an address: " + (is_address(from) ? to : from)};
  if (!handle_) handle_.reset(curl_easy_init());
  if (!handle_) return {Outcome::retry, 0, "libcurl gives no handle"};
  CURL* const handle = handle_.get();
  std::array<char, CURL_ERROR_SIZE> error{};
  prepare(handle, stop, error.data());

  bool const v6 = options_.host.find(':') != std::string::npos;
  auto const url =
      fmt::format("{}://{}{}{}:{}/{}", options_.tls == Tls::implicit ? "smtps" : "smtp",
                  v6 ? "[" : "", options_.host, v6 ? "]" : "", options_.port, options_.hello_name);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  long const use_ssl = options_.tls == Tls::none       ? static_cast<long>(CURLUSESSL_NONE)
                       : options_.tls == Tls::optional ? static_cast<long>(CURLUSESSL_TRY)
                                                       : static_cast<long>(CURLUSESSL_ALL);
  curl_easy_setopt(handle, CURLOPT_USE_SSL, use_ssl);
  if (!options_.ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, options_.ca_file.c_str());
  if (!options_.user.empty()) {
    curl_easy_setopt(handle, CURLOPT_USERNAME, options_.user.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, options_.password.c_str());
  }
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
  curl_easy_setopt(handle, CURLOPT_SERVER_RESPONSE_TIMEOUT,
                   std::max<long>(1, static_cast<long>(options_.timeout.count() / 1000)));

  auto const sender = "<" + from + ">";
  List recipients;
  append(recipients, "<" + to + ">");
  curl_easy_setopt(handle, CURLOPT_MAIL_FROM, sender.c_str());
  curl_easy_setopt(handle, CURLOPT_MAIL_RCPT, recipients.get());
  Upload upload{message};
  curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(handle, CURLOPT_READFUNCTION, on_read);
  curl_easy_setopt(handle, CURLOPT_READDATA, &upload);

  CURLcode const code = curl_easy_perform(handle);
  long reply = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &reply);
  Delivery delivery;
  delivery.outcome = classify(code, reply, upload.finished);
  delivery.reply = reply;
  if (code != CURLE_OK)
    delivery.detail = fmt::format("{} (curl {}, last reply {})",
                                  error[0] != '\0' ? error.data() : curl_easy_strerror(code),
                                  static_cast<int>(code), reply);
  // A connection in doubt is not used again.
  if (code != CURLE_OK) handle_.reset();
  return delivery;
}

}  // namespace dadvisor::curl
