#pragma once
// What a query sees: named, evenly spaced values, and where they come from. The language
// (functions over these) knows nothing of stores; whoever has series implements SeriesSource.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "graphite-bridge/drawing.hpp"
#include "graphite-bridge/event.hpp"

namespace dadvisor::graphite {

// How several values of one series become one (graphite-web's consolidateBy).
enum class Consolidation { average, sum, min, max, first, last, avg_zero };

// A value that is not there. Graphite knows no NaN: it is null in every answer.
inline constexpr double absent = std::numeric_limits<double>::quiet_NaN();
inline bool is_absent(double value) { return std::isnan(value); }

// One series over [start, end) at `step` seconds: value i belongs to start + i * step.
// start is a multiple of step for what comes from a source; functions may shift it.
struct Series {
  std::string name;                         // what the answer shows as "target"
  std::string path_expression;              // the pattern or call that it came from
  std::map<std::string, std::string> tags;  // "name" and, in functions' wake, theirs; all strings
  std::int64_t start = 0;                   // unix seconds
  std::int64_t end = 0;                     // unix seconds, exclusive: start + values.size() * step
  std::int64_t step = 1;                    // seconds, > 0
  std::vector<double> values;               // `absent` where there is none
  Consolidation consolidation = Consolidation::average;
  double x_files_factor = 0;
  Drawing drawing;     // for pictures only; no other answer shows it
  bool whole = false;  // of Python's ints in graphite-web: how they print (whole_numbers.hpp)
};

// Of memory that it takes, roughly.
std::size_t bytes_of(Series const& series);

// Graphite shows values at start, start + step, ... up to and including end: what some functions
// leave over behind that counts only where values are put together.
void cut_behind_end(Series& series);

class QueryBudget;

// The window (from, until] that graphite-web answers, in unix seconds, and its clock.
struct Window {
  std::int64_t from = 0;
  std::int64_t until = 0;
  std::int64_t now = 0;
  // What the query is going to put neighbouring values together by (consolidateBy), for a source
  // that has put some of them together already; without it each series' own.
  std::optional<Consolidation> consolidation = {};
  // What the query may use; null: as much as the source gives. It outlives the query.
  QueryBudget* budget = nullptr;
};

// Series that a pattern matched and nobody has read yet, for functions that need the values of all
// but the names of few: sums, the ten greatest. By path, each path once; what take() gives has no
// tag but its name. One thread; the source must outlive it.
class MatchedSeries {
 public:
  struct Shape {  // of a Series, as fetch() would give it
    std::int64_t start = 0, end = 0, step = 1;
    Consolidation consolidation = Consolidation::average;
    std::size_t values() const { return static_cast<std::size_t>((end - start) / step); }
  };
  using Visitor = std::function<void(std::size_t place, std::span<double const> values)>;

  virtual ~MatchedSeries() = default;
  virtual std::size_t size() const = 0;
  virtual Shape shape(std::size_t place) const = 0;
  // Visits all, in order; the values are gone behind each visit. Errors: as fetch().
  virtual Result<void> each(Visitor const& visit) const = 0;
  // Those at `places`, in their order.
  virtual Result<std::vector<Series>> take(std::span<std::size_t const> places) const = 0;
};

// One node below a path, as /metrics/find lists them.
struct FoundNode {
  std::string path;   // the whole path, dots between nodes
  bool leaf = false;  // it has values; a path may be leaf and branch: then it is listed twice
};

// A time in which figures were lost before they were kept, unix seconds, both ends in it.
struct Lost {
  std::int64_t first = 0, last = 0;
  bool thinned = false;  // not all: of each minute one is there
  bool operator==(Lost const&) const = default;
};

// Where series come from. All methods are const and may be called from several threads.
// Errors: unavailable (the store), too_large (over a limit of the query's budget or the source's);
// a pattern that matches nothing is an empty list, not an error.
class SeriesSource {
 public:
  virtual ~SeriesSource() = default;
  // Series whose path matches `pattern` (globs * ? [a-z] {a,b} within a node), sorted by path,
  // each over (from, until]: first value at from - from % step + step, last at until - until %
  // step (at least one value). A series that exists but has no value there is all absent.
  // `pattern` becomes each one's path_expression.
  virtual Result<std::vector<Series>> fetch(std::string_view pattern,
                                            Window const& window) const = 0;
  // What fetch() would read; nullptr where only fetch() can tell.
  virtual Result<std::unique_ptr<MatchedSeries>> match(std::string_view pattern,
                                                       Window const& window) const;
  // Nodes that match `pattern`, sorted by path, a branch before the leaf of the same path.
  virtual Result<std::vector<FoundNode>> find(std::string_view pattern,
                                              Window const& window) const = 0;
  // Series that fit all of `tag_expressions` ("dc=bj", "host!=~h[12]": tag_query.hpp reads them),
  // over (from, until] and with their tags as fetch() gives them, sorted by name. A source without
  // tags has none. Errc::malformed: an expression that is none.
  virtual Result<std::vector<Series>> fetch_tagged(std::vector<std::string> const& tag_expressions,
                                                   Window const& window) const;
  // Events with from <= when <= until that carry all of `tags` (none: every event), by time
  // ascending. A source without events has none.
  virtual Result<std::vector<Event>> events(std::vector<std::string> const& tags,
                                            Window const& window) const;
  // When figures of what `patterns` match were lost, as far as that reaches into the window, by
  // time. A source that does not know has none.
  virtual Result<std::vector<Lost>> lost(std::vector<std::string> const& patterns,
                                         Window const& window) const;
};

}  // namespace dadvisor::graphite
