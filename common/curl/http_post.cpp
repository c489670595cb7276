#include "common/curl/http_post.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dadvisor::curl {

namespace {

std::size_t on_write(char* bytes, std::size_t size, std::size_t count, void* state) {
  auto& reply = *static_cast<PostReply*>(state);
  std::size_t const n = size * count;
  std::size_t const room = HttpPoster::reply_limit - reply.body.size();
  reply.body.append(bytes, std::min(n, room));
  if (n <= room) return n;
  reply.truncated = true;
  return 0;  // libcurl ends the transfer with CURLE_WRITE_ERROR
}

bool clean(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace

Result<PostReply> HttpPoster::post(Post const& post, std::stop_token const& stop) {
  all_sent_ = false;
  List headers;
  append(headers, "Content-Type: " + post.content_type);
  append(headers, "Expect:");  // no 100-continue round trip
  for (auto const& [name, value] : post.headers) {
    if (!clean(name) || !clean(value))
      return Error{Errc::malformed, 0, "header " + name + ": contains CR, LF or NUL"};
    append(headers, name + ": " + value);
  }
  if (!handle_) handle_.reset(curl_easy_init());
  if (!handle_) return Error{Errc::unavailable, 0, "libcurl gives no handle"};
  CURL* const handle = handle_.get();
  std::array<char, CURL_ERROR_SIZE> error{};
  prepare(handle, stop, error.data());
  PostReply reply;
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_URL, post.url.c_str());
  curl_easy_setopt(handle, CURLOPT_USERAGENT, user_agent_.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_POST, 1L);
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post.body.size()));
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, post.body.data());
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(post.connect_timeout.count()));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(post.timeout.count()));
  if (!post.ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, post.ca_file.c_str());
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_write);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &reply);

  CURLcode const code = curl_easy_perform(handle);
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &reply.status);
  curl_off_t uploaded = 0;
  curl_easy_getinfo(handle, CURLINFO_SIZE_UPLOAD_T, &uploaded);
  all_sent_ = !post.body.empty() && uploaded == static_cast<curl_off_t>(post.body.size());
  curl_off_t retry_after = 0;
  curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &retry_after);
  if (retry_after > 0) reply.retry_after = std::chrono::seconds(retry_after);
  if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && reply.truncated)) return reply;
  handle_.reset();  // a connection in doubt is not used again
  auto const what =
      fmt::format("POST: {} (curl {})", error[0] != '\0' ? error.data() : curl_easy_strerror(code),
                  static_cast<int>(code));
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Error{Errc::malformed, 0, what};
    case CURLE_OPERATION_TIMEDOUT:
      return Error{Errc::timeout, 0, what};
    default:
      return Error{Errc::unavailable, 0, what};
  }
}

}  // namespace dadvisor::curl
