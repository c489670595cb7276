#pragma once
// gzip (RFC 1952) of a response's body, by zlib at its fastest level. Any thread.

#include <optional>
#include <string>
#include <string_view>

namespace dadvisor::http {

// nullopt when zlib has no memory, or when the result would not be smaller.
std::optional<std::string> gzip(std::string_view bytes);

// Whether an Accept-Encoding header (RFC 9110, 12.5.3) takes gzip.
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace dadvisor::http
