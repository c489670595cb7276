#pragma once
// A target, parsed and checked once, to be evaluated as often as one likes: every function in it
// exists and every argument has the right type, so an alert rule with a slip fails when it is
// loaded and not when it is needed. A cheap value (shared, immutable), any thread.

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "graphite-bridge/function.hpp"
#include "graphite-bridge/value.hpp"

namespace dadvisor::graphite {

// One argument of a call, bound to its parameter: a series expression, or else a value of the
// parameter's type.
struct ExpressionNode;
struct Argument {
  std::size_t parameter = 0;  // index into the function's parameters
  Value value;
  std::shared_ptr<ExpressionNode const> series;
};

struct ExpressionNode {
  std::size_t begin = 0;               // where it stands in the target
  std::string pattern;                 // of a path, or the whole text of a seriesByTag call
  Function const* function = nullptr;  // of a call, else nullptr
  FunctionTable const* table = nullptr;
  std::vector<Argument> arguments;  // of a call, in the order of its parameters
};

class Expression {
 public:
  Expression(std::string target, std::shared_ptr<ExpressionNode const> root)
      : target_(std::move(target)), root_(std::move(root)) {}

  std::string const& target() const { return target_; }
  ExpressionNode const& root() const { return *root_; }
  // The path patterns (and seriesByTag calls) that it reads, each once, in order.
  std::vector<std::string> patterns() const;

 private:
  std::string target_;
  std::shared_ptr<ExpressionNode const> root_;
};

// Values for the $names of template(); those of the request win over those of the target.
using TemplateValues = std::map<std::string, std::string>;

// Errc::malformed with a pointer to the byte: the text does not parse, a function is unknown, an
// argument is missing, too much or of the wrong type; with Error::limit: it is too long or too
// deep, or its braces or $names make too much of it. `table` must outlive the Expression. Errors of
// `budget` too, where there is one.
Result<Expression> parse_target(std::string_view target, TemplateValues const& values = {},
                                FunctionTable const& table = standard_functions(),
                                QueryBudget* budget = nullptr);

}  // namespace dadvisor::graphite
