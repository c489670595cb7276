#pragma once
// What one query may use: series, points, memory, time. Whoever makes or reads something for it
// charges the budget first and goes no further when that is refused: sources, functions that make
// points, encoders, pictures. One more charge after a refusal is refused as well, so that a loop
// that cannot hand an error over may stop, and whoever called it asks again.
//
// A window carries its query's budget (Window::budget), an alert rule's evaluation likewise;
// without one nothing is limited but by the source. Errors: Errc::too_large with Error::limit,
// which names the limit and says what to ask for instead. Owned by the query's thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/core/clock.hpp"
#include "common/core/result.hpp"

namespace dadvisor::graphite {

// Names of limits, as metrics and errors have them. The last four are met before there is a budget,
// while a target or a picture's size is read.
namespace query_limit {
inline constexpr char const* series = "series";
inline constexpr char const* points = "points";
inline constexpr char const* memory = "memory";
inline constexpr char const* time = "time";
inline constexpr char const* depth = "depth";
inline constexpr char const* length = "length";
inline constexpr char const* braces = "braces";
inline constexpr char const* picture = "picture";
inline constexpr char const* all[] = {series, points, memory, time, depth, length, braces, picture};
}  // namespace query_limit

struct QueryLimits {
  std::size_t series = 10'000;                  // kept at once or one after the other
  std::size_t points = 10'000'000;              // of them, absent ones too
  std::size_t memory = 256U << 20;              // bytes of series and of the answer, at a time
  Nanoseconds time = std::chrono::seconds(10);  // of its own work, not of waiting for others
};

class QueryBudget {
 public:
  // Both are called between two pieces of work, on the query's thread; either may be empty. pause
  // is not called while something is Undivided.
  struct Seams {
    std::function<bool()> abandoned;     // whether nobody waits for the answer any more
    std::function<Nanoseconds()> pause;  // lets others work; how long that took
  };
  // The clock, which must outlive it, starts now.
  QueryBudget(QueryLimits const& limits, Clock const& clock, Seams seams);
  QueryBudget(QueryLimits const& limits, Clock const& clock) : QueryBudget(limits, clock, {}) {}
  QueryBudget(QueryBudget const&) = delete;
  QueryBudget& operator=(QueryBudget const&) = delete;

  // Series that are about to be kept, with `points` in all.
  Result<void> charge(std::size_t series, std::size_t points);
  std::size_t series_left() const { return limits_.series - series_; }
  Error too_many_series();  // whoever met series_left() by itself

  // Whether the query may go on: its time is not over and its client is there. Costs a look at the
  // clock: to be asked every 100 us or so.
  Result<void> go_on();
  // The same after so many steps of some 10 ns; looks at the clock once in a while. False: over.
  bool work(std::size_t steps) {
    steps_ += steps;
    return steps_ < steps_a_look ? !over() : looked();
  }
  bool over() const { return refusal_.has_value(); }

  // Bytes that are kept now. What is let go of is set back by who charged it.
  std::size_t held() const { return held_; }
  void set_held(std::size_t bytes) { held_ = bytes; }
  // Refused when `more` would be too much beside what is kept; else nothing changes.
  Result<void> room_for(std::size_t more);
  // The same for loops, which ask for each point: false where it is refused.
  bool has_room(std::size_t more) {
    bool const fits = !over() && held_ <= limits_.memory && more <= limits_.memory - held_;
    return fits || room_for(more).has_value();
  }
  bool abandoned() const { return abandoned_; }

  // While one lives the query does not let others work: for whoever holds a lock, which those
  // others may want and could then never get. `budget` may be null; the thread of the query.
  class Undivided {
   public:
    explicit Undivided(QueryBudget* budget) : budget_(budget) {
      if (budget_ != nullptr) ++budget_->undivided_;
    }
    ~Undivided() {
      if (budget_ != nullptr) --budget_->undivided_;
    }
    Undivided(Undivided const&) = delete;
    Undivided& operator=(Undivided const&) = delete;

   private:
    QueryBudget* const budget_;
  };

 private:
  static constexpr std::size_t steps_a_look = 1 << 13;
  bool looked();
  Result<void> refuse(char const* limit, std::string context);

  QueryLimits const limits_;
  Clock const& clock_;
  Seams const seams_;
  MonotonicTime until_;
  std::size_t series_ = 0, points_ = 0, held_ = 0, steps_ = 0;
  int undivided_ = 0;
  bool abandoned_ = false;
  std::optional<Error> refusal_;
};

// The same where there may be none.
inline Result<void> go_on(QueryBudget* budget) { return budget ? budget->go_on() : Result<void>(); }
inline Result<void> charge(QueryBudget* budget, std::size_t series, std::size_t points) {
  return budget ? budget->charge(series, points) : Result<void>();
}
inline Result<void> room_for(QueryBudget* budget, std::size_t more) {
  return budget ? budget->room_for(more) : Result<void>();
}
inline bool work(QueryBudget* budget, std::size_t steps) { return !budget || budget->work(steps); }
// Whether an encoder that has written so many bytes and works on may go on.
inline bool may_write(QueryBudget* budget, std::size_t written, std::size_t steps) {
  return !budget || (budget->work(steps) && budget->has_room(written));
}

}  // namespace dadvisor::graphite
