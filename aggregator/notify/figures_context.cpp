#include "aggregator/notify/figures_context.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "aggregator/notify/message_text.hpp"
#include "graphite-bridge/evaluate.hpp"
#include "graphite-bridge/expression.hpp"
#include "graphite-bridge/picture/picture.hpp"

namespace dadvisor::aggregator::notify {

namespace {

namespace picture = graphite::picture;
using alert::Transition;
using graphite::SeriesList;

constexpr std::int64_t hour = 3600;
constexpr std::size_t drawn_series = 10;  // of many, those that stand worst
constexpr std::size_t longest_legend = 6;

std::int64_t unix_of(alert::Tick tick) { return tick.time_since_epoch().count(); }

// From an hour before it began to the notice, a day at most.
graphite::Window window_of(Transition const& notice) {
  auto const until = unix_of(notice.tick);
  auto const from = std::clamp(unix_of(notice.state.began) - hour, until - 24 * hour, until - hour);
  return {from, until, until};
}

std::optional<double> last_value(graphite::Series const& series) {
  auto const found = std::find_if(series.values.rbegin(), series.values.rend(),
                                  [](double value) { return !graphite::is_absent(value); });
  return found == series.values.rend() ? std::nullopt : std::optional(*found);
}

// The worse first: the greater where the rule looks upward, the smaller where it looks downward,
// those without a value where data is missing.
void sort_by_grief(SeriesList& series, Transition const& notice) {
  auto const threshold = alert::parse_threshold(notice.condition);
  bool const small = threshold && threshold->when.downward();
  bool const absent_first = notice.state.status == alert::Status::nodata;
  std::stable_sort(series.begin(), series.end(), [&](auto const& a, auto const& b) {
    auto const x = last_value(a), y = last_value(b);
    if (x.has_value() != y.has_value()) return absent_first ? !x : x.has_value();
    return x && (small ? *x < *y : *x > *y);
  });
}

picture::PictureOptions look_of_picture(Transition const& notice) {
  using picture::Role;
  picture::PictureOptions options;
  options.width = static_cast<int>(picture_width);
  options.height = static_cast<int>(picture_height);
  options.scale = 2;
  options.label_last = true;
  auto const level =
      notice.state.level != alert::Level::none ? notice.state.level : notice.from_level;
  auto const role = level == alert::Level::warn ? Role::warn : Role::crit;
  if (auto const threshold = alert::parse_threshold(notice.condition)) {
    options.thresholds.push_back(
        {threshold->when.threshold,
         fmt::format("{} {}", alert::to_string(level), alert::to_string(threshold->when)), role,
         false});
    if (threshold->clear && threshold->clear->threshold != threshold->when.threshold)
      options.thresholds.push_back({threshold->clear->threshold,
                                    "clear " + alert::to_string(*threshold->clear), Role::info,
                                    false});
  }
  options.spans.push_back({unix_of(notice.state.began), unix_of(notice.tick),
                           notice.state.status == alert::Status::nodata ? Role::info : role});
  return options;
}

}  // namespace

std::string instances_target(std::string_view path) {
  std::vector<std::string_view> nodes;
  for (std::string_view rest = path;;) {
    auto const dot = rest.find('.');
    nodes.push_back(rest.substr(0, dot));
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (nodes.size() < 6 || nodes[2] != "apps") return {};
  std::string out = fmt::format("{}.{}.instances.{}.*", nodes[0], nodes[1], nodes[3]);
  for (std::size_t i = 5; i < nodes.size(); ++i) out.append(".").append(nodes[i]);
  return out;
}

FiguresContext::FiguresContext(graphite::SeriesSource const& source, alert::LabelsOf labels_of,
                               Log log)
    : source_(source), labels_of_(std::move(labels_of)), log_(std::move(log)) {}

MessageContext FiguresContext::of(Transition const& notice) const {
  std::lock_guard const lock(one_at_a_time_);
  MessageContext context;
  auto const window = window_of(notice);
  context.from = window.from;
  context.until = window.until;
  add_events(context, notice);
  if (notice.expr.empty()) return context;
  auto series = graphite::evaluate(notice.expr, window, source_);
  // Of a whole fleet over hours there may be more than one query may read: then only what the
  // notice is about. A series' name is a target too, unless it is an alias.
  if (!series && series.error().code == Errc::too_large)
    series = graphite::evaluate(notice.state.path.empty() ? notice.instance : notice.state.path,
                                window, source_);
  if (!series) {
    log_.warning("no picture for {}: {}", notice.state.incident, to_string(series.error()));
    return context;
  }
  sort_by_grief(*series, notice);
  if (series->size() == 1) {
    add_worst_of(context, notice, window, series->front());
  } else {
    add_worst(context, *series);
  }
  // The series that the notice is about is drawn, whatever the others do.
  auto const own = std::find_if(series->begin(), series->end(),
                                [&](auto const& one) { return one.name == notice.instance; });
  if (own != series->end()) std::rotate(series->begin(), own, std::next(own));
  if (series->size() > drawn_series) series->resize(drawn_series);
  for (auto& one : *series) one.name = display_name(one);
  auto options = look_of_picture(notice);
  options.hide_legend = series->size() > longest_legend;
  options.marks = context.events;
  auto png = picture::draw_png(std::move(*series), window, options);
  if (png)
    context.png = std::move(*png);
  else
    log_.warning("no picture for {}: {}", notice.state.incident, to_string(png.error()));
  return context;
}

std::string FiguresContext::display_name(graphite::Series const& series) const {
  return short_name(alert::subject_of(series, {}, labels_of_), series.name);
}

void FiguresContext::add_worst(MessageContext& context, SeriesList const& sorted) const {
  context.series = sorted.size();
  for (std::size_t i = 0; i < std::min(sorted.size(), most_worst); ++i)
    context.worst.push_back({display_name(sorted[i]), last_value(sorted[i])});
}

void FiguresContext::add_worst_of(MessageContext& context, Transition const& notice,
                                  graphite::Window const& window,
                                  graphite::Series const& app) const {
  auto const path = app.tags.find("name");
  auto const target = instances_target(path == app.tags.end() ? app.name : path->second);
  if (target.empty()) return;
  auto const recent =
      graphite::Window{std::max(window.from, window.until - hour / 6), window.until, window.until};
  auto instances = graphite::evaluate(target, recent, source_);
  if (!instances) return;  // an app's figure may have no counterpart below it
  sort_by_grief(*instances, notice);
  add_worst(context, *instances);
}

void FiguresContext::add_events(MessageContext& context, Transition const& notice) const {
  // Of the app, or where the alert is none of an app's, of the host.
  std::string tag;
  for (auto const* name : {"app", "host"})
    if (auto const found = notice.state.labels.find(name);
        tag.empty() && found != notice.state.labels.end())
      tag = fmt::format("{}:{}", name, found->second);
  if (tag.empty()) return;
  std::replace_if(
      tag.begin(), tag.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; }, '_');
  auto const until = unix_of(notice.tick);
  auto const from = std::min(unix_of(notice.state.began), until) - hour;
  auto events = source_.events({tag}, {from, until, until});
  if (!events) {
    log_.warning("no events for {}: {}", notice.state.incident, to_string(events.error()));
    return;
  }
  std::reverse(events->begin(), events->end());
  if (events->size() > most_events) events->resize(most_events);
  context.events = std::move(*events);
}

}  // namespace dadvisor::aggregator::notify
