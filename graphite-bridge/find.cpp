#include "graphite-bridge/find.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "graphite-bridge/format/cluster_answer.hpp"
#include "graphite-bridge/glob.hpp"
#include "graphite-bridge/json_text.hpp"
#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::graphite {
namespace {

std::string_view last_node(std::string_view path) { return path.substr(path.rfind('.') + 1); }

Result<Window> parse_window(Parameters const& parameters, std::int64_t clock) {
  auto const zone = zone_of(parameters);
  auto const own_now = time_value(parameters, "now", clock, zone);
  if (!own_now) return own_now.error();
  Window out;
  out.now = own_now->value_or(clock);
  out.until = out.now;
  for (auto const& [name, bound] : {std::pair{"from", &out.from}, std::pair{"until", &out.until}}) {
    if (last_value(parameters, name) == "-1") continue;  // clients' word for "any"
    auto const given = time_value(parameters, name, out.now, zone);
    if (!given) return given.error();
    if (*given) *bound = **given;
  }
  return out;
}

// The numeric switches, read once.
struct Switches {
  bool leaves_only = false;
  bool wildcards = false;
  bool automatic_variants = false;
  bool group_by_expression = false;
  std::int64_t position = -1;
};

Result<Switches> parse_switches(Parameters const& parameters) {
  Switches out;
  for (auto const& [name, flag] :
       {std::pair{"leavesOnly", &out.leaves_only}, std::pair{"wildcards", &out.wildcards},
        std::pair{"automatic_variants", &out.automatic_variants},
        std::pair{"groupByExpr", &out.group_by_expression}}) {
    auto const number = integer_value(parameters, name);
    if (!number) return number.error();
    *flag = number->value_or(0) != 0;
  }
  auto const position = integer_value(parameters, "position");
  if (!position) return position.error();
  out.position = position->value_or(-1);
  return out;
}

using Nodes = std::vector<FoundNode>;

Result<Nodes> find_nodes(std::string const& query, Window const& window, bool leaves_only,
                         SeriesSource const& source) {
  auto nodes = find_nodes(query, window, source);
  if (nodes && leaves_only) std::erase_if(*nodes, [](FoundNode const& node) { return !node.leaf; });
  return nodes;
}

void write_tree_node(JsonText& json, std::string_view text, std::string const& id, bool leaf) {
  json.open_object();
  json.key("text");
  json.string(text);
  json.key("id");
  json.string(id);
  json.key("allowChildren");
  json.integer(leaf ? 0 : 1);
  json.key("expandable");
  json.integer(leaf ? 0 : 1);
  json.key("leaf");
  json.integer(leaf ? 1 : 0);
  json.close_object();
}

// Branches, then leaves, each name once: what a wildcard above makes equal is one node.
void write_tree(JsonText& json, Nodes const& nodes, std::string const& query, bool wildcards) {
  auto const base = query.substr(0, query.rfind('.') + 1);
  json.open_array();
  if (nodes.size() > 1 && wildcards) {
    bool const all_leaves =
        std::all_of(nodes.begin(), nodes.end(), [](FoundNode const& node) { return node.leaf; });
    write_tree_node(json, "*", base + "*", all_leaves);
  }
  for (bool const leaf : {false, true}) {
    std::set<std::string_view> seen;
    for (auto const& node : nodes) {
      auto const name = last_node(node.path);
      if (node.leaf != leaf || !seen.insert(name).second) continue;
      write_tree_node(json, name, base + std::string(name), leaf);
    }
  }
  json.close_array();
}

// Leaves with the bound of what they may have, until now: which times really hold values is known
// only by reading them.
void write_list(JsonText& json, Nodes nodes, std::int64_t now) {
  std::stable_sort(nodes.begin(), nodes.end(),
                   [](FoundNode const& a, FoundNode const& b) { return a.path < b.path; });
  json.open_array();
  for (auto const& node : nodes) {
    json.open_object();
    json.key("path");
    json.string(node.path);
    json.key("is_leaf");
    json.boolean(node.leaf);
    if (node.leaf) {
      json.key("intervals");
      json.open_array();
      json.open_object();
      json.key("start");
      json.integer(0);
      json.key("end");
      json.integer(now);
      json.close_object();
      json.close_array();
    }
    json.close_object();
  }
  json.close_array();
}

Result<void> write_node_list(JsonText& json, Nodes const& nodes, std::int64_t position) {
  std::set<std::string_view> names;
  for (auto const& node : nodes) {
    auto const parts = split_nodes(node.path);
    auto const count = static_cast<std::int64_t>(parts.size());
    auto const at = position < 0 ? position + count : position;
    if (at < 0 || at >= count) return Error{Errc::malformed, 0, "position: no such node"};
    names.insert(parts[static_cast<std::size_t>(at)]);
  }
  json.open_object();
  json.key("nodes");
  json.open_array();
  for (auto const name : names) json.string(name);
  json.close_array();
  json.close_object();
  return {};
}

void write_completions(JsonText& json, Nodes const& nodes, bool wildcards) {
  json.open_object();
  json.key("metrics");
  json.open_array();
  for (auto const& node : nodes) {
    json.open_object();
    json.key("path");
    json.string(node.leaf ? node.path : node.path + ".");
    json.key("name");
    json.string(last_node(node.path));
    json.key("is_leaf");
    json.string(node.leaf ? "1" : "0");
    json.close_object();
  }
  if (nodes.size() > 1 && wildcards) {
    json.open_object();
    json.key("name");
    json.string("*");
    json.close_object();
  }
  json.close_array();
  json.close_object();
}

// What is typed so far as a pattern: "a..b" -> "a*.b*"; with variants "a,b" -> "{a,b}*".
std::string completer_query(std::string query, bool automatic_variants) {
  for (auto at = query.find(".."); at != std::string::npos; at = query.find("..", at + 2)) {
    query.replace(at, 2, "*.");
  }
  if (!query.ends_with('*')) query += '*';
  if (!automatic_variants) return query;
  std::string out;
  for (auto const node : split_nodes(query)) {
    bool const list =
        node.find(',') != std::string_view::npos && node.find('{') == std::string_view::npos;
    if (!out.empty()) out += '.';
    out += list ? "{" + std::string(node) + "}" : std::string(node);
  }
  return out;
}

}  // namespace

