#pragma once
// What the tests of this folder share: rules, series and a source of them, built in memory.

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>

#include "aggregator/alert/engine.hpp"
#include "graphite-bridge/expression.hpp"

namespace dadvisor::aggregator::alert::test {

inline Tick at(std::int64_t unix) { return Tick(seconds(unix)); }

inline Threshold threshold(std::string const& when, int hold, std::string const& clear = "") {
  Threshold out;
  out.when = parse_comparison(when).value();
  out.hold = seconds(hold);
  if (!clear.empty()) out.clear = parse_comparison(clear).value();
  return out;
}

inline Rule rule(std::string const& expr = "a.*.x") {
  return Rule{"r1",
              "CPU of {{app}}",
              graphite::parse_target(expr).value(),
              {},
              threshold("> 90", 30, "< 75"),
              threshold("> 80", 50, "< 70"),
              {},
              {},
              {"owner"},
              "rules.yml",
              1};
}

// One series at 10 s ending at `end`; NaN is absent.
inline graphite::Series series(std::string const& name, std::int64_t end,
                               std::vector<double> values) {
  graphite::Series out;
  out.name = out.path_expression = name;
  out.tags["name"] = name;
  out.step = 10;
  out.end = end + 10;
  out.start = out.end - static_cast<std::int64_t>(values.size()) * 10;
  out.values = std::move(values);
  return out;
}

// Points by path and unix time, step 10.
class MemorySource final : public graphite::SeriesSource {
 public:
  std::map<std::string, std::map<std::int64_t, double>> points;
  bool broken = false;

  Result<std::vector<graphite::Series>> fetch(std::string_view pattern,
                                              graphite::Window const& window) const override {
    if (broken) return Error{Errc::unavailable, 0, "the store is away"};
    std::vector<graphite::Series> out;
    for (auto const& [path, values] : points) {
      if (!matches(pattern, path)) continue;
      graphite::Series one;
      one.name = path;
      one.path_expression = pattern;
      one.tags["name"] = path;
      one.step = 10;
      one.start = window.from - window.from % 10 + 10;
      one.end = std::max(window.until - window.until % 10, one.start) + 10;
      for (auto t = one.start; t < one.end; t += 10) {
        auto const found = values.find(t);
        one.values.push_back(found == values.end() ? graphite::absent : found->second);
      }
      out.push_back(std::move(one));
    }
    return out;
  }
  Result<std::vector<graphite::FoundNode>> find(std::string_view,
                                                graphite::Window const&) const override {
    return std::vector<graphite::FoundNode>{};
  }

 private:
  // Node by node, "*" alone as a wildcard: enough for these tests.
  static bool matches(std::string_view pattern, std::string_view path) {
    for (;;) {
      auto const a = pattern.find('.');
      auto const b = path.find('.');
      auto const node = pattern.substr(0, a);
      if (node != "*" && node != path.substr(0, b)) return false;
      if (a == std::string_view::npos || b == std::string_view::npos)
        return (a == std::string_view::npos) == (b == std::string_view::npos);
      pattern.remove_prefix(a + 1);
      path.remove_prefix(b + 1);
    }
  }
};

// A directory of its own, gone with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "dadvisor-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  std::string const& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace dadvisor::aggregator::alert::test
