#pragma once
// A directory with carbon's files, as /etc/carbon has them: storage-schemas.conf,
// storage-aggregation.conf, aggregation-rules.conf, rewrite-rules.conf, relay-rules.conf,
// whitelist.conf and blacklist.conf, each of which may be absent. Read again when one has changed,
// all or nothing, as alert rules are: by looking, so that an edit by rename or over a network is
// seen too.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "common/core/log.hpp"
#include "graphite-bridge/carbon/aggregation_rules.hpp"
#include "graphite-bridge/carbon/name_list.hpp"
#include "graphite-bridge/carbon/relay_rules.hpp"
#include "graphite-bridge/carbon/rewrite_rules.hpp"
#include "graphite-bridge/carbon/storage_aggregation.hpp"
#include "graphite-bridge/carbon/storage_schemas.hpp"

namespace dadvisor::graphite {

struct CarbonFiles {
  StorageSchemas schemas;
  StorageAggregations aggregations;
  std::vector<AggregationRule> rules;
  RewriteRules pre, post;
  RelayRules relay;
  NameList white, black;
};
using CarbonFilesPtr = std::shared_ptr<CarbonFiles const>;

struct LoadedCarbonFiles {
  CarbonFilesPtr files;
  std::vector<std::string> errors;  // "FILE:LINE: what is wrong; what to do"
};
// An empty directory's name: none is read, carbon's defaults count.
LoadedCarbonFiles load_carbon_files(std::string const& directory);

class CarbonDirectory {
 public:
  // What is there now counts as loaded by `files`.
  CarbonDirectory(std::string directory, CarbonFilesPtr files, Log log);

  // Looks whether a file has changed, and then reads all; slips are logged and the old ones stay.
  // True when there are new ones. One thread.
  bool poll();
  CarbonFilesPtr files() const;  // any thread

 private:
  using Stamp = std::tuple<std::uint64_t, std::int64_t, std::uint64_t>;  // inode, mtime, size
  std::map<std::string, Stamp> look() const;

  std::string const directory_;
  Log log_;
  std::map<std::string, Stamp> seen_;
  mutable std::mutex mutex_;  // guards files_
  CarbonFilesPtr files_;
};

}  // namespace dadvisor::graphite
