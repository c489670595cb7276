#pragma once
// carbon's consistent hashing (carbon/hashing.py and routers.py, "carbon_ch"): which of several
// carbons a path goes to. The same ring as carbon-relay's and as carbon-c-relay's carbon_ch, so
// that what they wrote is found where it lies. Immutable; any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dadvisor::graphite {

// A carbon as the ring knows it. Its port has no part in where paths go.
struct HashNode {
  std::string server;
  std::optional<std::string> instance;  // carbon's DESTINATIONS: HOST:PORT:INSTANCE
  bool operator==(HashNode const&) const = default;
};

class HashRing {
 public:
  explicit HashRing(std::vector<HashNode> const& nodes);
  // Whether `node`, its place among the nodes, is among the first `count` for that path: each
  // counts once.
  bool holds(std::size_t node, std::string_view path, std::size_t count) const;
  // The first `count` nodes for a path, best first.
  std::vector<std::size_t> nodes_of(std::string_view path, std::size_t count) const;

 private:
  std::size_t nodes_;
  std::vector<std::pair<std::uint32_t, std::size_t>> ring_;  // position and node, by position
};

}  // namespace dadvisor::graphite
