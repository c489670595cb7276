#pragma once
// What a function of the language is: a descriptor (its name, group and parameters, from which
// arguments are checked and /functions is made) and an implementation over a Call.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "graphite-bridge/series.hpp"
#include "graphite-bridge/value.hpp"

namespace dadvisor::graphite {

using SeriesList = std::vector<Series>;
class Call;

// Graphite's parameter types (functions/params.py). What a Call hands out for each:
enum class ParameterType {
  series_list,              // a SeriesList
  series_lists,             // what mapSeries() gives: a SeriesList too
  boolean,                  // bool; "true" and 1 count
  real,                     // double; numeric texts count
  integer,                  // int64
  node,                     // int64, may be negative
  node_or_tag,              // int64: a node of the path; text: a tag's name
  date,                     // text, "-1h", "20161128"
  interval,                 // text, "5min"
  integer_or_interval,      // int64, or text as interval
  integer_or_infinity,      // int64 or double inf
  text,                     // text; numbers are taken as they print
  tag,                      // text
  aggregation,              // text: a name of aggregation.hpp, also with "Series" behind it
  aggregation_or_function,  // that, or a Function that is an aggregator
  any,                      // a SeriesList or any Value
};
// Whether a series list can be given for it.
inline bool takes_series_list(ParameterType type) {
  return type == ParameterType::series_list || type == ParameterType::series_lists ||
         type == ParameterType::any;
}
// As /functions names it: "seriesList", "intOrInterval", ...
char const* to_string(ParameterType type);

struct Parameter {
  std::string name;
  ParameterType type = ParameterType::any;
  bool required = false;
  bool multiple = false;  // only the last one: takes all positional arguments that are left
  Value fallback = {};    // when not given; none: absent
  std::vector<Value> suggestions = {};
  std::vector<Value> options = {};  // the only values allowed, when not empty
  bool takes_others = false;        // options are those to choose from, others are taken too
};

struct Function {
  std::string name;
  std::string group;        // "Alias", "Combine", ... as Graphite groups them
  std::string description;  // one or two sentences
  std::vector<Parameter> parameters;
  Result<SeriesList> (*implementation)(Call& call) = nullptr;
  bool aggregator = false;  // one series list in, one series out: fit for groupByNode
  bool reads_tags = false;  // its arguments are tag expressions, checked when it is parsed
  // The same over the one path that the call has for series, before it is read; none: all of it is
  // read first.
  Result<SeriesList> (*over_matched)(Call& call, MatchedSeries const& matched) = nullptr;
};

// All functions by name, an alias (sum, sumSeries) once under each name. A value: whoever wants
// other functions makes a table of their own.
class FunctionTable {
 public:
  void add(std::vector<Function> functions);
  // Absent: nullptr. Valid as long as the table.
  Function const* find(std::string_view name) const;
  std::map<std::string, Function, std::less<>> const& functions() const { return functions_; }

 private:
  std::map<std::string, Function, std::less<>> functions_;
};

// The functions that dAdvisor has; one constant table, any thread.
FunctionTable const& standard_functions();

}  // namespace dadvisor::graphite
