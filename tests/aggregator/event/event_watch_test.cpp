#include "aggregator/event/event_watch.hpp"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "common/core/metric/metric.hpp"
#include "tests/hand_clock.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::event;

namespace {

constexpr std::int64_t noon = 1700000000;
constexpr std::int64_t second = 1'000'000'000;

struct Life {
  std::string id;
  std::int64_t start;  // seconds after noon
  std::string app, image;
  std::int64_t restarts = 0;
  std::optional<std::int64_t> kills = {};
  std::string runtime = "docker";
};

// The store's part, played by the test: it numbers entities, and stays over a restart.
class Watched {
 public:
  Watched() {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
    restart();
  }
  ~Watched() {
    watch_.reset();
    std::filesystem::remove_all(path_);
  }
  // A watch that knows nothing but the disk; `replayed` comes while there is no store yet.
  void restart(std::vector<Batch> const& replayed = {}) {
    watch_.reset();
    auto log = EventLog::open(path_ + "/events.db");
    REQUIRE(log);
    watch_ = std::make_unique<EventWatch>(WatchOptions{}, std::move(*log), clock_, Log("event"));
    for (auto const& batch : replayed) watch_->applied(batch, ids(batch));
    watch_->start(
        [this](store::EntityId id) {
          auto const found = std::ranges::find(entities_, id, &store::EntityInfo::id);
          return found == entities_.end() ? nullptr
                                          : std::make_shared<store::EntityInfo const>(*found);
        },
        [this] { return std::make_shared<store::EntityList const>(entities_); },
        [this] { ++told_; });
  }
  Batch batch(std::int64_t at, std::vector<Life> const& lives, std::string const& host = "h1") {
    Batch out;
    out.stream = {host, 1};
    out.tick = from_unix_seconds(noon + at);
    out.step = std::chrono::seconds(10);
    out.schemas = {{{}}, {{metric::state_restarts, metric::mem_oom_kills}}};
    out.entities = {{0, {{EntityKind::host, host, "", 0}, {{"host", host}}}}};
    out.rows = {{0, 0, {}}};
    std::uint32_t slot = 0;
    for (auto const& life : lives) {
      out.entities.push_back({++slot, entity(life, host)});
      out.rows.push_back({slot, 1, {life.restarts, life.kills}});
    }
    return out;
  }
  static Entity entity(Life const& life, std::string const& host = "h1") {
    return {{EntityKind::container, host, life.id, (noon + life.start) * second},
            {{"app", life.app},
             {"host", host},
             {"image", life.image},
             {"instance", life.id},
             {"owner", "team a"},
             {"runtime", life.runtime}}};
  }
  void apply(Batch const& batch) {
    watch_->applied(batch, ids(batch));
    watch_->drain();
  }
  void tick(std::int64_t at, std::vector<Life> const& lives, std::string const& host = "h1") {
    apply(batch(at, lives, host));
  }
  // "kind id@seconds" of the events since the last call, in order of recording.
  std::string news() {
    watch_->drain();
    auto reader = EventReader::open(path_ + "/events.db");
    REQUIRE(reader);
    std::string text;
    auto const events = reader->after(last_, 1000);
    REQUIRE(events);
    for (auto const& event : *events) {
      last_ = event.id;
      latest_ = event;
      auto const instance = std::ranges::find_if(
          event.tags, [](std::string const& tag) { return tag.starts_with("instance:"); });
      text += (text.empty() ? "" : ", ") + event.tags[0] +
              (instance == event.tags.end() ? "" : " " + instance->substr(9)) + "@" +
              std::to_string(event.when - noon);
    }
    return text;
  }
  graphite::Event const& latest() const { return latest_; }
  std::vector<graphite::Event> find(std::vector<std::string> const& tags) {
    auto reader = EventReader::open(path_ + "/events.db");
    REQUIRE(reader);
    auto const found = reader->find(tags, noon - 3600, noon + 3600, 1000);
    REQUIRE(found);
    return *found;
  }
  WatchCounters counters() const { return watch_->counters(); }

