// Foreign points as queries see them: found, read at their step, put together as whisper would.

#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <future>

#include "aggregator/series/store_series_source.hpp"
#include "aggregator/store/real_disk.hpp"
#include "common/core/foreign.hpp"
#include "common/core/frame/frame.hpp"
#include "tests/hand_clock.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::series;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t hour = 1'800'000'000;  // a whole hour
static_assert(hour % 3600 == 0);

class ForeignShelf {
 public:
  ForeignShelf() {
    static std::atomic<int> number{0};
    directory_ =
        std::filesystem::temp_directory_path() /
        ("dadvisor-foreign-" + std::to_string(::getpid()) + "-" + std::to_string(++number));
    std::filesystem::create_directories(directory_);
    store::StoreOptions options;
    options.directory = directory_;
    auto opened = store::Store::open(options, disk_, clock_, Log("test", LogLevel::error), nullptr);
    REQUIRE(opened);
    store_ = std::move(*opened);
    SeriesOptions series_options;
    series_options.carbon_files = [this] { return files; };
    source = std::make_unique<StoreSeriesSource>(*store_, series_options);
  }
  ~ForeignShelf() {
    source.reset();
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  ForeignShelf(ForeignShelf const&) = delete;

  void set_files(std::string const& schemas, std::string const& aggregations) {
    auto made = std::make_shared<graphite::CarbonFiles>();
    auto loaded = graphite::parse_storage_schemas(schemas, "s");
    auto how = graphite::parse_storage_aggregation(aggregations, "a");
    REQUIRE(loaded.errors.empty());
    REQUIRE(how.errors.empty());
    made->schemas = loaded.schemas;
    made->aggregations = how.aggregations;
    files = made;
  }
  // The values of the leaves of one entity at hour + seconds; NaN: none.
  void row(EntityKey const& key, std::string const& leaves, int seconds,
           std::vector<double> const& values) {
    auto batch = std::make_shared<Batch>();
    batch->stream = foreign_stream(foreign_step(key));
    batch->sequence = ++sequence_;
    batch->tick = from_unix_seconds(hour + seconds);
    batch->step = std::chrono::seconds(foreign_step(key));
    batch->schemas.emplace_back();
    batch->entities.push_back({1, {key, foreign_labels(leaves)}});
    batch->rows.push_back({1, 0, {}});
    for (std::size_t i = 0; i < values.size(); ++i) {
      batch->schemas[0].metrics.push_back(foreign_column(i));
      batch->rows[0].cells.push_back(graphite::is_absent(values[i]) ? Cell()
                                                                    : Cell(real_cell(values[i])));
    }
    auto frame = encode_key_frame(*batch);
    store_->append(std::move(frame), batch, [](Result<void>) {});
  }
  void settle() {
    std::promise<void> done;
    store_->post([&] { done.set_value(); });
    done.get_future().wait();
  }
  std::vector<graphite::Series> fetch(std::string_view pattern, int from, int until, int now) {
    settle();
    auto fetched = source->fetch(pattern, {hour + from, hour + until, hour + now});
    REQUIRE(fetched);
    return std::move(*fetched);
  }
  std::vector<std::string> find(std::string_view pattern) {
    settle();
    auto const found = source->find(pattern, {});
    REQUIRE(found);
    std::vector<std::string> nodes;
    for (auto const& node : *found) nodes.push_back((node.leaf ? "" : "+") + node.path);
    return nodes;
  }

  graphite::CarbonFilesPtr files = std::make_shared<graphite::CarbonFiles const>();
  std::unique_ptr<StoreSeriesSource> source;

 private:
  std::string directory_;
  store::RealDisk disk_;
  test::HandClock const clock_{from_unix_seconds(hour + 3600)};
  std::unique_ptr<store::Store> store_;
  std::uint64_t sequence_ = 0;
};

std::vector<std::optional<double>> maybe(std::vector<double> const& values) {
  std::vector<std::optional<double>> made;
  for (double const value : values)
    made.push_back(graphite::is_absent(value) ? std::nullopt : std::optional(value));
  return made;
}
constexpr std::nullopt_t none = std::nullopt;
double const missing = graphite::absent;
using Maybe = std::vector<std::optional<double>>;

}  // namespace

