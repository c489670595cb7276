#include "graphite-bridge/line.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace dadvisor::graphite {
namespace {

bool is_node_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == ':' || c == '%';
}

}  // namespace

bool is_line_path(std::string_view path) {
  bool node_open = false;  // the node at hand has a byte
  for (char const c : path) {
    if (c == '.') {
      if (!node_open) return false;
      node_open = false;
    } else if (is_node_byte(c)) {
      node_open = true;
    } else {
      return false;
    }
  }
  return node_open;
}

Result<void> append_line(std::string& out, std::string_view path, double value,
                         std::int64_t timestamp) {
  if (!is_line_path(path)) {
    return Error{Errc::malformed, 0,
                 "no path for a carbon line (" + std::to_string(path.size()) + " bytes)"};
  }
  if (!std::isfinite(value)) {
    return Error{Errc::malformed, 0, "no finite value for " + std::string(path)};
  }
  std::array<char, 64> buffer;
  char* const end = buffer.data() + buffer.size();
  char* at = std::to_chars(buffer.data(), end, value).ptr;
  *at++ = ' ';
  at = std::to_chars(at, end, timestamp).ptr;
  *at++ = '\n';
  out += path;
  out += ' ';
  out.append(buffer.data(), static_cast<std::size_t>(at - buffer.data()));
  return {};
}

}  // namespace dadvisor::graphite
