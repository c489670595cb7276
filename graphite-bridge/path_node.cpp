#include "graphite-bridge/path_node.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace dadvisor::graphite {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// FNV-1a, folded to 24 bits: paths live in dashboards, so it may never change.
std::string short_hash(std::string_view raw) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (char const c : raw) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3u;
  }
  return fmt::format("-{:06x}", (hash ^ (hash >> 24) ^ (hash >> 48)) & 0xffffffu);
}

std::string finish(std::string node, std::string_view raw, bool lost) {
  if (node.empty()) return "unknown";
  if (!lost && node.size() <= max_node_bytes) return node;
  auto const hash = short_hash(raw);
  if (node.size() + hash.size() > max_node_bytes) node.resize(max_node_bytes - hash.size());
  return node + hash;
}

}  // namespace

std::string encode_node(std::string_view raw) {
  std::string node;
  bool lost = false;
  for (char const c : raw) {
    node += is_plain(c) ? c : '_';
    lost = lost || !is_plain(c);
  }
  return finish(std::move(node), raw, lost);
}

std::string encode_marathon_id(std::string_view id) {
  std::string_view const raw = id;
  if (id.starts_with('/')) id.remove_prefix(1);
  std::string node;
  bool lost = false;
  for (char const c : id) {
    if (c == '/') {
      node += '_';
    } else if (c == '.') {
      node += "__";
    } else {
      // An "_" in the id would be taken for a "/".
      lost = lost || !is_plain(c) || c == '_';
      node += is_plain(c) ? c : '_';
    }
  }
  return finish(std::move(node), raw, lost);
}

}  // namespace dadvisor::graphite
