#pragma once
// A SeriesSource over series in memory that keeps and reads points as whisper does: archives of
// coarser steps rolled up from finer ones, the finest that reaches back to `from` answers.

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/glob.hpp"
#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/query_budget.hpp"
#include "graphite-bridge/series.hpp"
#include "graphite-bridge/tag_query.hpp"

namespace dadvisor::graphite::test {

struct Archive {
  std::int64_t step = 1;
  std::int64_t retention = 0;
  std::map<std::int64_t, double> points;  // by slot
};

struct StoredSeries {
  std::vector<Archive> archives;  // finest first
  std::string aggregation = "average";
  double x_files_factor = 0.5;
  std::map<std::string, std::string> tags;
};

class MemorySource final : public SeriesSource {
 public:
  // Values from `start` on, `absent` for holes, kept long enough for any `now` of the tests.
  void add(std::string const& name, std::int64_t start, std::int64_t step,
           std::vector<double> const& values) {
    add(name, std::to_string(step) + "s:10y", "average", 0.5, start, step, values);
  }

  void add(std::string const& name, std::string const& retentions, std::string const& aggregation,
           double x_files_factor, std::int64_t start, std::int64_t step,
           std::vector<double> const& values) {
    StoredSeries series;
    series.aggregation = aggregation;
    series.x_files_factor = x_files_factor;
    series.tags = parse_tags(name);
    std::stringstream parts(retentions);
    for (std::string part; std::getline(parts, part, ',');) {
      auto const colon = part.find(':');
      Archive archive;
      archive.step = seconds_of(part.substr(0, colon));
      archive.retention = seconds_of(part.substr(colon + 1));
      series.archives.push_back(archive);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      auto const time = start + static_cast<std::int64_t>(i) * step;
      if (!is_absent(values[i])) series.archives[0].points[time - time % step] = values[i];
    }
    for (std::size_t i = 1; i < series.archives.size(); ++i) roll_up(series, i);
    series_[name] = std::move(series);
  }

  // The file that tests/fixtures/graphite/make_series writes.
  static MemorySource load(std::string const& path) {
    MemorySource out;
    std::ifstream file(path);
    REQUIRE(file);
    for (std::string line; std::getline(file, line);) {
      std::stringstream head(line);
      std::string name, retentions, aggregation;
      double factor = 0;
      std::int64_t start = 0, step = 0;
      head >> name >> retentions >> aggregation >> factor >> start >> step;
      std::getline(file, line);
      std::stringstream body(line);
      std::vector<double> values;
      for (std::string value; body >> value;) values.push_back(parse_float(value).value_or(absent));
      out.add(name, retentions, aggregation, factor, start, step, values);
    }
    return out;
  }

  // Events must be added by time ascending.
  void add(Event event) { events_.push_back(std::move(event)); }

  // Of lines "when TAB what TAB tags TAB data".
  void load_events(std::string const& path) {
    std::ifstream file(path);
    REQUIRE(file);
    for (std::string line; std::getline(file, line);) {
      std::stringstream cells(line);
      std::string when, tags;
      Event event;
      std::getline(cells, when, '\t');
      std::getline(cells, event.what, '\t');
      std::getline(cells, tags, '\t');
      std::getline(cells, event.data, '\t');
      event.when = std::stoll(when);
      event.id = events_.size() + 1;
      std::stringstream words(tags);
      for (std::string tag; words >> tag;) event.tags.push_back(tag);
      events_.push_back(std::move(event));
    }
  }

  // Fails all calls from now on.
  void fail_with(Error error) { error_ = std::move(error); }
  // From now on match() gives what has no tag but its name, to be read late.
  void match_paths() { matches_paths_ = true; }
  // How many fetches there were.
  std::size_t fetches() const { return fetches_; }

  Result<std::vector<Series>> fetch(std::string_view pattern, Window const& window) const override {
    ++fetches_;
    if (error_) return *error_;
    std::vector<Series> out;
    for (auto const& [name, stored] : series_) {
      if (PathPattern::compile(pattern)->matches(name)) add_read(out, name, stored, window);
    }
    std::size_t points = 0;
    for (auto const& one : out) points += one.values.size();
    if (auto const good = charge(window.budget, out.size(), points); !good) return good.error();
    return out;
  }

  Result<std::unique_ptr<MatchedSeries>> match(std::string_view pattern,
                                               Window const& window) const override {
    if (!matches_paths_) return std::unique_ptr<MatchedSeries>();
    auto fetched = fetch(pattern, window);
    if (!fetched) return fetched.error();
    for (Series& one : *fetched) {
      if (one.tags.size() > 1) return std::unique_ptr<MatchedSeries>();
      one.path_expression = pattern;
    }
    return std::unique_ptr<MatchedSeries>(std::make_unique<Fetched>(std::move(*fetched)));
  }

  Result<std::vector<Series>> fetch_tagged(std::vector<std::string> const& tag_expressions,
                                           Window const& window) const override {
    if (error_) return *error_;
    auto const query = parse_tag_query(tag_expressions);
    if (!query) return query.error();
    std::vector<Series> out;
    for (auto const& [name, stored] : series_) {
      bool const tagged = stored.tags.size() > 1;
      if (tagged && query->matches(stored.tags)) add_read(out, name, stored, window);
    }
    return out;
  }