 private:
  std::vector<store::EntityId> ids(Batch const& batch) {
    std::vector<store::EntityId> out;
    for (auto const& entry : batch.entities) {
      auto at = std::ranges::find_if(
          entities_, [&](auto const& info) { return info.entity.key == entry.entity.key; });
      if (at == entities_.end()) {
        store::EntityInfo info;
        info.id = static_cast<store::EntityId>(entities_.size() * 3);
        info.entity = entry.entity;
        entities_.push_back(info);
        out.push_back(info.id);
        continue;
      }
      out.push_back(at->id);
    }
    return out;
  }

  std::string const path_ =
      std::filesystem::temp_directory_path() / ("dadvisor-watch-" + std::to_string(::getpid()));
  test::HandClock clock_{from_unix_seconds(noon + 3600)};
  store::EntityList entities_;
  std::unique_ptr<EventWatch> watch_;
  std::atomic<int> told_ = 0;
  std::uint64_t last_ = 0;
  graphite::Event latest_;
};

using Lives = std::vector<Life>;

}  // namespace

TEST_CASE("a host's first row is a join and a life's first row a start") {
  Watched watched;
  Life const a{"a", -5, "web", "web:1"};
  watched.tick(0, {a});
  CHECK(watched.news() == "join@0, start a@-5");
  CHECK(watched.latest().what == "web a started on h1");
  CHECK(watched.latest().tags == std::vector<std::string>{"start", "app:web", "host:h1",
                                                          "instance:a", "image:web:1",
                                                          "owner:team_a", "container:a"});
  watched.tick(10, {a});
  watched.restart();
  watched.tick(20, {a});
  CHECK(watched.news().empty());
  // A life that began before the time that events are kept is no news.
  watched.tick(30, {a, {"old", -3 * 86400, "db", "db:1"}});
  CHECK(watched.news().empty());
}

TEST_CASE("another life of a container is a restart, also when the elder began long ago") {
  Watched watched;
  watched.tick(0, {{"a", -3 * 86400, "web", "web:1"}});
  CHECK(watched.news() == "join@0");
  watched.tick(10, {{"a", 5, "web", "web:1"}});
  CHECK(watched.news() == "restart a@5");
  watched.restart();
  watched.tick(20, {{"a", 15, "web", "web:1"}});
  CHECK(watched.news() == "restart a@15");
  watched.tick(30, {{"a", 15, "web", "web:1"}, {"b", 25, "job", "job:1", 2}});  // Docker counted 2
  CHECK(watched.news() == "restart b@25");
}

TEST_CASE("an app's first life with another image is a deploy, once, however it rolls") {
  Watched watched;
  Lives const elder{{"a", 1, "web", "web:1"}, {"b", 2, "web", "web:1"}, {"c", 3, "web", "web:1"}};
  watched.tick(10, elder);
  CHECK(watched.news() == "join@10, start a@1, start b@2, start c@3");
  // Two of the new ones begin within one tick.
  Lives rolling{elder[0], elder[1], {"d", 12, "web", "web:2"}, {"e", 13, "web", "web:2"}};
  watched.tick(20, rolling);
  CHECK(watched.news() == "start d@12, deploy@12, start e@13");
  // Before the roll ends an elder one is made anew: no deploy back.
  rolling[1] = {"f", 22, "web", "web:1"};
  watched.tick(30, rolling);
  CHECK(watched.news() == "start f@22");
  watched.tick(40, {rolling[2], rolling[3], {"g", 33, "web", "web:2"}});
  CHECK(watched.news() == "start g@33");
  watched.restart({watched.batch(40, {rolling[2], rolling[3], {"g", 33, "web", "web:2"}})});
  watched.tick(50, {{"h", 44, "web", "web:1"}});  // rolled back
  CHECK(watched.news() == "start h@44, deploy@44");
  CHECK(watched.latest().what == "web: web:2 -> web:1");
  // A restart of what is there is none.
  watched.tick(60, {{"h", 55, "web", "web:1"}});
  CHECK(watched.news() == "restart h@55");
}

