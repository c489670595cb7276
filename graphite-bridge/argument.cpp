#include "graphite-bridge/argument.hpp"

#include <algorithm>
#include <cmath>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/time_spec.hpp"

namespace dadvisor::graphite {
namespace {

Error expected(Parameter const& parameter, std::string const& what) {
  return Error{Errc::malformed, 0, parameter.name + " must be " + what};
}

Result<Value> fit_boolean(Value const& given, Parameter const& parameter) {
  if (std::holds_alternative<bool>(given)) return given;
  if (auto const* integer = std::get_if<std::int64_t>(&given); integer) {
    if (*integer == 0 || *integer == 1) return Value(*integer == 1);
  } else if (auto const* text = std::get_if<std::string>(&given)) {
    std::string lower = *text;
    for (auto& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if (lower == "true" || lower == "false") return Value(lower == "true");
  }
  return expected(parameter, "true or false");
}

Result<Value> fit_real(Value const& given, Parameter const& parameter) {
  if (std::holds_alternative<double>(given)) return given;
  if (auto const* integer = std::get_if<std::int64_t>(&given)) {
    return Value(static_cast<double>(*integer));
  }
  if (auto const* flag = std::get_if<bool>(&given)) return Value(*flag ? 1.0 : 0.0);
  if (auto const* text = std::get_if<std::string>(&given)) {
    if (auto const number = parse_float(*text)) return Value(*number);
  }
  return expected(parameter, "a number");
}

Result<Value> fit_integer(Value const& given, Parameter const& parameter) {
  if (std::holds_alternative<std::int64_t>(given)) return given;
  if (auto const* flag = std::get_if<bool>(&given)) return Value(std::int64_t{*flag});
  if (auto const* text = std::get_if<std::string>(&given)) {
    if (auto const number = parse_integer(*text)) return Value(*number);
  }
  return expected(parameter, "an integer");
}

Result<Value> fit_integer_or_infinity(Value const& given, Parameter const& parameter) {
  auto integer = fit_integer(given, parameter);
  if (integer) return integer;
  auto const real = fit_real(given, parameter);
  if (real && std::get<double>(*real) == HUGE_VAL) return real;
  return expected(parameter, "an integer or inf");
}

Result<Value> fit_interval(Value const& given, Parameter const& parameter) {
  auto const* text = std::get_if<std::string>(&given);
  if (text != nullptr && !text->empty() && parse_time_offset(*text)) return given;
  return expected(parameter, "an interval such as '5min'");
}

Result<Value> fit_integer_or_interval(Value const& given, Parameter const& parameter) {
  if (auto const* points = std::get_if<std::int64_t>(&given); points && *points >= 0) {
    return given;
  }
  auto interval = fit_interval(given, parameter);
  if (interval) return interval;
  return expected(parameter, "a number of points or an interval such as '5min'");
}

Result<Value> fit_node_or_tag(Value const& given, Parameter const& parameter) {
  if (std::holds_alternative<std::int64_t>(given) || std::holds_alternative<std::string>(given)) {
    return given;
  }
  return expected(parameter, "a node's number or a tag's name");
}

Result<Value> fit_aggregation(Value const& given, Parameter const& parameter,
                              FunctionTable const& table) {
  if (auto const* text = std::get_if<std::string>(&given)) {
    if (find_aggregation(*text)) return given;
    if (parameter.type == ParameterType::aggregation_or_function) {
      auto const* function = table.find(*text);
      if (function != nullptr && function->aggregator) return given;
    }
  }
  return expected(parameter, "the name of an aggregation such as 'sum'");
}

}  // namespace

Result<Value> fit_argument(Value const& given, Parameter const& parameter,
                           FunctionTable const& table) {
  if (is_none(given)) {
    if (parameter.required) return expected(parameter, "given");
    return parameter.fallback;
  }
  if (!parameter.options.empty() && !parameter.takes_others) {
    auto const& options = parameter.options;
    bool const fits = std::any_of(options.begin(), options.end(), [&](Value const& option) {
      return to_text(option) == to_text(given);
    });
    if (!fits) {
      std::string list;
      for (auto const& option : options) list += (list.empty() ? "" : ", ") + to_text(option);
      return expected(parameter, "one of " + list);
    }
  }
  switch (parameter.type) {
    case ParameterType::series_list:
    case ParameterType::series_lists:
      return expected(parameter, "a series list");
    case ParameterType::boolean:
      return fit_boolean(given, parameter);
    case ParameterType::real:
      return fit_real(given, parameter);
    case ParameterType::integer:
    case ParameterType::node:
      return fit_integer(given, parameter);
    case ParameterType::node_or_tag:
      return fit_node_or_tag(given, parameter);
    case ParameterType::interval:
      return fit_interval(given, parameter);
    case ParameterType::integer_or_interval:
      return fit_integer_or_interval(given, parameter);
    case ParameterType::integer_or_infinity:
      return fit_integer_or_infinity(given, parameter);
    case ParameterType::text:
    case ParameterType::date:
    case ParameterType::tag:
      return Value(to_text(given));
    case ParameterType::aggregation:
    case ParameterType::aggregation_or_function:
      return fit_aggregation(given, parameter, table);
    case ParameterType::any:
      return given;
  }
  return given;
}

}  // namespace dadvisor::graphite