Result<std::vector<FoundNode>> find_nodes(std::string const& query, Window const& window,
                                          SeriesSource const& source) {
  if (auto const pattern = PathPattern::compile(query); !pattern) {
    return Error{Errc::malformed, 0, "query: " + pattern.error().context, pattern.error().limit};
  }
  if (auto const still = go_on(window.budget); !still) return still.error();
  return source.find(query, window);
}

Result<Answer> find(Parameters const& parameters, std::int64_t now, SeriesSource const& source,
                    QueryBudget* budget) {
  auto window = parse_window(parameters, now);
  if (!window) return window.error();
  window->budget = budget;
  auto const switches = parse_switches(parameters);
  if (!switches) return switches.error();
  auto const format = last_value(parameters, "format").value_or("treejson");
  auto query = last_value(parameters, "query").value_or("");
  if (query.empty()) return Error{Errc::malformed, 0, "query: is needed"};
  if (format == "completer") query = completer_query(query, switches->automatic_variants);
  auto nodes = find_nodes(query, *window, switches->leaves_only, source);
  if (!nodes) return nodes.error();
  std::stable_sort(nodes->begin(), nodes->end(), [](FoundNode const& a, FoundNode const& b) {
    return last_node(a.path) < last_node(b.path);
  });
  for (auto const& [name, packed] : {std::pair{"pickle", ClusterFormat::pickle},
                                     std::pair{"msgpack", ClusterFormat::message_pack}}) {
    if (format == name)
      return Answer{content_type(packed), to_cluster(*nodes, window->now, packed)};
  }
  JsonText json(is_pretty(parameters));
  if (format == "treejson") {
    write_tree(json, *nodes, query, switches->wildcards);
  } else if (format == "json") {
    write_list(json, std::move(*nodes), window->now);
  } else if (format == "nodelist") {
    auto const written = write_node_list(json, *nodes, switches->position);
    if (!written) return written.error();
  } else if (format == "completer") {
    write_completions(json, *nodes, switches->wildcards);
  } else {
    return Error{Errc::malformed, 0,
                 "format: must be treejson, json, nodelist, completer, pickle or msgpack"};
  }
  return Answer{"application/json", json.take()};
}

Result<Answer> expand(Parameters const& parameters, std::int64_t now, SeriesSource const& source,
                      QueryBudget* budget) {
  auto window = parse_window(parameters, now);
  if (!window) return window.error();
  window->budget = budget;
  auto const switches = parse_switches(parameters);
  if (!switches) return switches.error();
  std::map<std::string, std::set<std::string>> by_query;
  std::set<std::string> all;
  std::size_t bytes = 0;  // of both
  constexpr std::size_t bytes_a_path = 64, steps_a_path = 32;
  for (auto const& query : all_values(parameters, "query")) {
    auto const nodes = find_nodes(query, *window, switches->leaves_only, source);
    if (!nodes) return nodes.error();
    auto& paths = by_query[query];
    for (auto const& node : *nodes) {
      if (!work(budget, steps_a_path)) return go_on(budget).error();
      if (paths.insert(node.path).second) bytes += 2 * (bytes_a_path + node.path.size());
    }
    if (auto const room = room_for(budget, bytes); !room) return room.error();
    all.insert(paths.begin(), paths.end());
  }
  JsonText json(is_pretty(parameters));
  auto const write = [&json](std::set<std::string> const& paths) {
    json.open_array();
    for (auto const& path : paths) json.string(path);
    json.close_array();
  };
  json.open_object();
  json.key("results");
  if (switches->group_by_expression) {
    json.open_object();
    for (auto const& [query, paths] : by_query) {
      json.key(query);
      write(paths);
    }
    json.close_object();
  } else {
    write(all);
  }
  json.close_object();
  return Answer{"application/json", json.take()};
}

}  // namespace dadvisor::graphite
