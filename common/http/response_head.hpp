#pragma once
// The head of an answer as it is sent (RFC 9112): status line, headers, the empty line. Pure.

#include <cstddef>
#include <optional>
#include <string>

#include "common/http/message.hpp"

namespace dadvisor::http {

// How the end of an answer's body is told.
struct BodyEnd {
  std::optional<std::size_t> length;  // a Content-Length; nothing: none is sent
  bool chunked = false;
};

// Headers that would begin another one have their line feeds taken away.
std::string response_head(Response const& response, BodyEnd end, bool http_1_0, bool keep_alive);

}  // namespace dadvisor::http
