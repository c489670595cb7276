#pragma once
// A row of a coarser tier: what the finer rows of a window held, column by column, as least,
// greatest, sum, number and last of their values; so that whatever way a query puts neighbouring
// values together, it finds what the finest rows would have given.
//
// How a column is kept follows from what it is:
//   gauge       its values in the stored unit
//   counter     what it rose by per step of the rows (its rate), the last reading, and the whole
//               increase where holes make that differ from the sum
//   quotient    a percentage of a container or an app: least, greatest and last of it; the mean is
//               the quotient of the two sums beside it. Of a container it is only kept where it
//               does not follow from the two metrics (where the denominator changed or was missing)
//   rollup      a column of an app's row: sum, count, all
//   least, greatest    the STATs min and max of an app: the least of the least; nothing else
//   parts       the sums that quotients are made of
//   order       p50 ... p99: over the instances' means of the window, made from outside
//
// In the store what follows from the rest is left out: min, max and sum of a figure whose values
// were all the same, a number that is that of the row's ticks. Pure values, any thread.

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "aggregator/rollup/counter_rates.hpp"
#include "aggregator/store/rows.hpp"
#include "common/core/metric/column.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::rollup {

struct WindowFigure {
  double min = 0, max = 0, sum = 0, last = 0, count = 0;  // count 0: nothing is known

  void take(double value);
  void take(WindowFigure const& later);
  bool operator==(WindowFigure const&) const = default;
};

enum class Keeping : std::uint8_t {
  gauge,
  counter,
  quotient,
  rollup,
  least,
  greatest,
  parts,
  order,
};

struct WindowColumn {
  MetricId column = 0;  // a raw or a rollup column
  Metric const* metric = nullptr;
  Keeping keeping = Keeping::gauge;
};

// Which columns windows are made of: those given, and the quotients that they make up.
class WindowLayout {
 public:
  // `columns` of raw rows (containers, hosts) or rollup rows (apps, totals), ascending.
  WindowLayout(EntityKind kind, std::span<MetricId const> columns);

  EntityKind kind() const { return kind_; }
  std::span<WindowColumn const> columns() const { return columns_; }  // by column ascending
  std::size_t place(MetricId column) const;                           // columns().size(): none
  // What is read of the finer rows, ascending: a subset of the columns given, and behind them the
  // rows' own step where they are rollup rows.
  std::vector<MetricId> const& finest() const { return finest_; }
  // What is read and written in a tier's file, ascending.
  std::vector<MetricId> const& stored() const { return stored_; }
  // Where a part of column `at` stands in stored(); it must be kept there.
  std::size_t stored_place(std::size_t at, WindowPart part) const {
    return stored_places_[at][static_cast<std::size_t>(part)];
  }
  std::size_t ticks_place() const { return ticks_place_; }
  std::size_t step_place() const { return step_place_; }

 private:
  void add(MetricId column, Keeping keeping);

  EntityKind kind_;
  std::vector<WindowColumn> columns_;
  std::vector<MetricId> finest_, stored_;
  std::vector<std::array<std::uint16_t, 8>> stored_places_;  // per column, by WindowPart
  std::size_t ticks_place_ = 0, step_place_ = 0;
};

struct WindowRow {
  WallTime window{};   // its begin
  Nanoseconds step{};  // of the finest rows that it is made of; the newest's
  double ticks = 0;    // how many those are
  // One per column of the layout; readings and increases of counters alone.
  std::vector<WindowFigure> figures;
  std::vector<Cell> readings;
  std::vector<double> increases;

  bool operator==(WindowRow const&) const = default;
};
using WindowVisitor = std::function<void(WindowRow const&)>;

// Folds finest rows into windows. Rows by tick ascending.
class WindowFolder {
 public:
  // rates: of the entity, over layout.finest(); null for apps and totals.
  WindowFolder(WindowLayout const& layout, Nanoseconds window, Nanoseconds step,
               CounterRates* rates);
  void take(WallTime tick, std::span<Cell const> cells, WindowVisitor const& visit);
  void finish(WindowVisitor const& visit);

 private:
  bool says_nothing(std::span<Cell const> cells) const;
  void take_quotient(std::size_t at, std::span<Cell const> cells);
  std::optional<double> operand(std::size_t finest, std::span<Cell const> cells) const;
  void settle();

  struct Quotient {
    std::size_t at;                   // its column in the layout
    std::size_t top, bottom;          // of the finest columns
    std::size_t top_sum, bottom_sum;  // their sums in the layout
  };
  WindowLayout const& layout_;
  Nanoseconds const window_, step_;
  CounterRates* const rates_;
  std::vector<std::size_t> places_;  // of the finest columns in the layout
  std::vector<Quotient> quotients_;
  WindowRow row_;
};

// Folds a tier's windows into longer ones.
class WindowJoiner {
 public:
  WindowJoiner(WindowLayout const& layout, Nanoseconds window) : layout_(layout), window_(window) {}
  void take(WindowRow const& row, WindowVisitor const& visit);
  void finish(WindowVisitor const& visit);

 private:
  WindowLayout const& layout_;
  Nanoseconds const window_;
  WindowRow row_;
};

// The shown value of a figure per second of a counter, in its unit of a gauge: what a row's
// figure, or a part of it, says.
double shown_figure(WindowColumn const& column, WindowRow const& row, double value);
// What a percentage is made of: the sums of shown numerators and denominators over those ticks that
// had both. `at`: the quotient's column.
std::optional<std::pair<double, double>> quotient_sums(WindowLayout const& layout,
                                                       WindowRow const& row, std::size_t at);

// As they stand in a file.
void append_window(WindowLayout const& layout, WindowRow const& row, store::Rows& rows);
WindowRow read_window(WindowLayout const& layout, WallTime window, std::span<Cell const> cells);

}  // namespace dadvisor::aggregator::rollup
