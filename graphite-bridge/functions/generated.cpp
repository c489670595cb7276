// Functions that make a series of nothing but the window: identity, time, sin, randomWalk.

#include <cmath>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

constexpr std::int64_t usual_step = 60;
constexpr std::int64_t max_points = 10'000'000;  // where no budget says so
constexpr std::int64_t points_a_look = 1 << 13;

// A value at each step from `from` on, itself included and `until` not: such series begin where
// the window does, not at a multiple of their step.
template <typename ValueAt>
Result<SeriesList> generate(Call const& call, std::int64_t step, ValueAt value_at) {
  if (step <= 0) return call.error("step must be more than 0");
  auto const& window = call.window();
  auto const seconds = std::max<std::int64_t>(window.until - window.from, 0);
  auto const points = seconds / step + (seconds % step > 0 ? 1 : 0);
  if (window.budget == nullptr && points > max_points) {
    return call.error("more than " + std::to_string(max_points) + " points");
  }
  auto const charged = charge(window.budget, 1, static_cast<std::size_t>(points));
  if (!charged) return charged.error();
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(points));
  for (std::int64_t i = 0; i < points; ++i) {
    if (i % points_a_look == 0 && !call.go_on()) return call.go_on().error();
    values.push_back(value_at(window.from + i * step));
  }
  return SeriesList{made_series(call.text("name"), window.from, window.until, step,
                                std::move(values), call.x_files_factor())};
}

double time_at(std::int64_t time) { return static_cast<double>(time); }

Result<SeriesList> identity(Call& call) {
  auto out = generate(call, usual_step, time_at);
  if (!out) return out;
  for (auto& one : *out) {
    one.path_expression = "identity(\"" + one.name + "\")";
    one.whole = true;  // unlike those of time()
  }
  return out;
}

Result<SeriesList> time_function(Call& call) {
  return generate(call, *call.integer("step"), time_at);
}

Result<SeriesList> sine(Call& call) {
  auto const amplitude = static_cast<double>(*call.integer("amplitude"));
  return generate(call, *call.integer("step"), [amplitude](std::int64_t time) {
    return std::sin(static_cast<double>(time)) * amplitude;
  });
}

// From 0 on, each value at most 0.5 from the one before. Chance goes by the name, the window and
// the calls before it in the request: the same request shows the same walks.
Result<SeriesList> random_walk(Call& call) {
  auto const name = call.text("name");
  std::vector<std::uint32_t> seed(name.begin(), name.end());
  auto const from = static_cast<std::uint64_t>(call.window().from);
  seed.push_back(static_cast<std::uint32_t>(from));
  seed.push_back(static_cast<std::uint32_t>(from >> 32));
  seed.push_back(call.context().request->random_walks++);
  std::seed_seq sequence(seed.begin(), seed.end());
  std::mt19937_64 chance(sequence);
  std::uniform_real_distribution<double> stride(-0.5, 0.5);
  double position = 0;
  return generate(call, *call.integer("step"),
                  [&](std::int64_t) { return std::exchange(position, position + stride(chance)); });
}

}  // namespace

std::vector<Function> generated_functions() {
  auto const name = required("name", text);
  auto const step = optional("step", integer, usual_step);
  Function const time{.name = "time",
                      .group = "Transform",
                      .description = "The unix time of each point, a step of seconds apart.",
                      .parameters = {name, step},
                      .implementation = time_function};
  Function const sin{.name = "sin",
                     .group = "Transform",
                     .description = "The sine of each point's unix time, times the amplitude.",
                     .parameters = {name, optional("amplitude", integer, std::int64_t{1}), step},
                     .implementation = sine};
  Function const walk{.name = "randomWalk",
                      .group = "Special",
                      .description = "A walk from 0 on by strides of chance, at most 0.5 each.",
                      .parameters = {name, step},
                      .implementation = random_walk};
  return {
      {.name = "identity",
       .group = "Calculate",
       .description = "The unix time of each point, a minute apart.",
       .parameters = {name},
       .implementation = identity},
      time,
      also_called(time, "timeFunction"),
      sin,
      also_called(sin, "sinFunction"),
      walk,
      also_called(walk, "randomWalkFunction"),
  };
}

}  // namespace dadvisor::graphite::functions
