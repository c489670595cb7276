#pragma once
// The newest batch as a Prometheus server reads it: under the names and labels of cAdvisor, so that
// its dashboards and rules go on working (names: docs/storage/prometheus.md of cAdvisor). The host
// stands under id="/", as cAdvisor's root does.
//
// Other than there: what the kernel does not tell has no series, where cAdvisor shows 0 (limits of
// unlimited containers among them); sums over interfaces and devices have no such label; groups of
// containers (slices) have no series. app, instance and owner, wherever they come from, are the
// labels container_label_dadvisor_{app,instance,owner}. The loop's thread calls.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/export/metrics_text.hpp"
#include "common/core/row.hpp"

namespace dadvisor::agent {

// What a batch does not say of a container.
struct ContainerFacts {
  std::string cgroup;                         // its path: "/docker/ID"
  std::map<std::string, std::string> labels;  // the runtime's, of the allow-list
};

class ContainerPage {
 public:
  // Tells of the container of an id; nullopt when it is known no more.
  using Facts = std::function<std::optional<ContainerFacts>(std::string const& id)>;

  // The batch that the page shows from now on. Asks for the facts of new containers alone.
  // `weights`: cpu.shares are v2's weights.
  void show(std::shared_ptr<Batch const> batch, bool weights, Facts const& facts);

  // Its families, stamped with the batch's tick; nothing before the first batch.
  void write(MetricsText& into) const;
  // About as long as that will be, rather too much.
  std::size_t bytes() const;

 private:
  // What stands behind a container's extra labels on each of its lines.
  struct Shown {
    std::uint32_t slot = 0;
    Labels of;           // the labels of the entity that `labels` was made of
    std::string labels;  // `id="/docker/ID",...}`
    // Of the batch.
    EntityKey const* key = nullptr;
    Row const* row = nullptr;
  };
  struct Column;
  struct Family;
  static std::span<Family const> families();
  void write_family(Family const& family, MetricsText& into) const;
  void write_lives(MetricsText& into) const;
  void write_spec(MetricsText& into) const;
  // Calls `work` with each container that has a figure of `container` and each host that has one
  // of `host`, and with that figure.
  template <typename Do>
  void for_each(MetricId container, MetricId host, Do const& work) const;

  std::shared_ptr<Batch const> batch_;
  bool weights_ = false;
  std::vector<Shown> shown_;  // by slot
};

}  // namespace dadvisor::agent
