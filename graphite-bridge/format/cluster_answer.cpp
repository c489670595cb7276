#include "graphite-bridge/format/cluster_answer.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/format/python_pickle.hpp"
#include "graphite-bridge/format/utf8.hpp"
#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite {
namespace {

constexpr std::int64_t values_per_point = 1;

void key(PythonPickle& pickle, char const* name, std::string_view value) {
  pickle.text(name);
  pickle.text(value);
}

void key(PythonPickle& pickle, char const* name, std::int64_t value) {
  pickle.text(name);
  pickle.integer(value);
}

// Of a series of Python's ints.
void put_whole(PythonPickle& pickle, double value) {
  if (is_whole(value)) {
    pickle.integer(static_cast<std::int64_t>(value));
  } else {
    pickle.real(value);
  }
}

// Of a point, for QueryBudget::work(), and what nlohmann keeps of one.
constexpr std::size_t steps_a_packed_point = 4, bytes_a_packed_point = 16;

std::string pickled(SeriesList const& series, QueryBudget* budget) {
  PythonPickle pickle;
  pickle.open_list();
  for (auto const& one : series) {
    pickle.open_dictionary();
    key(pickle, "name", one.name);
    key(pickle, "start", one.start);
    key(pickle, "end", one.end);
    key(pickle, "step", one.step);
    key(pickle, "pathExpression", one.path_expression);
    key(pickle, "valuesPerPoint", values_per_point);
    key(pickle, "consolidationFunc", consolidation_name(one.consolidation));
    pickle.text("xFilesFactor");
    pickle.real(one.x_files_factor);
    pickle.text("values");
    pickle.open_list();
    if (!may_write(budget, pickle.size() + one.values.size() * 9,
                   steps_a_packed_point * one.values.size()))
      return {};
    if (one.whole) {
      for (double const value : one.values) put_whole(pickle, value);
    } else {
      for (double const value : one.values) pickle.real(value);
    }
    pickle.close_list();
    pickle.close_dictionary();
  }
  pickle.close_list();
  return pickle.take();
}

std::string pickled(std::vector<FoundNode> const& nodes, std::int64_t now) {
  PythonPickle pickle;
  pickle.open_list();
  for (auto const& node : nodes) {
    pickle.open_dictionary();
    key(pickle, "path", node.path);
    pickle.text("is_leaf");
    pickle.boolean(node.leaf);
    if (node.leaf) {
      pickle.text("intervals");
      pickle.open_list();
      pickle.open_list();
      pickle.integer(0);
      pickle.integer(now);
      pickle.close_list();
      pickle.close_list();
    }
    pickle.close_dictionary();
  }
  pickle.close_list();
  return pickle.take();
}

std::string packed(nlohmann::json const& list) {
  std::string out;
  nlohmann::json::to_msgpack(list, out);
  return out;
}

std::string packed(SeriesList const& series, QueryBudget* budget) {
  auto list = nlohmann::json::array();
  std::size_t kept = 0;  // in the list and, packed, behind it
  for (auto const& one : series) {
    kept += one.values.size() * (bytes_a_packed_point + 9);
    if (!may_write(budget, kept, 8 * one.values.size())) return {};
    auto values = nlohmann::json::array();
    for (double const value : one.values) {
      if (is_absent(value)) {
        values.push_back(nullptr);
      } else if (one.whole && is_whole(value)) {
        values.push_back(static_cast<std::int64_t>(value));
      } else {
        values.push_back(value);
      }
    }
    list.push_back({{"name", valid_utf8(one.name)},
                    {"start", one.start},
                    {"end", one.end},
                    {"step", one.step},
                    {"values", std::move(values)},
                    {"pathExpression", valid_utf8(one.path_expression)},
                    {"valuesPerPoint", values_per_point},
                    {"consolidationFunc", consolidation_name(one.consolidation)},
                    {"xFilesFactor", one.x_files_factor}});
  }
  return packed(list);
}

std::string packed(std::vector<FoundNode> const& nodes, std::int64_t now) {
  auto list = nlohmann::json::array();
  for (auto const& node : nodes) {
    nlohmann::json one{{"path", valid_utf8(node.path)}, {"is_leaf", node.leaf}};
    if (node.leaf) {
      auto interval = nlohmann::json::array({0, now});
      one["intervals"] = nlohmann::json::array({std::move(interval)});
    }
    list.push_back(std::move(one));
  }
  return packed(list);
}

}  // namespace

std::string to_cluster(SeriesList const& series, ClusterFormat format, QueryBudget* budget) {
  return format == ClusterFormat::pickle ? pickled(series, budget) : packed(series, budget);
}

std::string to_cluster(std::vector<FoundNode> const& nodes, std::int64_t now,
                       ClusterFormat format) {
  return format == ClusterFormat::pickle ? pickled(nodes, now) : packed(nodes, now);
}

char const* content_type(ClusterFormat format) {
  return format == ClusterFormat::pickle ? "application/pickle" : "application/x-msgpack";
}

}  // namespace dadvisor::graphite
