// Group Transform: each value becomes another one, by itself or by its predecessor.

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

// `shown` is the name without its series: "scale" and ",2" give scale(NAME,2).
void rename_call(Series& series, std::string_view function, std::string_view more = {}) {
  rename_expression(series, std::string(function) + "(" + series.name + std::string(more) + ")");
}

template <typename Map>
void map_values(Series& series, Map map) {
  for (auto& value : series.values) {
    if (!is_absent(value)) value = map(value);
  }
}

Result<SeriesList> scale(Call& call) {
  auto series = call.take_series("seriesList");
  double const factor = *call.real("factor");
  for (auto& one : series) {
    one.tags["scale"] = repr(factor);
    rename_call(one, "scale", "," + general(factor));
    map_values(one, [factor](double value) { return value * factor; });
  }
  return series;
}

Result<SeriesList> offset(Call& call) {
  auto series = call.take_series("seriesList");
  double const factor = *call.real("factor");
  for (auto& one : series) {
    one.tags["offset"] = repr(factor);
    rename_call(one, "offset", "," + general(factor));
    map_values(one, [factor](double value) { return value + factor; });
  }
  return series;
}

Result<SeriesList> absolute(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    one.tags["absolute"] = "1";
    rename_call(one, "absolute");
    map_values(one, [](double value) { return std::fabs(value); });
  }
  return series;
}

Result<SeriesList> invert(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    one.tags["invert"] = "1";
    rename_call(one, "invert");
    map_values(one, [](double value) { return value == 0 ? absent : 1 / value; });
  }
  return series;
}

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
    if (bounds_.max) return *bounds_.max + 1 + value - previous - bounds_.min.value_or(0);
    if (bounds_.min) return value - *bounds_.min;
    return absent;
  }

 private:
  CounterBounds bounds_;
  double previous_ = absent;
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
    map_values(one, [&total](double value) { return total += value; });
    one.tags["integral"] = "1";
    rename_call(one, "integral");
  }
  return series;
}

// Fills holes of up to `limit` values (none: of any length) by the value before them.
void fill_holes(std::vector<double>& values, std::optional<std::int64_t> limit) {
  double last = absent;
  std::size_t hole = 0;
  auto const fill = [&](std::size_t end) {
    if (hole == 0 || is_absent(last)) return;
    if (limit && static_cast<std::int64_t>(hole) > *limit) return;
    for (std::size_t i = end - hole; i < end; ++i) values[i] = last;
  };
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (is_absent(values[i])) {
      ++hole;
      continue;
    }
    fill(i);
    hole = 0;
    last = values[i];
  }
  fill(values.size());
}

Result<SeriesList> keep_last_value(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    fill_holes(one.values, call.integer("limit"));
    rename_call(one, "keepLastValue");
  }
  return series;
}

// With reference series a value is put in only where one of them has one.
Result<SeriesList> transform_null(Call& call) {
  auto series = call.take_series("seriesList");
  auto const references = call.take_series("referenceSeries");
  double const fallback = *call.real("default");
  std::vector<double> fill;
  for (auto const& reference : references) {
    fill.resize(std::max(fill.size(), reference.values.size()), absent);
    for (std::size_t i = 0; i < reference.values.size(); ++i) {
      if (!is_absent(reference.values[i])) fill[i] = fallback;
    }
  }
  for (auto& one : series) {
    one.tags["transformNull"] = to_text(call.value("default"));
    if (!references.empty()) one.tags["referenceSeries"] = "1";
    rename_call(one, "transformNull",
                "," + general(fallback) + (references.empty() ? "" : ",referenceSeries"));
    for (std::size_t i = 0; i < one.values.size(); ++i) {
      if (!is_absent(one.values[i])) continue;
      if (references.empty()) one.values[i] = fallback;
      if (i < fill.size()) one.values[i] = fill[i];
    }
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
  auto scaling = plain("scale", "Each value times the factor.", scale);
  scaling.parameters.push_back(required("factor", real));
  auto shifting = plain("offset", "Each value plus the factor.", offset);
  shifting.parameters.push_back(required("factor", real));
  auto keeping =
      plain("keepLastValue", "Fills holes of at most limit values by the last value before them.",
            keep_last_value);
  keeping.parameters.push_back(optional("limit", integer_or_infinity, HUGE_VAL));
  auto filling = plain("transformNull", "Puts a value where there is none.", transform_null);
  filling.parameters.push_back(optional("default", real, std::int64_t{0}));
  filling.parameters.push_back(optional("referenceSeries", ParameterType::series_list));
  return {
      scaling,
      shifting,
      keeping,
      filling,
      plain("absolute", "The absolute value of each value.", absolute),
      plain("invert", "One divided by each value.", invert),
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
