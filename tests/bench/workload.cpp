#include "tests/bench/workload.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tests/bench/modelled_host.hpp"
#include "tests/bench/recorded_host.hpp"

namespace dadvisor::bench {
namespace {

constexpr unsigned instances_of_app = 20;

}  // namespace

unsigned apps_of(WorkloadOptions const& options) {
  return std::max(20U, options.hosts * options.containers / instances_of_app);
}

std::string app_name(unsigned number) { return fmt::format("app-{:05}", number); }
std::string host_name(unsigned number) { return fmt::format("host-{:05}", number); }

HostWorkload::HostWorkload(WorkloadOptions const& options, unsigned number)
    : name_(host_name(number)),
      step_(options.step),
      tick_(options.begin),
      figures_(options.recording ? recorded_host(options, number)
                                 : modelled_host(options, number)) {}

std::shared_ptr<Batch> HostWorkload::next() {
  auto batch = std::make_shared<Batch>();
  batch->stream = {name_, 1};
  batch->tick = tick_;
  batch->step = step_;
  figures_->fill(*batch);
  tick_ += step_;
  return batch;
}

std::uint64_t samples_of(Batch const& batch) {
  std::uint64_t samples = 0;
  for (auto const& row : batch.rows) samples += row.cells.count();
  return samples;
}

}  // namespace dadvisor::bench