TEST_CASE("what the runtime tells is recorded once, and proves that the life began") {
  Watched watched;
  Life const brief{"x", 12, "job", "job:1"};
  watched.tick(10, {});
  CHECK(watched.news() == "join@10");
  auto batch = watched.batch(20, {});
  batch.events = {
      {ContainerEventKind::oom, Watched::entity(brief), (noon + 14) * second, {}, false, ""},
      {ContainerEventKind::exit, Watched::entity(brief), (noon + 15) * second, 137, true, ""}};
  watched.apply(batch);
  CHECK(watched.news() == "start x@12, oom x@14, exit x@15");
  CHECK(watched.latest().what == "job x on h1 ended: killed for its memory (exit code 137)");
  CHECK(std::ranges::count(watched.latest().tags, "reason:oom") == 1);
  CHECK(std::ranges::count(watched.latest().tags, "code:137") == 1);
  watched.apply(batch);      // sent again
  watched.restart({batch});  // replayed
  CHECK(watched.news().empty());
  batch.events = {{ContainerEventKind::exit, Watched::entity({"y", 13, "job", "job:1"}),
                   (noon + 900) * second, 3, false, "boom"}};
  watched.apply(batch);  // a clock of its own: the tick counts
  CHECK(watched.news() == "start y@13, exit y@20");
  CHECK(std::ranges::count(watched.latest().tags, "reason:error") == 1);
  CHECK(watched.latest().data == "boom");
}

TEST_CASE("a life whose rows stay away for a minute has ended, nobody knows how") {
  Watched watched;
  Life const a{"a", 0, "web", "web:1"}, b{"b", 0, "web", "web:1"};
  for (int at = 0; at <= 30; at += 10) watched.tick(at, {a, b});
  CHECK(watched.news() == "join@0, start a@0, start b@0");
  for (int at = 40; at < 90; at += 10) watched.tick(at, {a});
  CHECK(watched.news().empty());
  for (int at = 90; at < 130; at += 10) watched.tick(at, {a});
  CHECK(watched.news() == "exit b@30");
  CHECK(std::ranges::count(watched.latest().tags, "reason:unknown") == 1);
  // A host that is silent says nothing of its containers.
  watched.tick(1000, {a});
  CHECK(watched.news().empty());
  // The exit that was told first stays the only one.
  auto batch = watched.batch(1010, {});
  batch.events = {
      {ContainerEventKind::exit, Watched::entity(a), (noon + 1005) * second, 0, false, ""}};
  watched.apply(batch);
  CHECK(watched.news() == "exit a@1005");
  CHECK(std::ranges::count(watched.latest().tags, "reason:completed") == 1);
  for (int at = 1020; at < 1140; at += 10) watched.tick(at, {});
  CHECK(watched.news().empty());
}

TEST_CASE("the runtime's word of an end takes the place of nobody's, whenever it comes") {
  Watched watched;
  Life const a{"a", 0, "web", "web:1"}, b{"b", 0, "web", "web:1"};
  watched.tick(0, {a, b});
  for (int at = 10; at < 100; at += 10) watched.tick(at, {a});
  CHECK(watched.news().ends_with("exit b@0"));
  auto const unknown = watched.latest();
  auto batch = watched.batch(600, {a});
  auto const told = [&](std::optional<std::int64_t> code) {
    batch.events = {
        {ContainerEventKind::exit, Watched::entity(b), (noon + 5) * second, code, false, ""}};
    batch.tick += std::chrono::seconds(10);
    watched.apply(batch);
  };
  told(std::nullopt);  // who does not know more changes nothing
  CHECK(watched.news().empty());
  told(3);
  CHECK(watched.news() == "exit b@5");
  auto const known = watched.latest();
  CHECK(known.id > unknown.id);
  CHECK(std::ranges::count(known.tags, "code:3") == 1);
  CHECK(std::ranges::count(known.tags, "reason:unknown") == 0);
  // It is the only one, and stays so.
  told(4);
  told(std::nullopt);
  CHECK(watched.news().empty());
  CHECK(watched.find({"exit", "app:web"}).size() == 1);
  CHECK(watched.find({"reason:unknown"}).empty());
}

