#include "graphite-bridge/carbon/point_path.hpp"

#include <algorithm>
#include <map>

#include "graphite-bridge/glob.hpp"

namespace dadvisor::graphite {
namespace {

using PointTags = std::map<std::string, std::string, std::less<>>;

Error bad_path(std::string const& why) { return Error{Errc::malformed, 0, why}; }
Error long_path(std::string const& why) { return Error{Errc::too_large, 0, why}; }

Result<void> check_nodes(std::string_view path) {
  auto const nodes = split_nodes(path);
  if (nodes.size() > path_limit::nodes) return long_path("a name of more than 32 nodes");
  for (auto const node : nodes) {
    if (node.empty()) return bad_path("a name with an empty node");
    if (node.size() > path_limit::node_bytes) return long_path("a node of more than 200 bytes");
    if (node.find('/') != std::string_view::npos) return bad_path("a name with a /");
  }
  return {};
}

Result<void> add_tag(PointTags& tags, std::string_view tag, std::string_view value) {
  if (tag.empty() || tag.find_first_of(";!^=") != std::string_view::npos)
    return bad_path("a tag without a name, or with ; ! ^ or = in it");
  if (value.empty() || value.front() == '~' || value.find(';') != std::string_view::npos)
    return bad_path("a tag's value that is empty, begins with ~ or has a ; in it");
  tags.insert_or_assign(std::string(tag), std::string(value));
  return {};
}

Result<void> read_carbon_tags(std::string_view text, PointTags& tags) {
  while (!text.empty()) {
    text.remove_prefix(1);  // the ";"
    auto const end = std::min(text.find(';'), text.size());
    auto const one = text.substr(0, end);
    auto const equals = one.find('=');
    if (equals == std::string_view::npos) return bad_path("a tag without =");
    if (auto added = add_tag(tags, one.substr(0, equals), one.substr(equals + 1)); !added)
      return added;
    text.remove_prefix(end);
  }
  return {};
}

// tag="value",tag="value" with \" and \\ in values.
Result<void> read_quoted_tags(std::string_view text, PointTags& tags) {
  while (!text.empty()) {
    auto const equals = text.find('=');
    if (equals == std::string_view::npos || text.substr(equals + 1, 1) != "\"")
      return bad_path("tags in braces that are not tag=\"value\"");
    auto const tag = text.substr(0, equals);
    std::string value;
    std::size_t at = equals + 2;
    for (; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\' && ++at == text.size()) break;
      value += text[at];
    }
    if (at >= text.size()) return bad_path("a tag's value without its closing quote");
    text.remove_prefix(at + 1);
    if (text.starts_with(',')) text.remove_prefix(1);
    if (auto added = add_tag(tags, tag, value); !added) return added;
  }
  return {};
}

// Whether carbon takes it for a name with tags in braces: name{tag="value"}.
bool has_braces(std::string_view path) {
  return path.ends_with("\"}") && path.find('{') != std::string_view::npos;
}

Result<std::string> tagged_path(std::string_view name, PointTags tags) {
  tags.erase("name");  // it is the metric's own name, whatever was sent
  name.remove_prefix(std::min(name.find_first_not_of('~'), name.size()));
  if (name.empty()) return bad_path("tags without a name");
  Error const braces = bad_path("a name or a value that reads as tags in braces");
  if (tags.empty()) {  // an ordinary name then
    if (has_braces(name)) return braces;
    if (auto sound = check_nodes(name); !sound) return sound.error();
    return std::string(name);
  }
  if (name.size() > path_limit::tagged_name_bytes)
    return long_path("a tagged name of more than 200 bytes");
  std::vector<std::string> texts;
  for (auto const& [tag, value] : tags) texts.push_back(";" + tag + "=" + value);
  std::ranges::sort(
      texts);  // by their text, as carbon does: "a=1" may stand before or behind "a-b=1"
  std::string path(name);
  for (std::string const& text : texts) path += text;
  if (path.size() > path_limit::path_bytes) return long_path("a name of more than 1024 bytes");
  if (has_braces(path)) return braces;  // who asks for it would be told of other tags
  return path;
}

}  // namespace

bool is_printable_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    auto const byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    unsigned const first = byte(i);
    std::size_t const length = first < 0x80   ? 1
                               : first < 0xc2 ? 0
                               : first < 0xe0 ? 2
                               : first < 0xf0 ? 3
                               : first < 0xf5 ? 4
                                              : 0;
    if (length == 0 || first < 0x20 || first == 0x7f) return false;
    for (std::size_t k = 1; k < length; ++k)
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    unsigned const second = byte(i + 1);
    if (first == 0xc2 && second < 0xa0) return false;  // C1 controls
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return false;
    if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return false;
    i += length;
  }
  return true;
}

Result<std::string> canonical_path(std::string_view sent) {
  if (sent.empty()) return bad_path("an empty name");
  if (sent.size() > path_limit::path_bytes) return long_path("a name of more than 1024 bytes");
  if (!is_printable_utf8(sent)) return bad_path("a name that is not printable UTF-8");
  PointTags tags;
  if (has_braces(sent)) {
    auto const brace = sent.find('{');
    if (brace == 0) return bad_path("tags without a name");
    if (sent.find(';') < brace) return bad_path("tags in braces behind a name with a ;");
    auto const inside = sent.substr(brace + 1, sent.size() - brace - 2);
    if (auto read = read_quoted_tags(inside, tags); !read) return read.error();
    return tagged_path(sent.substr(0, brace), std::move(tags));
  }
  auto const semicolon = sent.find(';');
  if (semicolon != std::string_view::npos) {
    if (semicolon == 0) return bad_path("tags without a name");
    if (auto read = read_carbon_tags(sent.substr(semicolon), tags); !read) return read.error();
    return tagged_path(sent.substr(0, semicolon), std::move(tags));
  }
  if (auto sound = check_nodes(sent); !sound) return sound.error();
  return std::string(sent);
}

PathParts split_path(std::string_view canonical) {
  auto const tags = canonical.find(';');
  if (tags != std::string_view::npos) return {canonical.substr(tags), canonical.substr(0, tags)};
  auto const dot = canonical.rfind('.');
  if (dot == std::string_view::npos) return {{}, canonical};
  return {canonical.substr(0, dot), canonical.substr(dot + 1)};
}

std::string join_path(std::string_view parent, std::string_view leaf) {
  if (parent.empty()) return std::string(leaf);
  if (parent.front() == ';') return std::string(leaf) + std::string(parent);
  return std::string(parent) + "." + std::string(leaf);
}

}  // namespace dadvisor::graphite
