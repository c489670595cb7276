#include "graphite-bridge/functions/naming.hpp"

#include <algorithm>
#include <utility>

#include "graphite-bridge/glob.hpp"
#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/syntax.hpp"

namespace dadvisor::graphite::functions {
namespace {

std::string named_part(Series const& series, Value const& wanted, std::string_view path) {
  if (auto const* index = std::get_if<std::int64_t>(&wanted)) {
    auto const nodes = split_nodes(path.substr(0, path.find(';')));
    auto const count = static_cast<std::int64_t>(nodes.size());
    std::int64_t const at = *index < 0 ? *index + count : *index;
    if (at >= 0 && at < count) return std::string(nodes[static_cast<std::size_t>(at)]);
  }
  auto const tag = series.tags.find(to_text(wanted));
  return tag == series.tags.end() ? std::string() : tag->second;
}

}  // namespace

std::string node_key(Series const& series, std::span<Value const> nodes) {
  std::string path;
  if (series.name.ends_with(')')) path = first_path(series.name);
  if (path.empty()) path = series.name;
  std::string out;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (i > 0) out += '.';
    out += named_part(series, nodes[i], path);
  }
  return out;
}

Series made_series(std::string name, std::int64_t start, std::int64_t end, std::int64_t step,
                   std::vector<double> values, double x_files_factor) {
  Series out;
  out.tags.emplace("name", name);
  out.path_expression = name;
  out.name = std::move(name);
  out.start = start;
  out.end = end;
  out.step = step;
  out.values = std::move(values);
  out.x_files_factor = x_files_factor;
  return out;
}

void rename_expression(Series& series, std::string name) {
  series.path_expression = name;
  series.name = std::move(name);
}

void rename_call(Series& series, std::string_view function, std::string_view more) {
  rename_expression(series, std::string(function) + "(" + series.name + std::string(more) + ")");
}

Series constant_line(Call const& call, double value, bool whole) {
  auto const& window = call.window();
  auto const step = std::max<std::int64_t>((window.until - window.from) / 2, 1);
  auto line = made_series(repr(value, whole), window.from, window.until, step,
                          {value, value, value}, call.x_files_factor());
  line.whole = whole;
  line.path_expression = "constantLine(" + line.name + ")";
  return line;
}

}  // namespace dadvisor::graphite::functions