TEST_CASE("a growing count of kills is an oom where no runtime tells") {
  Watched watched;
  Life life{"s.service", 0, "s.service", "", 0, 4, "systemd"};
  Life docker{"d", 0, "web", "web:1", 0, 4, "docker"};
  watched.tick(10, {life, docker});
  watched.news();
  life.kills = docker.kills = 5;
  watched.tick(20, {life, docker});
  watched.tick(20, {life, docker});
  watched.tick(30, {life, docker});
  CHECK(watched.news() == "oom s.service@20");
}

TEST_CASE("a log that cannot be written is tried again, and what waits is bounded") {
  test::HandClock clock(from_unix_seconds(noon + 3600));
  // Gone after whoever has files open in it.
  struct Directory {
    std::filesystem::path const path = std::filesystem::temp_directory_path() /
                                       ("dadvisor-watch-full-" + std::to_string(::getpid()));
    Directory() { std::filesystem::create_directories(path); }
    ~Directory() { std::filesystem::remove_all(path); }
  } const directory;
  std::string const path = directory.path / "events.db";
  auto log = EventLog::open(path);
  REQUIRE(log);
  WatchOptions options;
  options.most_waiting = 2;
  EventWatch watch(options, std::move(*log), clock, Log("event", LogLevel::error));
  Batch batch;
  batch.stream = {"h1", 1};
  batch.tick = from_unix_seconds(noon);
  batch.events = std::vector<ContainerEvent>(
      5, {ContainerEventKind::exit, Watched::entity({"a", 0, "x", ""}), 0, 0, false, ""});
  watch.applied(batch, {});
  CHECK(watch.counters().waiting == 2);
  CHECK(watch.counters().dropped == 3);
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &raw) == SQLITE_OK);
  Database const other(raw);
  REQUIRE(execute(raw, "ALTER TABLE event RENAME TO away"));
  watch.start([](store::EntityId) { return nullptr; },
              [] { return std::make_shared<store::EntityList const>(); }, nullptr);
  for (int i = 0; i < 500 && watch.counters().failures == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(watch.counters().failures == 1);
  CHECK(watch.counters().recorded == 0);
  REQUIRE(execute(raw, "ALTER TABLE away RENAME TO event"));
  watch.drain();
  CHECK(watch.counters().recorded == 2);  // start and exit; the second exit is known
  CHECK(watch.counters().known == 2);
  watch.stop();
}

TEST_CASE("what an agent lost is an event, once") {
  Watched watched;
  auto const at = [](std::int64_t seconds) { return from_unix_seconds(noon + seconds); };
  auto batch = watched.batch(60, {});
  batch.losses = {{LossReason::full, at(20), at(50), 4}};
  watched.apply(batch);
  watched.apply(batch);      // sent again
  watched.restart({batch});  // replayed
  CHECK(watched.news() == "join@60, loss@20");
  CHECK(watched.latest().what == "4 ticks of host h1 are lost: the spool of its agent was full");
  CHECK(watched.latest().data == "first 1700000020, last 1700000050");
  CHECK(watched.latest().tags == std::vector<std::string>{"loss", "host:h1", "reason:full"});
  batch.losses = {{LossReason::damaged, at(40), at(40), 0}};
  watched.apply(batch);
  CHECK(watched.news() == "loss@40");
  CHECK(watched.latest().what ==
        "ticks of host h1 may be lost: the spool of its agent was damaged");
  batch.losses = {{LossReason::thinned, at(10), at(50), 5}};
  watched.apply(batch);
  CHECK(watched.news() == "loss@10");
  CHECK(watched.latest().what ==
        "5 ticks of host h1 are lost: the spool of its agent was full, and one a minute is kept");
  CHECK(watched.latest().tags.back() == "reason:thinned");
}
