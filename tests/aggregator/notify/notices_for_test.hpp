#pragma once
// What the tests of this folder share: notices of incidents, and a clock that is set.

#include <atomic>
#include <filesystem>
#include <string>

#include "aggregator/notify/outbox.hpp"

namespace dadvisor::aggregator::notify::test {

using alert::Level;
using alert::Reason;
using alert::Status;
using alert::Tick;
using alert::Transition;
using std::chrono::seconds;

inline Tick at(std::int64_t unix) { return Tick(seconds(unix)); }
inline WallTime wall(std::int64_t unix) { return from_unix_seconds(unix); }

inline Transition notice(std::string const& incident, std::uint64_t sequence, Status status,
                         Level level = Level::crit) {
  Transition out;
  out.rule = "cpu";
  out.instance = "dadvisor.default.instances.cart." + incident + ".cpu.pct_limit";
  out.tick = at(1795391821);
  out.from = status == Status::resolved ? Status::firing : Status::pending;
  out.from_level = level;
  out.state.status = status;
  out.state.level = status == Status::resolved ? Level::none : level;
  out.state.incident = incident;
  out.state.sequence = sequence;
  out.state.value = 97.25;
  out.state.opened = at(1795391821);
  out.state.began = at(1795391641);
  out.state.last_data = at(1795391821);
  out.state.title = "cart CPU of quota";
  out.state.labels = {{"app", "cart"}, {"owner", "pay"}, {"host", "h1"}};
  out.notice = true;
  out.condition = "> 90 for 3m, clear < 75";
  out.expr = "dadvisor.*.instances.cart.*.cpu.pct_limit";
  out.notify = {"owner"};
  if (status == Status::resolved) out.reason = Reason::cleared;
  return out;
}
inline Transition fired(std::string const& incident, std::uint64_t sequence = 1,
                        Level level = Level::crit) {
  return notice(incident, sequence, Status::firing, level);
}
inline Transition ended(std::string const& incident, std::uint64_t sequence) {
  return notice(incident, sequence, Status::resolved);
}

class SetClock final : public Clock {
 public:
  explicit SetClock(std::int64_t unix) : unix_(unix) {}
  void set(std::int64_t unix) { unix_ = unix; }
  WallTime wall() const override { return from_unix_seconds(unix_); }
  MonotonicTime monotonic() const override { return MonotonicTime(seconds(unix_)); }

 private:
  std::atomic<std::int64_t> unix_;
};

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "dadvisor-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  std::string const& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace dadvisor::aggregator::notify::test
