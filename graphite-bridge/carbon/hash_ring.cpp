#include "graphite-bridge/carbon/hash_ring.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

namespace dadvisor::graphite {
namespace {

constexpr int replicas = 100;  // places of each node on the ring

// The first 16 bits of the MD5.
std::uint32_t position_of(std::string_view key) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(key.data(), key.size(), digest.data(), &size, EVP_md5(), nullptr) != 1)
    std::abort();  // no memory
  return static_cast<std::uint32_t>(digest[0]) << 8 | digest[1];
}

// As Python prints the tuple (server, instance).
std::string printed(HashNode const& node) {
  return node.instance ? fmt::format("('{}', '{}')", node.server, *node.instance)
                       : fmt::format("('{}', None)", node.server);
}

}  // namespace

HashRing::HashRing(std::vector<HashNode> const& nodes) : nodes_(nodes.size()) {
  std::set<std::uint32_t> taken;
  for (std::size_t node = 0; node < nodes.size(); ++node) {
    auto const name = printed(nodes[node]);
    for (int replica = 0; replica < replicas; ++replica) {
      auto position = position_of(fmt::format("{}:{}", name, replica));
      while (!taken.insert(position).second) ++position;
      ring_.emplace_back(position, node);
    }
  }
  std::sort(ring_.begin(), ring_.end());
}

std::vector<std::size_t> HashRing::nodes_of(std::string_view path, std::size_t count) const {
  std::vector<std::size_t> out;
  auto const begin = std::lower_bound(ring_.begin(), ring_.end(),
                                      std::pair<std::uint32_t, std::size_t>(position_of(path), 0));
  auto const first = static_cast<std::size_t>(begin - ring_.begin());
  for (std::size_t i = 0; i < ring_.size() && out.size() < std::min(count, nodes_); ++i) {
    auto const node = ring_[(first + i) % ring_.size()].second;
    if (std::find(out.begin(), out.end(), node) == out.end()) out.push_back(node);
  }
  return out;
}

bool HashRing::holds(std::size_t node, std::string_view path, std::size_t count) const {
  auto const nodes = nodes_of(path, count);
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

}  // namespace dadvisor::graphite
