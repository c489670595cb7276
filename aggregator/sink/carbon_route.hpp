#pragma once
// Which paths one of several carbons gets, and under which names: by carbon's own lists and rules
// (whitelist.conf, blacklist.conf, rewrite-rules.conf, in the order in which carbon-relay applies
// them), and then by relay-rules.conf or, without one, carbon's consistent hashing. Not
// thread-safe: part of that carbon's sink.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "graphite-bridge/carbon/carbon_directory.hpp"
#include "graphite-bridge/carbon/hash_ring.hpp"

namespace dadvisor::aggregator::sink {

struct CarbonRouting {
  std::shared_ptr<graphite::HashRing const> ring;   // null: there is one carbon
  std::size_t node = 0;                             // which of the ring's it is
  std::size_t replication = 1;                      // how many of them get a path
  std::string destination;                          // it, as relay-rules.conf names it
  std::function<graphite::CarbonFilesPtr()> files;  // as they are now; none: no rules
};

class CarbonRoute {
 public:
  explicit CarbonRoute(CarbonRouting routing) : routing_(std::move(routing)) {}

  // By the lists and rules as they are now from here on: once a span of ticks, not a point.
  void refresh();
  // What `path` is called there; nothing where it does not go there. The text lives until the next
  // call. Cheap for the path of the call before.
  std::optional<std::string_view> of(std::string_view path);
  // Whether a list keeps the path of the last call away from every carbon.
  bool filtered() const { return filtered_; }

 private:
  bool goes_there(std::string_view name) const;

  CarbonRouting const routing_;
  graphite::CarbonFilesPtr files_;
  std::string path_, name_;  // of the last call; empty: none yet
  bool goes_ = false, filtered_ = false;
};

}  // namespace dadvisor::aggregator::sink
