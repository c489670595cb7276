// What a query costs: the real store holds two hours of 10,000 containers at 10 s, as the workload
// of all benchmarks makes them, in a segment, spills and the head, and is asked what dashboards
// ask. In this process, from the parameters to the answer's bytes: HTTP is not in it.
//
//   query [--containers N] [--minutes N] [--repeats N] [--keep DIRECTORY] [--only WORD]
//
// With --keep the store stays there; one that is there already is asked and not filled. Prints of
// each query the CPU (median and least of the repeats), how much it answered and the CRC of that,
// by which two programs' answers can be compared.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <future>
#include <thread>

#include "aggregator/series/store_series_source.hpp"
#include "common/core/frame/crc32c.hpp"
#include "common/core/frame/frame.hpp"
#include "day_world.hpp"
#include "graphite-bridge/find.hpp"
#include "graphite-bridge/render.hpp"
#include "usage.hpp"
#include "workload.hpp"

namespace {

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace std::chrono_literals;

WallTime const begin = from_unix_seconds(1'799'971'200);  // midnight

struct Options {
  unsigned containers = 10'000, minutes = 133, repeats = 15;
  std::string keep, only;
};

bench::WorkloadOptions workload(Options const& given) {
  bench::WorkloadOptions options;
  options.hosts = (given.containers + options.containers - 1) / options.containers;
  options.begin = begin;
  return options;
}

// Appends what all hosts have at one tick and waits until it is applied.
void append(store::Store& store, std::vector<std::shared_ptr<Batch>> const& batches) {
  std::atomic<std::size_t> left = batches.size();
  std::promise<void> done;
  for (auto const& batch : batches)
    store.append(encode_key_frame(*batch), batch, [&](Result<void> result) {
      if (!result) std::abort();
      if (--left == 0) done.set_value();
    });
  done.get_future().wait();
  std::promise<void> applied;
  store.post([&] { applied.set_value(); });
  applied.get_future().wait();
}

void fill(store::Store& store, store::StoreOptions const& store_options, DayClock& clock,
          Options const& given) {
  auto const options = workload(given);
  std::vector<bench::HostWorkload> hosts;
  for (unsigned number = 0; number < options.hosts; ++number) hosts.emplace_back(options, number);
  for (std::uint64_t tick = 0; tick < given.minutes * 60 / 10; ++tick) {
    clock.set(begin + options.step * static_cast<std::int64_t>(tick) + 1s);
    std::vector<std::shared_ptr<Batch>> batches;
    for (auto& host : hosts) {
      batches.push_back(host.next());
      batches.back()->sequence = tick + 1;
    }
    append(store, batches);
    // Simulated time goes no faster than the spills that are due in it.
    auto const due = static_cast<std::uint64_t>((clock.wall() - begin) / store_options.head_span);
    auto const behind = [&] {
      auto const counters = store.counters();
      return counters.spills < due || counters.merges < due / store_options.spills_per_segment;
    };
    for (int i = 0; behind(); ++i) {
      if (i == 6000) throw std::runtime_error("no spill for ten minutes");
      std::this_thread::sleep_for(100ms);
    }
  }
}

struct Question {
  std::string what;
  bool find = false;
  std::string text;
  Nanoseconds span{};
};

std::vector<Question> questions(Options const& given) {
  std::string const instances = "dadvisor.bench.instances.";
  // The apps of the first 1,000 containers, 20 each.
  std::string const thousand = instances + (given.containers > 1000 ? "app-000[0-4]*" : "*");
  auto const sum = "summarize(sumSeries(" + thousand + ".*.mem.rss),'1min','avg')";
  auto const rates = "summarize(sumSeries(" + thousand + ".*.cpu.cores),'1min','avg')";
  auto const all = instances + "*.*.cpu.cores";
  return {
      {"one series, 2 h", false, instances + "app-00007.0-8.mem.rss", 2h},
      {"sum of 1,000, 30 min", false, sum, 30min},
      {"sum of 1,000, 2 h", false, sum, 2h},
      {"sum of 1,000 rates, 2 h", false, rates, 2h},
      {"highestAverage of all, 5 min", false, "highestAverage(" + all + ",10)", 5min},
      {"highestMax of all, 5 min", false, "highestMax(" + all + ",10)", 5min},
      {"limit of all, 5 min", false, "limit(" + all + ",10)", 5min},
      {"highestMax of all gauges, 5 min", false, "highestMax(" + instances + "*.*.mem.rss,10)",
       5min},
      {"by owner: sum of an owner's, 30 min", false,
       "sumSeries(seriesByTag('name=mem.rss','owner=team-7@example.com'))", 30min},
      {"find apps", true, instances + "*", {}},
      {"find instances of an app", true, instances + "app-00007.*", {}},
      {"find by prefix", true, instances + "app-0000*.*.cpu.*", {}},
      {"find a leaf's parents", true, instances + "*.*.cpu", {}},
  };
}

Result<graphite::Answer> ask(Question const& question, graphite::SeriesSource const& source,
                             WallTime now) {
  auto const seconds = unix_seconds(now);
  graphite::Parameters parameters;
  parameters.emplace("format", "json");
  if (question.find) {
    parameters.emplace("query", question.text);
    return graphite::find(parameters, seconds, source);
  }
  parameters.emplace("target", question.text);
  parameters.emplace("from", std::to_string(unix_seconds(now - question.span)));
  parameters.emplace("until", std::to_string(seconds));
  return graphite::render(parameters, seconds, source);
}

bool measure(Question const& question, graphite::SeriesSource const& source, WallTime now,
             unsigned repeats) {
  std::vector<double> cpu;
  std::string body;
  for (unsigned i = 0; i <= repeats; ++i) {
    double const before = thread_cpu_seconds();
    auto answer = ask(question, source, now);
    if (i > 0) cpu.push_back((thread_cpu_seconds() - before) * 1e3);
    if (!answer) {
      fmt::print("{}: {}\n", question.what, to_string(answer.error()));
      return false;
    }
    body = std::move(answer->body);
  }
  std::ranges::sort(cpu);
  fmt::print("| {:36} | {:7.2f} | {:7.2f} | {:8} | {:08x} |\n", question.what, cpu[cpu.size() / 2],
             cpu.front(), body.size(), crc32c(body));
  std::fflush(stdout);
  return body.size() > 2;
}

bool run(Options const& given) {
  Directory const own;
  store::StoreOptions options;
  options.directory = given.keep.empty() ? own.path : given.keep;
  options.sync_spacing = 0s;
  bool const filled = std::filesystem::exists(options.directory + "/catalogue.db");
  WallTime const now = begin + std::chrono::minutes(given.minutes) - workload(given).step;
  DayClock clock(begin);
  if (filled) clock.set(now + 1s);
  UnsyncedDisk disk;
  auto opened = store::Store::open(options, disk, clock, Log("query", LogLevel::warning), nullptr);
  if (!opened) throw std::runtime_error(to_string(opened.error()));
  auto const store = std::move(*opened);
  double const before = cpu_seconds();
  if (!filled) fill(*store, options, clock, given);
  while (!store->replayed()) std::this_thread::sleep_for(10ms);
  auto const counters = store->counters();
  fmt::print(
      "{} entities, {} minutes, {} files of {:.1f} MiB, {} rows in memory, RSS {:.0f} MiB;"
      " {} took {:.0f} CPU-s\n",
      counters.entities, given.minutes, counters.spill_files,
      static_cast<double>(counters.spill_bytes) / (1 << 20), counters.head_rows, rss_mib(),
      filled ? "opening" : "filling", cpu_seconds() - before);
  series::StoreSeriesSource const source(*store);
  bool good = true;
  fmt::print("| query | CPU ms | least | bytes | CRC |\n|---|---|---|---|---|\n");
  for (Question const& question : questions(given))
    if (question.what.find(given.only) != std::string::npos)
      good = measure(question, source, now, given.repeats) && good;
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  Options given;
  CLI::App app("What a query costs.");
  app.add_option("--containers", given.containers);
  app.add_option("--minutes", given.minutes);
  app.add_option("--repeats", given.repeats);
  app.add_option("--keep", given.keep);
  app.add_option("--only", given.only, "questions with this word");
  CLI11_PARSE(app, argc, argv);
  return run(given) ? 0 : 1;
}