TEST_CASE("foreign paths are found beside ours, by any pattern") {
  ForeignShelf shelf;
  shelf.row(foreign_key("servers.h1.cpu", 10, 0), "idle\nuser", 10, {1, 2});
  shelf.row(foreign_key("servers.h1.cpu", 10, 1), "steal", 10, {3});
  shelf.row(foreign_key("servers.h1", 10, 0), "cpu\nload", 10, {4, 5});
  shelf.row(foreign_key("", 10, 0), "alone", 10, {6});
  shelf.row(foreign_key(";dc=bj", 10, 0), "disk", 10, {7});
  CHECK(shelf.find("*") == std::vector<std::string>{"alone", "+servers"});
  CHECK(shelf.find("servers.*.*") ==
        std::vector<std::string>{"+servers.h1.cpu", "servers.h1.cpu", "servers.h1.load"});
  CHECK(shelf.find("servers.h1.cpu.{st*,idle}") ==
        std::vector<std::string>{"servers.h1.cpu.idle", "servers.h1.cpu.steal"});
  CHECK(shelf.find("servers.h2.*").empty());
  CHECK(shelf.find("servers.h2.*").empty());  // as it was the first time
  // What was asked for already has more now: of a new entity, and of one that is known.
  shelf.row(foreign_key("servers.h1.cpu", 10, 0), "idle\nuser\nstolen", 20, {1, 2, 8});
  shelf.row(foreign_key("servers.h2", 10, 0), "load", 20, {9});
  for (int i = 0; i < 2; ++i) {
    CHECK(shelf.find("servers.h1.cpu.{st*,idle}") ==
          std::vector<std::string>{"servers.h1.cpu.idle", "servers.h1.cpu.steal",
                                   "servers.h1.cpu.stolen"});
    CHECK(shelf.find("servers.h2.*") == std::vector<std::string>{"servers.h2.load"});
  }
  auto const paths = shelf.source->paths();
  REQUIRE(paths);
  CHECK(paths->size() == 8);
  auto const fetched = shelf.fetch("servers.h1.cpu.*", 0, 20, 20);
  REQUIRE(fetched.size() == 4);
  CHECK(fetched[1].name == "servers.h1.cpu.steal");
  CHECK(fetched[1].path_expression == "servers.h1.cpu.*");
}

TEST_CASE("points are shown at their own step") {
  ForeignShelf shelf;
  shelf.set_files("[a]\npattern = .\nretentions = 10s:1h\n", "");
  auto const key = foreign_key("a", 10, 0);
  shelf.row(key, "x\ny", 10, {1, missing});
  shelf.row(key, "x\ny", 30, {3, 0.5});
  auto const fetched = shelf.fetch("a.*", 0, 40, 40);
  REQUIRE(fetched.size() == 2);
  CHECK(fetched[0].name == "a.x");
  CHECK(fetched[0].step == 10);
  CHECK(fetched[0].start == hour + 10);
  CHECK(fetched[0].end == hour + 50);
  CHECK(maybe(fetched[0].values) == Maybe{1, none, 3, none});
  CHECK(maybe(fetched[1].values) == Maybe{none, none, 0.5, none});
}

TEST_CASE(
    "a query that the finest archive does not reach gets the next one, made as whisper does") {
  ForeignShelf shelf;
  shelf.set_files("[a]\npattern = .\nretentions = 10s:5m,1m:1h,10m:1d\n",
                  "[s]\npattern = sum$\naggregationMethod = sum\nxFilesFactor = 0\n"
                  "[l]\npattern = last$\naggregationMethod = last\nxFilesFactor = 0.5\n");
  auto const key = foreign_key("a", 10, 0);
  // Minute 0: six points; minute 1: two of six; minutes 2 to 9: one each.
  for (int i = 0; i < 6; ++i) shelf.row(key, "sum\nlast", i * 10, {1.0 + i, 1.0 + i});
  shelf.row(key, "sum\nlast", 60, {10, 10});
  shelf.row(key, "sum\nlast", 70, {20, 20});
  for (int minute = 2; minute < 10; ++minute) shelf.row(key, "sum\nlast", minute * 60, {100, 100});
  int constexpr now = 1200;
  auto fetched = shelf.fetch("a.*", -60, 179, now);  // 1260 s back: over 5 m, within 1 h
  REQUIRE(fetched.size() == 2);
  CHECK(fetched[0].name == "a.last");
  CHECK(fetched[0].step == 60);
  CHECK(fetched[0].start == hour);
  CHECK(maybe(fetched[0].values) == Maybe{6, none, none});  // a third is less than half
  CHECK(maybe(fetched[1].values) == Maybe{21, 30, 100});
  // Ten minutes of minutes, not of points: `last` knows one minute of ten.
  fetched = shelf.fetch("a.*", -3000, 599, now);
  REQUIRE(fetched.size() == 2);
  CHECK(fetched[0].step == 600);
  CHECK(fetched[0].values.size() == 5);
  CHECK(graphite::is_absent(fetched[0].values.back()));
  CHECK(fetched[1].values.back() == 21 + 30 + 8 * 100);
}

TEST_CASE("a window that no archive touches has no series") {
  ForeignShelf shelf;
  shelf.set_files("[a]\npattern = .\nretentions = 10s:5m\n", "");
  shelf.row(foreign_key("a", 10, 0), "x", 10, {1});
  CHECK(shelf.fetch("a.x", -3600, -1800, 0).empty());
  CHECK(shelf.fetch("a.x", 10, 20, 0).empty());
  auto const fetched = shelf.fetch("a.x", 1, 1000, 45);  // what is to come is cut off
  REQUIRE(fetched.size() == 1);
  CHECK(fetched[0].end == hour + 50);
}

