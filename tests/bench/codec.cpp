// What a block of rows costs: bytes a sample, and CPU to encode and to decode it, by the length of
// the block, over the workload that all benchmarks share.
//
//   codec [CONTAINERS]        300 unless told

#include <fmt/format.h>

#include <cstdlib>
#include <ctime>

#include "aggregator/store/block.hpp"
#include "tests/bench/modelled_host.hpp"

namespace {

using namespace dadvisor;
using namespace dadvisor::aggregator::store;

constexpr std::size_t rows_of_two_hours = 720;

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Two hours of each container.
std::vector<Rows> two_hours(unsigned containers) {
  bench::WorkloadOptions options;
  options.containers = 20;
  options.hosts = (containers + 19) / 20;
  options.begin = from_unix_seconds(1'800'000'000);
  std::vector<MetricId> columns = bench::container_metrics();
  std::ranges::sort(columns);
  std::vector<Rows> all;
  for (unsigned number = 0; number < options.hosts; ++number) {
    bench::HostWorkload host(options, number);
    auto const first = all.size();
    all.resize(first + options.containers, Rows(columns));
    for (std::size_t row = 0; row < rows_of_two_hours; ++row) {
      auto const batch = host.next();
      std::size_t container = first;
      for (Row const& from : batch->rows) {
        auto const& metrics = batch->schemas[from.schema].metrics;
        if (metrics != bench::container_metrics()) continue;  // the host's
        Rows& into = all[container++];
        into.insert(row, tick_ns(batch->tick));
        for (std::size_t i = 0; i < metrics.size(); ++i)
          if (from.cells[i]) {
            auto const at = std::ranges::lower_bound(columns, metrics[i]);
            into.set(row, static_cast<std::size_t>(at - columns.begin()), *from.cells[i]);
          }
      }
    }
  }
  return all;
}

void measure(std::vector<Rows> const& all, std::size_t length) {
  std::vector<std::string> blocks;
  double samples = 0, bytes = 0;
  double const begun = cpu_seconds();
  for (Rows const& rows : all)
    for (std::size_t first = 0; first + length <= rows.size(); first += length)
      encode_block(rows, first, first + length, blocks.emplace_back());
  double const encoded = cpu_seconds();
  samples =
      static_cast<double>(all.size() * all[0].columns().size() * (all[0].size() / length) * length);
  for (std::string const& block : blocks) bytes += static_cast<double>(block.size());
  ColumnTable table;
  for (std::string const& block : blocks) {
    table.clear();
    if (!append_block(block, table)) std::exit(1);
  }
  double const decoded = cpu_seconds();
  MetricId const one[] = {metric::cpu_usage};
  Selection const selection(one);
  for (std::string const& block : blocks) {
    SelectedRows selected;
    if (!select_block(block, selection, INT64_MIN, INT64_MAX, selected)) std::exit(1);
  }
  double const selected = cpu_seconds();
  fmt::print("| {:4} | {:5.3f} | {:6.1f} | {:6.1f} | {:6.1f} |\n", length, bytes / samples,
             (encoded - begun) / samples * 1e9, (decoded - encoded) / samples * 1e9,
             (selected - decoded) / samples * 1e9 * static_cast<double>(all[0].columns().size()));
}

}  // namespace

int main(int argc, char** argv) {
  auto const all = two_hours(argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 300);
  fmt::print("{} containers of {} columns\n", all.size(), all[0].columns().size());
  fmt::print(
      "| rows | B a sample | encode ns | decode ns | one column of it, ns a sample |\n"
      "|---|---|---|---|---|\n");
  for (std::size_t const length : {12u, 24u, 60u, 180u, 360u, 720u}) measure(all, length);
}
