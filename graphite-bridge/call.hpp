#pragma once
// What the implementation of a function sees of its call: the series and values given for its
// parameters, the window, and the means to read its first argument again over another window.
// Lives for one call, on one thread.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "graphite-bridge/expression.hpp"
#include "graphite-bridge/function.hpp"
#include "graphite-bridge/query_budget.hpp"
#include "graphite-bridge/series.hpp"
#include "graphite-bridge/time_zone.hpp"

namespace dadvisor::graphite {

// What the targets of one request share: how high stacked() has stacked, by the stack's name and
// the value's place, whether of ints alone, and how many random walks there were. One thread at a
// time.
struct RequestState {
  struct Stack {
    std::vector<double> heights;
    bool whole = true;
  };
  std::map<std::string, Stack> stacks;
  std::uint32_t random_walks = 0;  // that were made already
};

// What an evaluation goes by, wherever it is in the tree.
struct EvaluationContext {
  Window window;
  SeriesSource const* source = nullptr;
  double x_files_factor = 0;
  TimeZone zone = TimeZone::utc();  // whose midnight and noon are meant
  std::string_view target;          // for errors that point into it
  RequestState* request = nullptr;  // never none during an evaluation
};

// What a source gave for `pattern`, as the language wants it.
void adopt_fetched(SeriesList& series, std::string_view pattern, EvaluationContext const& context);
// Series of one expression. Errors as evaluate().
Result<SeriesList> evaluate_node(ExpressionNode const& node, EvaluationContext& context);

class Call {
 public:
  // Evaluates the series arguments first. `node` must be a call.
  static Result<Call> prepare(ExpressionNode const& node, EvaluationContext& context);
  // The path of a call whose only series are that path's; nullptr when they are not. And such a
  // call without them, for over_matched.
  static ExpressionNode const* only_path(ExpressionNode const& node);
  static Call prepare_unread(ExpressionNode const& node, EvaluationContext& context);
  // A call that an other function makes: `series` for the first parameter, nothing else.
  Call(Function const& function, SeriesList series, EvaluationContext& context);
  // The same with one list an argument, by position; takes_lists() must hold.
  Call(Function const& function, std::vector<SeriesList> lists, EvaluationContext& context);
  // Whether `function` can be called with so many series lists and nothing else.
  static bool takes_lists(Function const& function, std::size_t lists);

  // What its function makes; the second form is for a call that prepare_unread() made.
  Result<SeriesList> run();
  Result<SeriesList> run(MatchedSeries const& matched);

  // The parameter must exist in the descriptor: anything else is a bug and aborts in debug.
  // All series given for it, one list after another; they are handed over.
  SeriesList take_series(std::string_view parameter);
  // Whether it was given as series (type any may be either).
  bool is_series(std::string_view parameter) const;
  bool is_given(std::string_view parameter) const;
  // The value given or its fallback; none when there is neither.
  Value value(std::string_view parameter) const;
  std::vector<Value> values(std::string_view parameter) const;  // of a multiple one
  std::optional<double> real(std::string_view parameter) const;
  std::optional<std::int64_t> integer(std::string_view parameter) const;
  bool flag(std::string_view parameter) const;
  std::string text(std::string_view parameter) const;  // "" when none

  Window const& window() const { return context_->window; }
  double x_files_factor() const { return context_->x_files_factor; }
  void set_x_files_factor(double factor) { context_->x_files_factor = factor; }
  EvaluationContext& context() { return *context_; }
  FunctionTable const& table() const { return *table_; }
  // Whether the query has time left and a client: asked by whatever takes long, again and again.
  Result<void> go_on() const { return graphite::go_on(context_->window.budget); }

  // Series of the call's only path, read now: those at `places`, or all of them.
  Result<SeriesList> read(MatchedSeries const& matched, std::span<std::size_t const> places) const;
  Result<SeriesList> read_all(MatchedSeries const& matched) const;
  std::string const& path() const { return only_path(*node_)->pattern; }
  // The first series argument of `parameter`, evaluated over another window.
  Result<SeriesList> evaluate_again(std::string_view parameter, Window const& window) const;
  // Another target over the same window. Errors as parse_target() and evaluate().
  Result<SeriesList> evaluate_text(std::string const& target) const;
  // The text of a call that reads tags.
  std::string_view pattern() const {
    return node_ == nullptr ? std::string_view() : std::string_view(node_->pattern);
  }
  // Errc::malformed about this call, pointing to it.
  Error error(std::string const& message) const;

 private:
  struct Given {
    std::size_t parameter = 0;
    bool is_series = false;
    Value value;
    SeriesList series;
    ExpressionNode const* expression = nullptr;
  };
  Call(Function const& function, EvaluationContext& context)
      : function_(&function), context_(&context), table_(&standard_functions()) {}
  std::size_t index(std::string_view parameter) const;
  void give(std::size_t parameter, SeriesList series);

  Function const* function_;
  EvaluationContext* context_;
  FunctionTable const* table_;
  ExpressionNode const* node_ = nullptr;  // none when an other function calls
  std::vector<Given> given_;
};

}  // namespace dadvisor::graphite
