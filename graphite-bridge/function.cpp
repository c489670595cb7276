#include "graphite-bridge/function.hpp"

#include <utility>

#include "graphite-bridge/functions/groups.hpp"

namespace dadvisor::graphite {

char const* to_string(ParameterType type) {
  switch (type) {
    case ParameterType::series_list:
      return "seriesList";
    case ParameterType::series_lists:
      return "seriesLists";
    case ParameterType::boolean:
      return "boolean";
    case ParameterType::real:
      return "float";
    case ParameterType::integer:
      return "integer";
    case ParameterType::node:
      return "node";
    case ParameterType::node_or_tag:
      return "nodeOrTag";
    case ParameterType::date:
      return "date";
    case ParameterType::interval:
      return "interval";
    case ParameterType::integer_or_interval:
      return "intOrInterval";
    case ParameterType::integer_or_infinity:
      return "intOrInf";
    case ParameterType::text:
      return "string";
    case ParameterType::tag:
      return "tag";
    case ParameterType::aggregation:
      return "aggFunc";
    case ParameterType::aggregation_or_function:
      return "aggOrSeriesFunc";
    case ParameterType::any:
      return "any";
  }
  return "any";
}

void FunctionTable::add(std::vector<Function> functions) {
  for (auto& function : functions) {
    auto name = function.name;
    functions_.insert_or_assign(std::move(name), std::move(function));
  }
}

Function const* FunctionTable::find(std::string_view name) const {
  auto const found = functions_.find(name);
  return found == functions_.end() ? nullptr : &found->second;
}

FunctionTable const& standard_functions() {
  static FunctionTable const table = [] {
    FunctionTable out;
    out.add(functions::alias_functions());
    out.add(functions::arithmetic_functions());
    out.add(functions::calculate_functions());
    out.add(functions::combine_functions());
    out.add(functions::divide_functions());
    out.add(functions::filter_functions());
    out.add(functions::filter_series_functions());
    out.add(functions::forecast_functions());
    out.add(functions::generated_functions());
    out.add(functions::graph_functions());
    out.add(functions::grouping_functions());
    out.add(functions::hole_functions());
    out.add(functions::legend_functions());
    out.add(functions::percent_functions());
    out.add(functions::percentile_functions());
    out.add(functions::sorting_functions());
    out.add(functions::special_functions());
    out.add(functions::statistics_functions());
    out.add(functions::summarize_functions());
    out.add(functions::time_functions());
    out.add(functions::transform_functions());
    return out;
  }();
  return table;
}

}  // namespace dadvisor::graphite