  Result<std::vector<Event>> events(std::vector<std::string> const& tags,
                                    Window const& window) const override {
    if (error_) return *error_;
    std::vector<Event> out;
    for (auto const& event : events_) {
      auto const has = [&event](std::string const& tag) {
        return std::find(event.tags.begin(), event.tags.end(), tag) != event.tags.end();
      };
      bool const within = window.from <= event.when && event.when <= window.until;
      if (within && std::all_of(tags.begin(), tags.end(), has)) out.push_back(event);
    }
    return out;
  }

  Result<std::vector<FoundNode>> find(std::string_view pattern, Window const&) const override {
    if (error_) return *error_;
    auto const depth = split_nodes(pattern).size();
    auto const compiled = PathPattern::compile(pattern);
    std::set<std::pair<std::string, bool>> found;  // false, a branch, comes first
    for (auto const& [name, stored] : series_) {
      auto const nodes = split_nodes(name);
      if (nodes.size() < depth) continue;
      auto const end = nodes[depth - 1].data() + nodes[depth - 1].size();
      auto const path = name.substr(0, static_cast<std::size_t>(end - name.data()));
      if (compiled->matches(path)) found.emplace(path, nodes.size() == depth);
    }
    std::vector<FoundNode> out;
    for (auto const& [path, leaf] : found) out.push_back(FoundNode{path, leaf});
    return out;
  }

 private:
  class Fetched final : public MatchedSeries {
   public:
    explicit Fetched(std::vector<Series> series) : series_(std::move(series)) {}
    std::size_t size() const override { return series_.size(); }
    Shape shape(std::size_t place) const override {
      auto const& one = series_[place];
      return {one.start, one.end, one.step, one.consolidation};
    }
    Result<void> each(Visitor const& visit) const override {
      for (std::size_t place = 0; place < size(); ++place) {
        auto values = series_[place].values;
        visit(place, values);
        values.assign(values.size(), 1e300);  // gone
      }
      return {};
    }
    Result<std::vector<Series>> take(std::span<std::size_t const> places) const override {
      std::vector<Series> taken;
      for (std::size_t const place : places) taken.push_back(series_.at(place));
      return taken;
    }

   private:
    std::vector<Series> const series_;
  };

  // Carbon's spans: "10s", "5m", "2d".
  static std::int64_t seconds_of(std::string const& span) {
    std::map<char, std::int64_t> const units{
        {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'y', 365 * 86400}};
    return std::stoll(span) * units.at(span.back());
  }

  static std::map<std::string, std::string> parse_tags(std::string const& name) {
    std::map<std::string, std::string> tags;
    std::stringstream parts(name);
    std::string part;
    std::getline(parts, part, ';');
    tags["name"] = part;
    while (std::getline(parts, part, ';')) {
      tags[part.substr(0, part.find('='))] = part.substr(part.find('=') + 1);
    }
    return tags;
  }

  static void roll_up(StoredSeries& series, std::size_t to) {
    auto const& finer = series.archives[to - 1];
    auto& coarser = series.archives[to];
    std::map<std::int64_t, std::vector<double>> slots;
    for (auto const& [time, value] : finer.points) {
      slots[time - time % coarser.step].push_back(value);
    }
    auto const per_slot = static_cast<std::size_t>(coarser.step / finer.step);
    for (auto const& [time, values] : slots) {
      if (!enough_known(values.size(), per_slot, series.x_files_factor)) continue;
      coarser.points[time] = aggregate(*find_aggregation(series.aggregation), values);
    }
  }

  static void add_read(std::vector<Series>& out, std::string const& name,
                       StoredSeries const& stored, Window const& window) {
    auto series = read(stored, window);
    if (!series) return;
    series->name = name;
    series->tags = stored.tags;
    out.push_back(std::move(*series));
  }

  static std::optional<Series> read(StoredSeries const& stored, Window window) {
    auto const oldest = window.now - stored.archives.back().retention;
    if (window.from > window.now || window.until < oldest) return std::nullopt;
    window.from = std::max(window.from, oldest);
    window.until = std::min(window.until, window.now);
    auto archive = stored.archives.begin();
    while (archive->retention < window.now - window.from) ++archive;
    Series out;
    out.step = archive->step;
    out.start = window.from - window.from % out.step + out.step;
    out.end = window.until - window.until % out.step + out.step;
    if (out.end == out.start) out.end += out.step;
    for (auto time = out.start; time < out.end; time += out.step) {
      auto const point = archive->points.find(time);
      out.values.push_back(point == archive->points.end() ? absent : point->second);
    }
    return out;
  }

  std::map<std::string, StoredSeries> series_;
  std::vector<Event> events_;
  std::optional<Error> error_;
  bool matches_paths_ = false;
  mutable std::size_t fetches_ = 0;
};

}  // namespace dadvisor::graphite::test
