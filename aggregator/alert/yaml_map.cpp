#include "aggregator/alert/yaml_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/core/config/value.hpp"
#include "common/core/fd.hpp"

namespace dadvisor::aggregator::alert {

namespace {

constexpr std::size_t file_limit = 4 << 20;

// Levenshtein's distance by one row.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t const above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

void Problems::add(YAML::Node const& at, std::string_view key, std::string_view what,
                   std::string_view remedy) {
  add_line(at ? at.Mark().line + 1 : 1, key, what, remedy);
}

void Problems::add_line(int line, std::string_view key, std::string_view what,
                        std::string_view remedy) {
  lines_.push_back(fmt::format("{}:{}: {}{}{}; {}", file_, std::max(line, 1), key,
                               key.empty() ? "" : ": ", what, remedy));
}

std::optional<std::string> nearest(std::string_view word, std::vector<std::string> const& known) {
  std::optional<std::string> best;
  // Slips of one letter in a short word, of two (an exchange) or a third in a longer one.
  std::size_t const most = word.size() <= 3 ? 1 : std::max<std::size_t>(2, word.size() / 3);
  std::size_t best_distance = most + 1;
  for (auto const& candidate : known) {
    auto const d = distance(word, candidate);
    if (d < best_distance) {
      best_distance = d;
      best = candidate;
    }
  }
  return best;
}

YamlMap::YamlMap(Problems& problems, YAML::Node node, std::string path,
                 std::initializer_list<char const*> known)
    : problems_(problems), node_(std::move(node)), path_(std::move(path)) {
  std::vector<std::string> const names(known.begin(), known.end());
  if (!node_.IsMap()) {
    problems_.add(node_, path_, "not a mapping",
                  fmt::format("write keys below it: {}", fmt::join(names, ", ")));
    node_ = YAML::Node(YAML::NodeType::Map);
    return;
  }
  std::set<std::string> seen;
  for (auto const& entry : node_) {
    if (!entry.first.IsScalar()) {
      problems_.add(entry.first, path_, "a key that is not a text", "write plain keys");
      continue;
    }
    auto const& key = entry.first.Scalar();
    if (!seen.insert(key).second)
      problems_.add(entry.first, key_path(key), "is there twice", "remove one of them");
    if (std::find(names.begin(), names.end(), key) != names.end()) continue;
    auto const meant = nearest(key, names);
    problems_.add(entry.first, key_path(key), "unknown key",
                  meant ? fmt::format("did you mean \"{}\"?", *meant)
                        : fmt::format("known here: {}", fmt::join(names, ", ")));
  }
}

bool YamlMap::has(char const* key) const { return node(key).IsDefined(); }

YAML::Node YamlMap::node(char const* key) const {
  YAML::Node const& constant = node_;  // operator[] of a non-const node would add the key
  return constant[key];
}

std::string YamlMap::key_path(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

void YamlMap::problem(std::string_view key, std::string_view what, std::string_view remedy) {
  auto const at = node(std::string(key).c_str());
  problems_.add(at.IsDefined() ? at : node_, key_path(key), what, remedy);
}

std::optional<std::string> YamlMap::text(char const* key) {
  auto const value = node(key);
  if (!value.IsDefined()) return std::nullopt;
  if (!value.IsScalar() || value.Scalar().empty()) {
    problem(key, "not a text", "write one value behind the colon");
    return std::nullopt;
  }
  return value.Scalar();
}

std::string YamlMap::required_text(char const* key, std::string_view remedy) {
  if (!has(key)) {
    problem(key, "missing", remedy);
    return {};
  }
  return text(key).value_or("");
}

std::optional<std::chrono::milliseconds> YamlMap::duration(char const* key) {
  auto const value = text(key);
  if (!value) return std::nullopt;
  auto const parsed = config::parse_duration(*value);
  if (!parsed) {
    problem(key, fmt::format("\"{}\" is not a duration", *value),
            "write for example 10s, 3m or 1h");
    return std::nullopt;
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(*parsed);
}

std::optional<std::int64_t> YamlMap::integer(char const* key, std::int64_t least,
                                             std::int64_t most) {
  auto const value = text(key);
  if (!value) return std::nullopt;
  auto const parsed = config::parse_integer(*value);
  if (parsed && *parsed >= least && *parsed <= most) return *parsed;
  problem(key, fmt::format("\"{}\" is not a number from {} to {}", *value, least, most),
          "write a whole number in that range");
  return std::nullopt;
}

std::optional<std::vector<std::string>> YamlMap::texts(char const* key) {
  auto const value = node(key);
  if (!value.IsDefined()) return std::nullopt;
  if (value.IsScalar() && !value.Scalar().empty()) return std::vector{value.Scalar()};
  std::vector<std::string> all;
  bool good = value.IsSequence();
  if (good) {
    for (auto const& item : value) {
      if (item.IsScalar() && !item.Scalar().empty())
        all.push_back(item.Scalar());
      else
        good = false;
    }
  }
  if (good) return all;
  problem(key, "not a list of texts", "write [a, b]");
  return std::nullopt;
}

std::map<std::string, std::string> YamlMap::text_map(char const* key) {
  auto const value = node(key);
  std::map<std::string, std::string> all;
  if (!value.IsDefined()) return all;
  if (!value.IsMap()) {
    problem(key, "not a mapping", "write {name: value}");
    return all;
  }
  for (auto const& entry : value) {
    if (!entry.first.IsScalar() || !entry.second.IsScalar()) {
      problems_.add(entry.first, key_path(key), "a value that is not a text", "write name: value");
    } else if (!all.emplace(entry.first.Scalar(), entry.second.Scalar()).second) {
      problems_.add(entry.first, key_path(key), entry.first.Scalar() + " is there twice",
                    "remove one of them");
    }
  }
  return all;
}

std::optional<YAML::Node> load_yaml(Problems& problems) {
  auto const text = read_file(problems.file(), file_limit);
  if (!text) {
    problems.add_line(1, "", to_string(text.error()), "make the file readable, below 4 MiB");
    return std::nullopt;
  }
  try {
    auto const documents = YAML::LoadAll(*text);
    if (documents.size() == 1 && documents.front().IsMap()) return documents.front();
    problems.add_line(1, "", documents.empty() ? "empty" : "not one mapping",
                      "write one document with keys at the top");
  } catch (YAML::Exception const& error) {
    problems.add_line(error.mark.line + 1, "", error.msg, "correct the YAML there");
  }
  return std::nullopt;
}

}  // namespace dadvisor::aggregator::alert
