#include "aggregator/alert/rule_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "aggregator/alert/yaml_map.hpp"

namespace dadvisor::aggregator::alert {

namespace {

constexpr char const* comparison_remedy = "write an operator and a number, as in \"> 90\"";

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

bool is_label_name(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

// Whether a value may satisfy both: then the alert would fire and clear at once, for ever.
bool overlap(Comparison const& when, Comparison const& clear) {
  if (when.upward() && clear.downward())
    return clear.threshold > when.threshold ||
           (clear.threshold == when.threshold && when.holds(clear.threshold) &&
            clear.holds(clear.threshold));
  if (when.downward() && clear.upward())
    return clear.threshold < when.threshold ||
           (clear.threshold == when.threshold && when.holds(clear.threshold) &&
            clear.holds(clear.threshold));
  return true;
}

class FileReader {
 public:
  FileReader(Problems& problems, std::optional<std::set<std::string>> const& receivers)
      : problems_(problems), receivers_(receivers) {}

  std::vector<Rule> read() {
    auto const document = load_yaml(problems_);
    if (!document) return {};
    YamlMap top(problems_, *document, "", {"apiVersion", "groups", "rules"});
    auto const version = top.text("apiVersion");
    if (version && *version != "dadvisor/v1")
      top.problem("apiVersion", "unknown version \"" + *version + "\"", "write dadvisor/v1");
    if (!top.has("groups") && !top.has("rules"))
      top.problem("rules", "missing", "write rules: with - id: below, or groups: of them");
    if (top.has("rules")) read_rules(top, "rules");
    auto const groups = top.node("groups");
    if (groups.IsDefined() && !groups.IsSequence())
      top.problem("groups", "not a list", "write groups: with - name: and rules: below");
    else if (groups.IsDefined())
      for (std::size_t i = 0; i < groups.size(); ++i)
        read_group(groups[i], fmt::format("groups[{}]", i));
    return std::move(rules_);
  }

 private:
  void read_group(YAML::Node const& node, std::string const& path) {
    YamlMap group(problems_, node, path, {"name", "rules"});
    group.text("name");
    if (group.has("rules"))
      read_rules(group, group.key_path("rules"));
    else
      group.problem("rules", "missing", "write rules: with - id: below");
  }

  void read_rules(YamlMap& map, std::string const& path) {
    auto const rules = map.node("rules");
    if (!rules.IsSequence()) {
      map.problem("rules", "not a list", "write rules: with - id: below");
      return;
    }
    for (std::size_t i = 0; i < rules.size(); ++i)
      read_rule(rules[i], fmt::format("{}[{}]", path, i));
  }

  void read_rule(YAML::Node const& node, std::string const& path) {
    YamlMap map(problems_, node, path,
                {"id", "title", "expr", "reduce", "crit", "warn", "no_data", "labels", "notify",
                 "runbook"});
    auto const before = problems_.lines().size();
    auto id = map.required_text("id", "give the rule a name of its own");
    if (!id.empty() && !is_id(id))
      map.problem("id", "\"" + id + "\" has other characters than A-Z a-z 0-9 _ . -",
                  "use only those, at most 128");
    auto title = map.text("title").value_or(id);
    auto const target = map.required_text("expr", "write a Graphite target");
    auto expr = graphite::parse_target(target);
    if (!target.empty() && !expr) map.problem("expr", expr.error().context, "correct the target");
    Reduction reduce;
    if (auto const text = map.text("reduce")) {
      auto const parsed = parse_reduction(*text);
      if (parsed)
        reduce = *parsed;
      else
        map.problem(
            "reduce", parsed.error().context,
            "write last, or last, avg, max, min, sum with a window up to 24h, as in avg(1m)");
    }
    auto crit = read_threshold(map, "crit", path);
    auto warn = read_threshold(map, "warn", path);
    if (!map.has("crit") && !map.has("warn"))
      map.problem("crit", "neither crit nor warn is there",
                  "write for example crit: {when: \"> 90\", for: 3m}");
    check_order(map, crit, warn);
    NoData const no_data = read_no_data(map, path);
    auto labels = map.text_map("labels");
    for (auto const& [name, value] : labels)
      if (!is_label_name(name))
        map.problem("labels", "\"" + name + "\" is not a label name",
                    "use A-Z a-z 0-9 _, no digit first");
    check_title(map, title, labels);
    if (auto const runbook = map.text("runbook")) {
      if (!runbook->starts_with("http://") && !runbook->starts_with("https://"))
        map.problem("runbook", "not a URL", "write http://... or https://...");
      labels["runbook"] = *runbook;
    }
    auto notify = map.texts("notify").value_or(std::vector<std::string>{"owner"});
    check_receivers(map, notify);
    if (problems_.lines().size() != before || !expr) return;
    rules_.push_back(Rule{std::move(id), std::move(title), std::move(*expr), reduce,
                          std::move(crit), std::move(warn), no_data, std::move(labels),
                          std::move(notify), problems_.file(), node.Mark().line + 1});
  }

  std::optional<Comparison> read_comparison(YamlMap& map, char const* key) {
    auto const text = map.text(key);
    if (!text) return std::nullopt;
    auto const parsed = parse_comparison(*text);
    if (parsed) return *parsed;
    map.problem(key, parsed.error().context, comparison_remedy);
    return std::nullopt;
  }

  std::optional<Threshold> read_threshold(YamlMap& rule, char const* key, std::string const& path) {
    if (!rule.has(key)) return std::nullopt;
    YamlMap map(problems_, rule.node(key), path + "." + key, {"when", "for", "clear"});
    if (!map.has("when")) {
      map.problem("when", "missing", comparison_remedy);
      return std::nullopt;
    }
    auto const when = read_comparison(map, "when");
    if (!when) return std::nullopt;
    Threshold threshold{*when, seconds(0), read_comparison(map, "clear")};
    if (auto const hold = map.duration("for")) threshold.hold = std::chrono::ceil<seconds>(*hold);
    if (threshold.clear && overlap(threshold.when, *threshold.clear))
      map.problem("clear",
                  fmt::format("\"{}\" can hold together with \"{}\"", to_string(*threshold.clear),
                              to_string(threshold.when)),
                  "let it look the other way, from the good side of the threshold");
    return threshold;
  }

  void check_order(YamlMap& map, std::optional<Threshold> const& crit,
                   std::optional<Threshold> const& warn) {
    if (!crit || !warn) return;
    auto const& c = crit->when;
    auto const& w = warn->when;
    bool const wrong = (c.upward() && w.upward() && c.threshold < w.threshold) ||
                       (c.downward() && w.downward() && c.threshold > w.threshold);
    if (wrong)
      map.problem("crit",
                  fmt::format("\"{}\" is reached before warn's \"{}\"", to_string(c), to_string(w)),
                  "exchange the two");
  }

  NoData read_no_data(YamlMap& rule, std::string const& path) {
    NoData no_data;
    if (!rule.has("no_data")) return no_data;
    YamlMap map(problems_, rule.node("no_data"), path + ".no_data", {"after", "state"});
    if (auto const after = map.duration("after")) {
      no_data.after = std::chrono::ceil<seconds>(*after);
      if (no_data.after < seconds(1) || no_data.after > std::chrono::hours(24))
        map.problem("after", "out of range", "write 1s to 24h");
    }
    if (auto const state = map.text("state")) {
      if (*state != "nodata" && *state != "keep")
        map.problem("state", "\"" + *state + "\" is not a state", "write nodata or keep");
      no_data.notify = *state != "keep";
    }
    return no_data;
  }

  void check_title(YamlMap& map, std::string const& title, LabelMap const& labels) {
    if (title.find_first_of("\r\n") != std::string::npos)
      map.problem("title", "has more than one line", "write one line");
    auto const names = title_names(title);
    if (!names) {
      map.problem("title", names.error().context, "close it with }}");
      return;
    }
    std::vector<std::string> known = {"app",     "instance", "host",  "cluster", "owner", "image",
                                      "runtime", "name",     "value", "level",   "series"};
    for (auto const& [name, value] : labels) known.push_back(name);
    for (auto const& name : *names) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      auto const meant = nearest(name, known);
      map.problem("title", "unknown name {{" + name + "}}",
                  meant ? "did you mean {{" + *meant + "}}?"
                        : fmt::format("known: {}", fmt::join(known, ", ")));
    }
  }

  void check_receivers(YamlMap& map, std::vector<std::string> const& notify) {
    if (notify.empty()) map.problem("notify", "empty", "write [owner], or leave it out");
    if (!receivers_) return;
    std::vector<std::string> known(receivers_->begin(), receivers_->end());
    known.push_back("owner");
    for (auto const& name : notify) {
      if (name == "owner" || receivers_->contains(name)) continue;
      auto const meant = nearest(name, known);
      map.problem("notify", "no receiver is called \"" + name + "\"",
                  meant ? "did you mean \"" + *meant + "\"?"
                        : fmt::format("known: {}", fmt::join(known, ", ")));
    }
  }

  Problems& problems_;
  std::optional<std::set<std::string>> const& receivers_;
  std::vector<Rule> rules_;
};

}  // namespace

std::vector<std::string> rule_files(std::string const& directory, std::error_code& error) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    auto const extension = it->path().extension();
    if (extension == ".yml" || extension == ".yaml") files.push_back(it->path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

LoadedRules load_rules(std::string const& directory,
                       std::optional<std::set<std::string>> const& receivers) {
  std::error_code error;
  auto const files = rule_files(directory, error);
  if (!error) return load_rule_files(files, receivers);
  LoadedRules loaded;
  loaded.errors.push_back(
      fmt::format("{}:1: {}; make the directory of rules, or correct its name in the "
                  "configuration",
                  directory, error.message()));
  return loaded;
}

LoadedRules load_rule_files(std::vector<std::string> const& files,
                            std::optional<std::set<std::string>> const& receivers) {
  LoadedRules loaded;
  std::map<std::string, std::string> where;  // id -> FILE:LINE
  for (auto const& file : files) {
    Problems problems(file);
    auto rules = FileReader(problems, receivers).read();
    for (auto& rule : rules) {
      auto const [other, first] =
          where.emplace(rule.id, fmt::format("{}:{}", rule.file, rule.line));
      if (first)
        loaded.rules.push_back(std::move(rule));
      else
        problems.add_line(rule.line, "id", "\"" + rule.id + "\" is also at " + other->second,
                          "give one of them another id");
    }
    loaded.errors.insert(loaded.errors.end(), problems.lines().begin(), problems.lines().end());
  }
  if (!loaded.errors.empty()) loaded.rules.clear();
  std::sort(loaded.rules.begin(), loaded.rules.end(),
            [](Rule const& a, Rule const& b) { return a.id < b.id; });
  return loaded;
}

}  // namespace dadvisor::aggregator::alert
