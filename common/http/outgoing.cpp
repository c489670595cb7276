#include "common/http/outgoing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "common/http/response_head.hpp"

namespace dadvisor::http {

Outgoing::Outgoing(Response response, bool head_alone, bool http_1_0, bool keep_alive) {
  bool const no_body = response.status == 204 || response.status == 304;
  if (no_body) response.rest = {};
  if (head_alone || http_1_0) gather(response);
  BodyEnd end;
  end.chunked = static_cast<bool>(response.rest.next);
  if (!no_body && !end.chunked) end.length = response.body.size();
  head_ = response_head(response, end, http_1_0, keep_alive);
  if (no_body || head_alone) return;
  body_ = std::move(response.body);
  rest_ = std::move(response.rest);
  if (end.chunked && body_.empty()) rest_.next(body_);
  made_ = body_.size();
  if (end.chunked) begin_chunk();
}

// Of none: the body's end.
void Outgoing::begin_chunk() {
  fmt::format_to(std::back_inserter(head_), "{:x}\r\n", body_.size());
  if (!body_.empty()) return;
  head_ += "\r\n";
  rest_ = {};
}

std::pair<std::string_view, std::string_view> Outgoing::left() const {
  std::string_view const head = head_, body = body_;
  auto const of_head = std::min(sent_, head.size());
  return {head.substr(of_head), body.substr(sent_ - of_head)};
}

bool Outgoing::sent(std::size_t bytes) {
  sent_ += bytes;
  if (sent_ < head_.size() + body_.size()) return true;
  if (!rest_.next) return false;
  rest_.next(body_);
  sent_ = 0;
  made_ += body_.size();
  head_ = "\r\n";  // the end of the chunk before
  begin_chunk();
  return true;
}

}  // namespace dadvisor::http
