// What the index of names costs at scale: so many entities as containers live at one time, of apps
// of 20 and owners of some hundred apps, without their rows. Prints memory by the entity, how long
// the index takes to be made and to follow one more container, and what finding costs. And the same
// of containers that are over, half of them of apps that live, the others of apps of 100, ten
// minutes each: what the catalogue takes on disk, how long a start takes, and what finding costs.
//
//   index [ENTITIES [DEAD]]        500,000 and 500,000 unless told

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "aggregator/series/dead_index.hpp"
#include "aggregator/series/entity_path.hpp"
#include "aggregator/series/path_index.hpp"
#include "aggregator/series/tag_index.hpp"
#include "aggregator/store/catalogue.hpp"
#include "aggregator/store/real_disk.hpp"
#include "tests/bench/modelled_host.hpp"
#include "tests/bench/workload.hpp"
#include "usage.hpp"

namespace {

using namespace dadvisor;
using namespace dadvisor::aggregator;
using series::PathIndex;
using series::TagIndex;

constexpr unsigned of_app = 20;
constexpr unsigned owners = 200;

store::EntityInfo container(unsigned number) {
  store::EntityInfo info;
  info.id = number + 1;
  auto const app = number / of_app;
  auto const host = bench::host_name(number % 10'000);
  info.entity.key = {EntityKind::container, host, fmt::format("{:064x}", number), 1};
  info.entity.labels = {
      {"app", bench::app_name(app)},
      {"cluster", "bench"},
      {"host", host},
      {"image", fmt::format("registry.example/{}:1.{}", bench::app_name(app), app % 7)},
      {"instance", fmt::format("{}-{}", number % 10'000, number / 10'000)},
      {"name", fmt::format("mesos-{}.{:08x}", bench::app_name(app), number)},
      {"owner", fmt::format("team-{}@example.com", app % owners)},
      {"runtime", "docker"},
      {"task", fmt::format("{}.{:08x}", bench::app_name(app), number)}};
  info.step = std::chrono::seconds(10);
  info.columns = bench::container_metrics();
  std::ranges::sort(info.columns);
  return info;
}

// Least of some, in ms of CPU.
template <typename Ask>
void report(std::string const& what, Ask const& ask) {
  double least = 1e9;
  std::size_t found = 0;
  for (int i = 0; i < 5; ++i) {
    double seconds = 0;
    timed(seconds, [&] { found = ask(); });
    least = std::min(least, seconds * 1e3);
  }
  fmt::print("| {:40} | {:8} | {:8.2f} |\n", what, found, least);
  std::fflush(stdout);
}

// Bytes of each entity by which this process grew.
class Growth {
 public:
  explicit Growth(unsigned entities) : entities_(entities), before_(rss_mib()) {}
  double since_last() {
    double const now = rss_mib();
    return (now - std::exchange(before_, now)) * (1 << 20) / entities_;
  }

 private:
  double const entities_;
  double before_;
};

// As container(), of the past: half of them in places of the living.
store::CatalogueEntity dead_container(unsigned number, unsigned living, unsigned all,
                                      WallTime now) {
  auto const its = number % 2 == 0 ? number / 2 % living : living * of_app + number / 10;
  auto info = container(its);
  info.id = 10'000'000 + number;
  info.entity.key.container_id = fmt::format("{:064x}", std::uint64_t{1} << 32 | number);
  info.entity.labels =
      info.entity.labels.with("instance", fmt::format("{}-{}", number % 10'000, number));
  // Evenly over seven days, to one hour ago.
  Nanoseconds const span = std::chrono::hours(24 * 7 - 1);
  info.last_tick = now - std::chrono::hours(1) - span / all * (all - number);
  info.first_tick = info.last_tick - std::chrono::minutes(10);
  info.entity.key.start_ns = store::tick_ns(info.first_tick);
  return {std::move(info), false, false};
}

// Makes a catalogue of so many that are over, opens a store of it, and asks.
bool bury_and_find(unsigned living, unsigned dead) {
  auto const directory =
      std::filesystem::temp_directory_path() / fmt::format("index-{}", ::getpid());
  std::filesystem::create_directories(directory);
  SystemClock const clock;
  double seconds = 0;
  timed(seconds, [&] {
    auto catalogue = store::Catalogue::open((directory / "catalogue.db").string());
    if (!catalogue || !catalogue->load()) throw std::runtime_error("no catalogue");
    std::vector<store::CatalogueEntity> some;
    for (unsigned number = 0; number < dead; ++number) {
      some.push_back(dead_container(number, living, dead, clock.wall()));
      if (some.size() < 50'000 && number + 1 < dead) continue;
      if (!catalogue->bury(some, series::instance_node)) throw std::runtime_error("not buried");
      some.clear();
    }
  });
  auto const bytes = std::filesystem::file_size(directory / "catalogue.db");
  fmt::print("\n{} dead: {:.0f} B each on disk, buried in {:.1f} us of CPU each\n", dead,
             static_cast<double>(bytes) / dead, seconds / dead * 1e6);
  Growth growth(dead);
  store::StoreOptions options;
  options.directory = directory.string();
  options.name_of = series::instance_node;
  store::RealDisk disk;
  auto const begun = std::chrono::steady_clock::now();
  auto const opened =
      store::Store::open(options, disk, clock, Log("index", LogLevel::error), nullptr);
  if (!opened) return false;
  std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begun;
  fmt::print("a store opens in {:.3f} s and takes {:.2f} B of memory for each\n", took.count(),
             growth.since_last());
  series::DeadIndex const index(**opened, "dadvisor", 1'000'000);
  fmt::print("\n| asked of the dead | found | CPU ms |\n|---|---|---|\n");
  std::string const instances = "dadvisor.bench.instances.";
  auto const find = [&](std::string const& pattern, series::DeadBounds const& bounds = {}) {
    report("find " + pattern + (bounds.from > WallTime::min() ? " of 2 h" : ""), [&] {
      auto const nodes = index.nodes(*graphite::PathPattern::compile(pattern), bounds);
      return nodes ? nodes->size() : 0;
    });
  };
  series::DeadBounds young;
  young.from = clock.wall() - std::chrono::hours(2);
  auto const app = bench::app_name(77), large = bench::app_name(living + 77);
  find("*");
  find(instances + "*");
  find(instances + app.substr(0, app.size() - 1) + "*");
  find(instances + app + ".*");
  find(instances + large + ".*");
  find(instances + large + ".*.cpu.*");
  find(instances + large + ".*", young);
  find(instances + "*.77-*");
  find(instances + "*.*", young);
  auto const place = [&](std::string const& pattern, series::DeadBounds const& bounds) {
    report("render " + pattern + (bounds.from > WallTime::min() ? " of 2 h" : ""), [&] {
      auto const found = index.places(*graphite::PathPattern::compile(pattern),
                                      series::DeadIndex::Below::leaves, bounds);
      return found ? found->size() : 0;
    });
  };
  place(instances + app + ".*.cpu.cores", {});
  place(instances + large + ".*.cpu.cores", {});
  place(instances + "*.*.cpu.cores", young);
  auto const tagged = [&](std::vector<std::string> const& expressions,
                          series::DeadBounds const& bounds) {
    auto const query = graphite::parse_tag_query(expressions);
    report("tags " + fmt::format("{}", fmt::join(expressions, " ")) +
               (bounds.from > WallTime::min() ? " of 2 h" : ""),
           [&] {
             auto const found = index.tagged(*query, bounds);
             return found ? found->size() : 0;
           });
  };
  tagged({"name=cpu.cores", "owner=team-7@example.com"}, young);
  tagged({"name=cpu.cores", "app=" + app}, {});
  report("a container by its key",
         [&] { return (*opened)->dead({10'000'000 + dead / 2})->size(); });
  std::filesystem::remove_all(directory);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  auto const entities = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 500'000;
  auto const dead = argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 500'000;
  Growth growth(entities);
  auto list = std::make_shared<store::EntityList>();
  list->reserve(entities);
  for (unsigned number = 0; number < entities; ++number) list->push_back(container(number));
  fmt::print("{} entities; list: {:.0f} B each\n", entities, growth.since_last());
  PathIndex paths("dadvisor");
  double seconds = 0;
  timed(seconds, [&] { paths.follow(list); });
  fmt::print("paths: {:.0f} B each, made in {:.2f} CPU-s\n", growth.since_last(), seconds);
  TagIndex tags;
  seconds = 0;
  timed(seconds, [&] { tags.follow(list); });
  fmt::print("tags: {:.0f} B each, made in {:.2f} CPU-s\n", growth.since_last(), seconds);
  auto more = std::make_shared<store::EntityList>(*list);
  more->push_back(container(entities));
  seconds = 0;
  timed(seconds, [&] { paths.follow(more); });
  fmt::print("one container more: {:.1f} CPU-ms in the paths\n", seconds * 1e3);

  fmt::print("\n| asked | found | CPU ms |\n|---|---|---|\n");
  auto const find = [&](std::string const& pattern) {
    report("find " + pattern, [&] {
      auto const nodes = paths.nodes(*graphite::PathPattern::compile(pattern), 1'000'000);
      return nodes ? nodes->size() : 0;
    });
  };
  std::string const instances = "dadvisor.bench.instances.";
  find("*");
  find(instances + "*");
  find(instances + "app-0123*");
  find(instances + "app-01234.*");
  find(instances + "app-0123*.*.cpu.*");
  find(instances + "*.77-*");
  auto const leaves = [&](std::vector<std::string> const& expressions) {
    auto const query = graphite::parse_tag_query(expressions);
    report("tags " + fmt::format("{}", fmt::join(expressions, " ")), [&] {
      auto const found = tags.leaves(*query, 1'000'000);
      return found ? (*found)->size() : 0;
    });
  };
  leaves({"name=cpu.cores", "owner=team-7@example.com"});
  leaves({"name=cpu.cores", "app=app-01234"});
  leaves({"name=cpu.cores", "owner=team-7@example.com", "host=~host-000.*"});
  report("values of owner", [&] { return tags.values("owner", nullptr).size(); });
  return bury_and_find(entities, dead) ? 0 : 1;
}
