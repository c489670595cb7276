// What the index of names costs at scale: so many entities as containers live at one time, of apps
// of 20 and owners of some hundred apps, without their rows. Prints memory by the entity, how long
// the index takes to be made and to follow one more container, and what finding costs.
//
//   index [ENTITIES]        500,000 unless told

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "aggregator/series/path_index.hpp"
#include "aggregator/series/tag_index.hpp"
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

}  // namespace

int main(int argc, char** argv) {
  auto const entities = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 500'000;
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
      return found ? found->size() : 0;
    });
  };
  leaves({"name=cpu.cores", "owner=team-7@example.com"});
  leaves({"name=cpu.cores", "app=app-01234"});
  leaves({"name=cpu.cores", "owner=team-7@example.com", "host=~host-000.*"});
  report("values of owner", [&] { return tags.values("owner", nullptr).size(); });
  return 0;
}
