#include "graphite-bridge/function_list.hpp"

#include <algorithm>
#include <set>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/json_text.hpp"

namespace dadvisor::graphite {
namespace {

void write_value(JsonText& json, Value const& value) {
  if (auto const* flag = std::get_if<bool>(&value)) {
    json.boolean(*flag);
  } else if (auto const* integer = std::get_if<std::int64_t>(&value)) {
    json.integer(*integer);
  } else if (auto const* real = std::get_if<double>(&value)) {
    json.number(*real);
  } else if (auto const* text = std::get_if<std::string>(&value)) {
    json.string(*text);
  } else {
    json.null();
  }
}

// As it stands between the brackets: "newName", "func='average'", "*nodes".
std::string signature(Function const& function) {
  std::string out = function.name + "(";
  bool first = true;
  for (auto const& parameter : function.parameters) {
    if (!first) out += ", ";
    first = false;
    if (parameter.multiple) out += '*';
    out += parameter.name;
    if (parameter.required || parameter.multiple) continue;
    bool const quoted = std::holds_alternative<std::string>(parameter.fallback);
    out += quoted ? "='" + to_text(parameter.fallback) + "'" : "=" + to_text(parameter.fallback);
  }
  return out + ")";
}

// By their text, as graphite-web has them in order.
std::vector<Value> options_of(Parameter const& parameter, FunctionTable const& table) {
  auto out = parameter.options;
  bool const with_functions = parameter.type == ParameterType::aggregation_or_function;
  if (parameter.type == ParameterType::aggregation || with_functions) {
    std::set<std::string> names(aggregation_names().begin(), aggregation_names().end());
    for (auto const& [name, function] : table.functions()) {
      if (with_functions && function.aggregator) names.insert(name);
    }
    out.assign(names.begin(), names.end());
  }
  std::sort(out.begin(), out.end(),
            [](Value const& a, Value const& b) { return to_text(a) < to_text(b); });
  return out;
}

void write_parameter(JsonText& json, Parameter const& parameter, FunctionTable const& table) {
  json.open_object();
  json.key("name");
  json.string(parameter.name);
  json.key("type");
  json.string(to_string(parameter.type));
  if (parameter.required) {
    json.key("required");
    json.boolean(true);
  }
  if (!is_none(parameter.fallback)) {
    json.key("default");
    write_value(json, parameter.fallback);
  }
  if (parameter.multiple) {
    json.key("multiple");
    json.boolean(true);
  }
  if (auto const options = options_of(parameter, table); !options.empty()) {
    json.key("options");
    json.open_array();
    for (auto const& option : options) write_value(json, option);
    json.close_array();
  }
  if (!parameter.suggestions.empty()) {
    json.key("suggestions");
    json.open_array();
    for (auto const& suggestion : parameter.suggestions) write_value(json, suggestion);
    json.close_array();
  }
  json.close_object();
}

void write_function(JsonText& json, Function const& function, FunctionTable const& table) {
  json.open_object();
  json.key("name");
  json.string(function.name);
  json.key("function");
  json.string(signature(function));
  json.key("description");
  json.string(function.description);
  json.key("module");
  json.string("graphite.render.functions");
  json.key("group");
  json.string(function.group);
  json.key("params");
  json.open_array();
  for (auto const& parameter : function.parameters) write_parameter(json, parameter, table);
  json.close_array();
  json.close_object();
}

}  // namespace

Answer list_functions(Parameters const& parameters, FunctionTable const& table) {
  auto const wanted = last_value(parameters, "group");
  auto const grouped = last_value(parameters, "grouped").value_or("");
  std::map<std::string, std::vector<Function const*>> groups;
  for (auto const& [name, function] : table.functions()) {
    if (!wanted || *wanted == function.group) groups[function.group].push_back(&function);
  }
  JsonText json(is_pretty(parameters));
  json.open_object();
  if (grouped == "1" || grouped == "true") {
    for (auto const& [group, functions] : groups) {
      json.key(group);
      json.open_object();
      for (auto const* function : functions) {
        json.key(function->name);
        write_function(json, *function, table);
      }
      json.close_object();
    }
  } else {
    for (auto const& [name, function] : table.functions()) {
      if (wanted && *wanted != function.group) continue;
      json.key(name);
      write_function(json, function, table);
    }
  }
  json.close_object();
  return Answer{"application/json", json.take()};
}

Result<Answer> describe_function(std::string_view name, Parameters const& parameters,
                                 FunctionTable const& table) {
  auto const* function = table.find(name);
  if (function == nullptr) {
    return Error{Errc::not_found, 0, "no function " + std::string(name)};
  }
  JsonText json(is_pretty(parameters));
  write_function(json, *function, table);
  return Answer{"application/json", json.take()};
}

}  // namespace dadvisor::graphite
