#pragma once
// Short ways to write the parameters that most functions share.

#include <string>

#include "graphite-bridge/function.hpp"

namespace dadvisor::graphite::functions {

inline Parameter one_list() {
  return {.name = "seriesList", .type = ParameterType::series_list, .required = true};
}
// sumSeries(a, b, c): as many lists as one likes.
inline Parameter many_lists() {
  return {.name = "seriesLists",
          .type = ParameterType::series_list,
          .required = true,
          .multiple = true};
}
inline Parameter required(std::string name, ParameterType type) {
  return {.name = std::move(name), .type = type, .required = true};
}
inline Parameter optional(std::string name, ParameterType type, Value fallback = {}) {
  return {.name = std::move(name), .type = type, .fallback = std::move(fallback)};
}
// A function of one list of series, and `more`.
inline Function of_one_list(std::string group, std::string name, std::string description,
                            Result<SeriesList> (*implementation)(Call&),
                            std::vector<Parameter> more = {}) {
  Function out{.name = std::move(name),
               .group = std::move(group),
               .description = std::move(description),
               .parameters = {one_list()},
               .implementation = implementation};
  out.parameters.insert(out.parameters.end(), more.begin(), more.end());
  return out;
}
// The same function under a second name.
inline Function also_called(Function function, std::string name) {
  function.name = std::move(name);
  return function;
}

}  // namespace dadvisor::graphite::functions
