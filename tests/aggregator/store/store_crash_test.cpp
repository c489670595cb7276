// The whole engine on a disk with faults, from many seeds: power cuts that drop, tear and re-order
// what was not synced, kills, failed writes and syncs, a disk that is full and freed again, late
// and doubled batches, spills, merges and tiers. What was acknowledged is found, each row once.
//
// DADVISOR_CRASH_RUNS: how many seeds (200, under a sanitizer 50), DADVISOR_CRASH_SEED: the first
// one. A seed gives the same faults again; how far the threads are when they come is the machine's.

#include <catch2/catch.hpp>
#include <cstdlib>

#include "faulty_sqlite.hpp"
#include "simulated_disk.hpp"
#include "store_on_trial.hpp"
#include "tests/sanitized.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr int containers = 2;
constexpr Tier tier = Tier::minute_instances;

std::uint64_t environment(char const* name, std::uint64_t otherwise) {
  char const* const value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

std::string memory_directory() {
  // Thousands of catalogues are synced; what a power cut would leave of them is simulated.
  return std::filesystem::exists("/dev/shm") ? "/dev/shm"
                                             : std::filesystem::temp_directory_path().string();
}

struct Tally {
  std::uint64_t acknowledged = 0, refused = 0, replayed = 0, spills = 0, merges = 0, sealed = 0,
                buried = 0, revived = 0, full = 0, spill_failures = 0, power_cuts = 0, kills = 0;
};

void must(bool what, std::string const& why) {
  if (!what) throw std::runtime_error(why);
}

// One agent as the delivery protocol makes it: one batch under way, and the same again until it is
// acknowledged.
struct Sender {
  std::string name;
  std::uint64_t acknowledged = 0;
  std::uint64_t sequence = 0;  // of what is or was last under way
  std::uint64_t sent = 0;      // the greatest one
  std::optional<std::future<Result<void>>> under_way;

  static WallTime tick(std::uint64_t sequence) {
    // Every seventh batch is late by a minute and a half.
    auto const seconds = static_cast<std::int64_t>(sequence) * 30;
    return at(sequence % 7 == 0 ? seconds - 95 : seconds);
  }
};

class FaultRun {
 public:
  FaultRun(std::uint64_t seed, Tally& tally)
      : random_(seed),
        tally_(tally),
        sqlite_([this] { return full_.load(); }),
        clock_(at(0)),
        trial_(disk_, clock_, memory_directory(), options()) {
    for (int i = 0; i < 3; ++i) senders_.push_back({"agent" + std::to_string(i), 0, 0, 0, {}});
  }

  void run() {
    auto const lives = 2 + random_() % 4;
    for (std::uint64_t life = 0; life < lives; ++life) {
      auto const steps = random_() % 28;
      for (std::uint64_t step = 0; step < steps; ++step) this->step();
      if (one_in(3)) recover();
      count();
      crash();
      check("life " + std::to_string(life));
    }
    recover();
    check("the end");
    count();
  }

 private:
  static StoreOptions options() {
    StoreOptions its;
    its.head_span = 2min;
    its.dead_after = 40s;  // a tick and some: what is late was over meanwhile
    its.spills_per_segment = 3;
    its.tiers.of(tier).period = 10min;
    return its;
  }
  bool one_in(std::uint64_t many) { return random_() % many == 0; }

  void step() {
    if (one_in(20)) fill();
    if (full_ && one_in(3)) free();
    if (one_in(20)) disk_.fail_syncs(1 + static_cast<int>(random_() % 2));
    if (one_in(20)) disk_.fail_operations(1 + static_cast<int>(random_() % 3));
    if (one_in(25)) sqlite_.fail(1 + static_cast<int>(random_() % 3));
    for (Sender& sender : senders_) send(sender);
    if (one_in(5)) disk_.withhold_syncs(true);
    clock_.advance(30s);
    trial_.settle();
    if (one_in(3)) std::this_thread::sleep_for(std::chrono::microseconds(random_() % 3000));
    if (one_in(2)) disk_.withhold_syncs(false);
    if (one_in(4)) wait_for_spill();
    if (one_in(10)) {
      disk_.withhold_syncs(false);  // what follows waits for one
      seal();
    }
  }
  // One that is due gets some time, or the clock would run away from it.
  void wait_for_spill() {
    disk_.withhold_syncs(false);
    auto const ended = [&] {
      auto const counters = trial_.store->counters();
      return counters.spills + counters.spill_failures;
    };
    auto const before = ended();
    for (int i = 0; i < 15 && ended() == before; ++i) std::this_thread::sleep_for(1ms);
  }
  // Full at once, or a little later.
  void fill() {
    disk_.set_capacity(disk_.used_bytes() + random_() % 4000);
    disk_.hide_fullness(one_in(2));
    full_ = true;
    ++tally_.full;
  }
  void free() {
    disk_.set_capacity(SimulatedDisk::unlimited);
    full_ = false;
  }

  void send(Sender& sender) {
    if (sender.under_way) {
      if (sender.under_way->wait_for(0s) != std::future_status::ready) return;
      answered(sender);
    }
    // Now and then one that is acknowledged comes again, as if its answer had been lost.
    sender.sequence = sender.acknowledged + (sender.acknowledged > 0 && one_in(9) ? 0 : 1);
    sender.sent = std::max(sender.sent, sender.sequence);
    sender.under_way = trial_.append(
        batch(sender.name, sender.sequence, Sender::tick(sender.sequence), containers));
  }
  void answered(Sender& sender) {
    bool const kept = sender.under_way->get().has_value();
    sender.under_way.reset();
    ++(kept ? tally_.acknowledged : tally_.refused);
    if (kept) sender.acknowledged = std::max(sender.acknowledged, sender.sequence);
  }

  // A window of ten minutes that nothing comes for any more becomes a file of the tier.
  void seal() {
    auto const known = trial_.known();
    WallTime const period = at(-40) + static_cast<int>(periods_) * 10min;  // aligned to minutes
    trial_.store->begin_seal(tier, period + 10min);
    auto next = known.begin();
    auto const done = trial_.store->write_tier(tier, aligned(period), true, [&](TierRows& out) {
      if (next == known.end()) return Result<bool>(false);
      out.entity = next++->first;
      out.rows = Rows({metric::cpu_usage});
      out.rows.insert(0, tick_ns(aligned(period)));
      out.rows.set(0, 0, static_cast<std::int64_t>(periods_ * 1000 + out.entity));
      return Result<bool>(true);
    });
    if (!done) return;
    for (auto const& [id, info] : known)
      tier_rows_[info->entity.key][unix_seconds(aligned(period))] =
          static_cast<std::int64_t>(periods_ * 1000 + id);
    ++periods_;
    ++tally_.sealed;
  }
  static WallTime aligned(WallTime time) { return tick_of(time, 10min); }

  // Faults end, and the store is back by itself: nobody has to start it again.
  void recover() {
    free();
    disk_.fail_syncs(0);
    disk_.fail_operations(0);
    sqlite_.fail(0);
    disk_.withhold_syncs(false);
    must(trial_.writable_again(), "the store is not writable again");
    for (Sender& sender : senders_) {
      if (sender.under_way) answered(sender);
      auto const before = sender.acknowledged;
      for (int i = 0; i < 30 && sender.acknowledged == before; ++i) {
        send(sender);
        answered(sender);
        clock_.advance(1s);  // what was under way may have failed after all
      }
      must(sender.acknowledged > before, sender.name + " gets no answer");
    }
    check("recovered");
  }

  void crash() {
    bool const power_cut = !one_in(4);
    ++(power_cut ? tally_.power_cuts : tally_.kills);
    sqlite_.stop();
    disk_.crash(random_, power_cut);
    trial_.store.reset();  // answers all that is under way
    for (Sender& sender : senders_)
      if (sender.under_way) answered(sender);
    sqlite_.restart(random_, power_cut);
    disk_.restart();
    if (full_ && one_in(2)) free();  // else it starts on a full disk
    trial_.open();
    for (auto const& mark : trial_.store->marks())
      for (Sender& sender : senders_)
        if (sender.name == mark.stream.agent) {
          must(mark.sequence >= sender.acknowledged, "the mark went back");
          must(mark.sequence <= sender.sent, "the mark is ahead of what was sent");
          sender.acknowledged = mark.sequence;
        }
  }

  void check(std::string const& when) {
    trial_.settle();
    for (Sender const& sender : senders_)
      for (int c = 0; c < containers; ++c) {
        std::map<std::int64_t, std::int64_t> found;
        for (auto const& [seconds, cells] : trial_.rows(container(sender.name, c).key)) {
          must(cells[0].has_value(), when + ": a row without its value");
          must(found.emplace(seconds, *cells[0]).second, when + ": a row is doubled");
        }
        for (std::uint64_t s = 1; s <= sender.acknowledged; ++s) {
          auto const which = when + ", " + sender.name + " sequence " + std::to_string(s);
          auto const row = found.find(unix_seconds(Sender::tick(s)) - unix_seconds(at(0)));
          must(row != found.end(), which + " is lost");
          must(row->second == static_cast<std::int64_t>(s) * 1000 + c * 10, which + " is wrong");
        }
        must(found.size() <= sender.sent, when + ": more rows than were sent");
      }
    must(trial_.store->counters().damaged_spills == 0, when + ": a file is damaged");
    std::array const columns{metric::cpu_usage};
    std::set<EntityKey> keys;
    for (auto const& [id, its] : trial_.known()) {
      EntityInfo const& info = *its;
      must(keys.insert(info.entity.key).second, when + ": one entity has two numbers");
      auto expected = tier_rows_[info.entity.key];
      std::map<std::int64_t, std::int64_t> found;
      auto const scanned = trial_.store->scan_tier(
          tier, info.id, columns, at(-10'000), at(1'000'000),
          [&](WallTime tick, auto cells) { found[unix_seconds(tick)] = cells[0].value_or(-1); });
      must(scanned.has_value(), when + ": the tier cannot be read");
      // A file whose writing was answered with an error may be there all the same.
      for (auto const& [seconds, value] : expected)
        must(found.contains(seconds) && found[seconds] == value, when + ": a tier's row is lost");
    }
  }

  void count() {
    auto const counters = trial_.store->counters();
    tally_.replayed += counters.replayed_batches;
    tally_.spills += counters.spills;
    tally_.merges += counters.merges;
    tally_.spill_failures += counters.spill_failures;
    tally_.buried += counters.buried_entities;
    tally_.revived += counters.revived_entities;
  }

  std::mt19937_64 random_;
  Tally& tally_;
  std::atomic<bool> full_{false};
  FaultySqlite sqlite_;
  SimulatedDisk disk_;
  StandingClock clock_;
  StoreOnTrial trial_;
  std::vector<Sender> senders_;
  std::uint64_t periods_ = 0;
  std::map<EntityKey, std::map<std::int64_t, std::int64_t>> tier_rows_;
};

TEST_CASE("no fault loses or doubles what was acknowledged") {
  auto const runs = environment("DADVISOR_CRASH_RUNS", sanitized ? 50 : 200);
  auto const first = environment("DADVISOR_CRASH_SEED", 20'240'501);
  Tally tally;
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    try {
      FaultRun(seed, tally).run();
    } catch (std::exception const& error) {
      FAIL_CHECK("DADVISOR_CRASH_SEED=" << seed << ": " << error.what());
    }
  }
  WARN(runs << " runs: " << tally.power_cuts << " power cuts, " << tally.kills << " kills, "
            << tally.full << " times full; " << tally.acknowledged << " batches acknowledged, "
            << tally.refused << " refused, " << tally.replayed << " replayed, " << tally.spills
            << " spills, " << tally.spill_failures << " failed, " << tally.merges << " merges, "
            << tally.sealed << " periods sealed, " << tally.buried << " buried, " << tally.revived
            << " revived");
  if (runs < 50) return;
  CHECK(tally.refused > runs / 10);
  CHECK(tally.replayed > runs);
  CHECK(tally.spills > runs);
  CHECK(tally.spill_failures > runs / 20);
  CHECK(tally.merges > runs / 20);
  CHECK(tally.sealed > runs / 10);
  CHECK(tally.buried > runs / 10);
  CHECK(tally.revived > runs / 20);
}

}  // namespace
}  // namespace dadvisor::aggregator::store
