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
#include <string>
#include <utility>

#include "agent/export/metrics_text.hpp"
#include "common/core/row.hpp"

namespace dadvisor::agent {

// What a batch does not say of a container.
struct ContainerFacts {
  std::string cgroup;                         // its path: "/docker/ID"
  std::map<std::string, std::string> labels;  // the runtime's, of the allow-list
};

struct ContainerColumn;
struct ContainerFamily;
struct ContainerMoment;

// The page as it was when it was asked for, written piece by piece: whatever is shown meanwhile,
// all of its lines are of one batch, which it holds.
class ContainerLines {
 public:
  explicit ContainerLines(std::shared_ptr<ContainerMoment const> moment)
      : moment_(std::move(moment)) {}

  // Goes on until `into` has `enough` bytes, or a line and a family's head more; true: all has been
  // written. Stamped with the batch's tick; nothing before the first batch.
  bool write(MetricsText& into, std::size_t enough = static_cast<std::size_t>(-1));

 private:
  bool write_column(ContainerFamily const& family, ContainerColumn const& column, MetricsText& into,
                    std::size_t enough);

  std::shared_ptr<ContainerMoment const> moment_;  // null before the first batch
  // Where the next line is.
  std::size_t family_ = 0;
  std::size_t column_ = 0;  // of the family
  std::size_t at_ = 0;      // of the column: containers, then hosts
  bool begun_ = false;      // the family's head has been written
};

class ContainerPage {
 public:
  // Tells of the container of an id; nullopt when it is known no more.
  using Facts = std::function<std::optional<ContainerFacts>(std::string const& id)>;

  // The batch that the page shows from now on. Asks for the facts of new containers alone.
  // `weights`: cpu.shares are v2's weights.
  void show(std::shared_ptr<Batch const> batch, bool weights, Facts const& facts);

  // As it is now. May be kept: while it is, the next batch costs a copy of the labels.
  ContainerLines lines() const { return ContainerLines(moment_); }
  // About as long as that will be, rather too much.
  std::size_t bytes() const;

 private:
  std::shared_ptr<ContainerMoment> moment_;
};

}  // namespace dadvisor::agent
