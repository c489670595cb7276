// Of group Transform, the functions that look at the value before: counters and their like.

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

// The bounds of a counter that wraps; a value outside is as if it were absent.
struct CounterBounds {
  std::optional<double> max;
  std::optional<double> min;
};

// How much a counter rose from one value to the next: absent at the first value, after an absent
// one, and at a fall, unless the bounds tell where the counter wrapped. With bounds an absent
// value is just absent; graphite-web fails there.
class CounterRise {
 public:
  explicit CounterRise(CounterBounds bounds) : bounds_(bounds) {}

  double next(double value) {
    if ((bounds_.max && value > *bounds_.max) || (bounds_.min && value < *bounds_.min)) {
      previous_ = absent;
      return absent;
    }
    double const previous = std::exchange(previous_, value);
    if (is_absent(previous) || is_absent(value)) return absent;
    if (value >= previous) return value - previous;
    if (!bounds_.max && !bounds_.min) return absent;
    wrapped_ = true;
    if (bounds_.max) return *bounds_.max + 1 + value - previous - bounds_.min.value_or(0);
    return value - *bounds_.min;
  }
  bool wrapped() const { return wrapped_; }  // whether a bound made a value

 private:
  CounterBounds bounds_;
  double previous_ = absent;
  bool wrapped_ = false;
};

Result<SeriesList> per_second(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    CounterRise rise({call.real("maxValue"), call.real("minValue")});
    for (auto& value : one.values) {
      double const rose = rise.next(value);
      value = is_absent(rose) ? absent : round_to(rose / static_cast<double>(one.step), 6);
    }
    one.tags["perSecond"] = "1";
    rename_call(one, "perSecond");
  }
  return series;
}

Result<SeriesList> non_negative_derivative(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    CounterRise rise({call.real("maxValue"), call.real("minValue")});
    for (auto& value : one.values) value = rise.next(value);
    one.whole = one.whole && !rise.wrapped();  // bounds are floats
    one.tags["nonNegativeDerivative"] = "1";
    rename_call(one, "nonNegativeDerivative");
  }
  return series;
}

Result<SeriesList> derivative(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    double previous = absent;
    for (auto& value : one.values) value -= std::exchange(previous, value);
    one.tags["derivative"] = "1";
    rename_call(one, "derivative");
  }
  return series;
}

Result<SeriesList> integral(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    double total = 0;
    for (auto& value : one.values) {
      if (!is_absent(value)) value = total += value;
    }
    one.tags["integral"] = "1";
    rename_call(one, "integral");
  }
  return series;
}

Function plain(std::string name, std::string description,
               Result<SeriesList> (*implementation)(Call&)) {
  return {.name = std::move(name),
          .group = "Transform",
          .description = std::move(description),
          .parameters = {one_list()},
          .implementation = implementation};
}

Function counter(std::string name, std::string description,
                 Result<SeriesList> (*implementation)(Call&)) {
  auto out = plain(std::move(name), std::move(description), implementation);
  out.parameters.push_back(optional("maxValue", real));
  out.parameters.push_back(optional("minValue", real));
  return out;
}

}  // namespace

std::vector<Function> transform_functions() {
  return {
      plain("derivative", "Each value minus the one before it.", derivative),
      plain("integral", "The sum of all values up to each.", integral),
      counter("nonNegativeDerivative",
              "How much a counter rose since the value before; absent where it fell, unless "
              "maxValue or minValue tell where it wraps.",
              non_negative_derivative),
      counter("perSecond",
              "How much a counter rose per second since the value before; absent where it fell, "
              "unless maxValue or minValue tell where it wraps.",
              per_second),
  };
}

}  // namespace dadvisor::graphite::functions