TEST_CASE("a path keeps its step although the files say another one now") {
  ForeignShelf shelf;
  shelf.set_files("[a]\npattern = .\nretentions = 1m:1d,10m:7d\n", "");
  shelf.row(foreign_key("a", 10, 0), "x", 10, {1});
  auto const fetched = shelf.fetch("a.x", 0, 20, 7200);
  REQUIRE(fetched.size() == 1);
  CHECK(fetched[0].step == 10);
  CHECK(maybe(fetched[0].values) == Maybe{1, none});
}

TEST_CASE("series that are read one by one are those that are fetched") {
  ForeignShelf shelf;
  shelf.set_files(
      "[c]\npattern = coarse$\nretentions = 10s:20s,20s:1h\n"
      "[a]\npattern = .\nretentions = 10s:1h\n",
      "[s]\npattern = .\naggregationMethod = sum\nxFilesFactor = 0\n");
  auto const h1 = foreign_key("s.h1", 10, 0), h2 = foreign_key("s.h2", 10, 0);
  for (int i = 1; i <= 4; ++i) {
    shelf.row(h1, "cpu\nmem", i * 10, {1.0 * i, 10.0 * i});
    if (i != 2) shelf.row(h2, "cpu\nmem", i * 10, {2.0 * i, i == 3 ? missing : 20.0 * i});
    shelf.row(foreign_key("s.h4", 10, 0), "cpu\ncoarse", i * 10, {4.0 * i, 40.0 * i});
  }
  shelf.row(foreign_key("s.h3", 10, 0), "cpu\nmem", 2000, {3, 30});  // behind the window
  shelf.row(foreign_key("s.h5", 20, 0), "cpu\nmem", 20, {5, 50});
  std::vector<std::pair<std::string, Maybe>> const expected{{"s.h1.cpu", {1, 2, 3, 4}},
                                                            {"s.h1.mem", {10, 20, 30, 40}},
                                                            {"s.h2.cpu", {2, none, 6, 8}},
                                                            {"s.h2.mem", {20, none, none, 80}},
                                                            {"s.h3.cpu", {none, none, none, none}},
                                                            {"s.h3.mem", {none, none, none, none}},
                                                            {"s.h4.coarse", {80 + 120, 160}},
                                                            {"s.h4.cpu", {4, 8, 12, 16}},
                                                            {"s.h5.cpu", {5, none}},
                                                            {"s.h5.mem", {50, none}}};
  graphite::Window const window{hour, hour + 40, hour + 40};
  shelf.settle();
  auto const matched = shelf.source->match("s.*.*", window);
  REQUIRE(matched);
  REQUIRE(*matched);
  auto const fetched = shelf.fetch("s.*.*", 0, 40, 40);
  REQUIRE((*matched)->size() == fetched.size());
  std::size_t next = 0;
  REQUIRE((*matched)->each([&](std::size_t place, std::span<double const> values) {
    REQUIRE(place == next++);
    auto const& series = fetched[place];
    CHECK(maybe({values.begin(), values.end()}) == maybe(series.values));
    auto const shape = (*matched)->shape(place);
    CHECK(shape.start == series.start);
    CHECK(shape.step == series.step);
    CHECK(shape.values() == values.size());
  }));
  CHECK(next == fetched.size());
  REQUIRE(fetched.size() == expected.size());
  for (std::size_t i = 0; i < fetched.size(); ++i) {
    INFO(fetched[i].name);
    CHECK(fetched[i].name == expected[i].first);
    CHECK(maybe(fetched[i].values) == expected[i].second);
  }
  std::vector<std::size_t> const places{6, 2};
  auto const taken = (*matched)->take(places);
  REQUIRE(taken);
  REQUIRE(taken->size() == 2);
  CHECK(taken->at(0).name == "s.h4.coarse");
  CHECK(taken->at(0).values == fetched[6].values);
  CHECK(maybe(taken->at(1).values) == Maybe{2, none, 6, 8});
}

TEST_CASE("tagged points are found by their tags") {
  ForeignShelf shelf;
  shelf.set_files("[a]\npattern = .\nretentions = 10s:1h\n", "");
  shelf.row(foreign_key(";a-b=1;a=2", 10, 0), "disk.used\ndisk.free", 10, {1, 2});
  shelf.row(foreign_key(";a=3", 10, 0), "disk.used", 10, {3});
  shelf.settle();
  graphite::Window const window{hour, hour + 10, hour + 10};
  auto const one = shelf.source->fetch_tagged({"name=disk.used", "a=2"}, window);
  REQUIRE(one);
  REQUIRE(one->size() == 1);
  CHECK(one->front().name == "disk.used;a-b=1;a=2");  // carbon's order
  CHECK(one->front().tags ==
        std::map<std::string, std::string>{{"name", "disk.used"}, {"a-b", "1"}, {"a", "2"}});
  CHECK(maybe(one->front().values) == Maybe{1});
  auto const all = shelf.source->fetch_tagged({"a=~."}, window);
  REQUIRE(all);
  CHECK(all->size() == 3);
  CHECK(shelf.source->tag_index().values("name", nullptr) ==
        std::map<std::string, std::uint64_t>{{"disk.free", 1}, {"disk.used", 2}});
  CHECK(shelf.source->tag_index().tags(nullptr).contains("a-b"));
  CHECK(shelf.find("*").empty());
}
