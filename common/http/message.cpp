#include "common/http/message.hpp"

#include <strings.h>

namespace dadvisor::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool same_without_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::optional<std::string_view> header(Fields const& headers, std::string_view name) {
  for (auto const& [key, value] : headers) {
    if (same_without_case(key, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> parameter(Fields const& parameters, std::string_view name) {
  for (auto const& [key, value] : parameters) {
    if (key == name) return value;
  }
  return std::nullopt;
}

Response typed_response(unsigned status, std::string_view content_type, std::string body) {
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", content_type);
  response.body = std::move(body);
  return response;
}

void gather(Response& response) {
  auto const rest = std::exchange(response.rest, {});
  if (!rest.next) return;
  response.body.reserve(response.body.size() + rest.about);
  std::string piece;
  for (rest.next(piece); !piece.empty(); rest.next(piece)) response.body += piece;
}

Response text_response(unsigned status, std::string body) {
  return typed_response(status, "text/plain; charset=utf-8", std::move(body));
}

Response json_response(unsigned status, std::string body) {
  return typed_response(status, "application/json", std::move(body));
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      int const high = hex_digit(text[i + 1]);
      int const low = hex_digit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
  }
  return decoded;
}

std::string percent_encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string encoded;
  for (char const c : text) {
    bool const plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      auto const byte = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += digits[byte >> 4];
      encoded += digits[byte & 15];
    }
  }
  return encoded;
}

Fields parse_form(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    auto const end = text.find('&');
    auto const pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (pair.empty()) continue;
    auto const equals = pair.find('=');
    auto const value =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    fields.emplace_back(percent_decode(pair.substr(0, equals), true), percent_decode(value, true));
  }
  return fields;
}

Fields merged_parameters(Request const& request) {
  Fields merged = request.parameters;
  auto const type = header(request.headers, "Content-Type").value_or("");
  static constexpr std::string_view form = "application/x-www-form-urlencoded";
  if (same_without_case(type.substr(0, form.size()), form)) {
    // A body typed in by hand (curl --data-binary @file) ends in a line feed that nobody means.
    std::string_view body = request.body;
    while (!body.empty() && (body.back() == '\n' || body.back() == '\r')) body.remove_suffix(1);
    for (auto& field : parse_form(body)) merged.push_back(std::move(field));
  }
  return merged;
}

}  // namespace dadvisor::http
