#include "agent/doctor/figure_check.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dadvisor::agent {

using Level = Finding::Level;

namespace {

std::string list_of(std::vector<std::string_view> const& names) {
  std::string text;
  for (auto const name : names) text += fmt::format("{}{}", text.empty() ? "" : ", ", name);
  return text;
}

}  // namespace

Finding check_figures(Batch const& batch, bool disks_uncounted) {
  Finding finding{Level::good, "figures", {}, {}};
  std::vector<Row const*> containers;
  for (std::size_t i = 0; i < batch.entities.size() && i < batch.rows.size(); ++i)
    if (batch.entities[i].entity.key.kind == EntityKind::container)
      containers.push_back(&batch.rows[i]);
  if (containers.empty()) {
    finding.level = Level::note;
    finding.found = "there is no container on this host";
    finding.remedy = "start one, or watch systemd's services by services: always";
    return finding;
  }
  auto const& metrics = batch.schemas[containers.front()->schema].metrics;
  std::vector<std::string_view> absent;
  for (std::size_t at = 0; at < metrics.size(); ++at) {
    auto const has = [at](Row const* row) { return row->cells[at].has_value(); };
    if (std::ranges::any_of(containers, has)) continue;
    if (auto const* metric = find_metric(metrics[at])) absent.push_back(metric->leaf);
  }
  finding.found = fmt::format("{} container{} with {} of {} metrics", containers.size(),
                              containers.size() == 1 ? "" : "s", metrics.size() - absent.size(),
                              metrics.size());
  if (!absent.empty()) finding.found += "; none has " + list_of(absent);
  if (!disks_uncounted) return finding;
  finding.level = Level::note;
  finding.found += "; disk I/O is not counted on every disk (cgroup v1, kernel 6.10 or newer)";
  finding.remedy =
      "cgroup v2 counts it; on v1 any throttle rule, set once for each disk, starts it: "
      "blkio_enable: true has root's agent do that";
  return finding;
}

}  // namespace dadvisor::agent
