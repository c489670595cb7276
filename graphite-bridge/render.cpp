#include "graphite-bridge/render.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "graphite-bridge/evaluate.hpp"
#include "graphite-bridge/format/cluster_answer.hpp"
#include "graphite-bridge/format/text_series.hpp"
#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/picture/picture.hpp"
#include "graphite-bridge/picture/picture_parameters.hpp"

namespace dadvisor::graphite {
namespace {

constexpr std::int64_t default_range = 86400;

TemplateValues template_values(Parameters const& parameters) {
  constexpr std::string_view prefix = "template[";
  TemplateValues out;
  for (auto const& [name, value] : parameters) {
    if (!name.starts_with(prefix) || !name.ends_with(']')) continue;
    out[name.substr(prefix.size(), name.size() - prefix.size() - 1)] = value;
  }
  return out;
}

// graphite-web takes each target of a pie with a colon for one of these, and fails when there is no
// number behind it; ours takes it for a path then, which may have colons.
Result<std::optional<RenderParameters::NamedValue>> parse_named_value(std::string const& text) {
  auto const colon = text.find(':');
  auto const value =
      colon == std::string::npos ? std::nullopt : parse_float(text.substr(colon + 1));
  if (!value) return std::optional<RenderParameters::NamedValue>();
  if (!std::isfinite(*value))
    return Error{Errc::malformed, 0, "target: " + text + ": the value of a slice must be finite"};
  return std::optional(RenderParameters::NamedValue{0, text.substr(0, colon), *value});
}

Result<void> parse_targets(Parameters const& parameters, RenderParameters& out,
                           QueryBudget* budget) {
  auto texts = all_values(parameters, "target");
  if (texts.empty()) texts = all_values(parameters, "target[]");
  auto const values = template_values(parameters);
  bool const pie = last_value(parameters, "graphType") == "pie";
  for (auto const& text : texts) {
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) continue;
    if (auto const still = go_on(budget); !still) return still.error();
    if (pie) {
      auto named = parse_named_value(text);
      if (!named) return named.error();
      if (*named) {
        (*named)->place = out.targets.size();
        out.values.push_back(std::move(**named));
        continue;
      }
    }
    auto expression = parse_target(text, values, standard_functions(), budget);
    if (!expression) return expression.error();
    out.targets.push_back(std::move(*expression));
  }
  return {};
}

Result<Window> parse_window(Parameters const& parameters, std::int64_t clock,
                            TimeZone const& zone) {
  auto const own_now = time_value(parameters, "now", clock, zone);
  if (!own_now) return own_now.error();
  Window out;
  out.now = own_now->value_or(clock);
  auto const from = time_value(parameters, "from", out.now, zone);
  if (!from) return from.error();
  auto const until = time_value(parameters, "until", out.now, zone);
  if (!until) return until.error();
  out.from = from->value_or(out.now - default_range);
  out.until = until->value_or(out.now);
  if (out.from > out.until) std::swap(out.from, out.until);
  if (out.from == out.until) return Error{Errc::malformed, 0, "from and until are the same time"};
  return out;
}

constexpr std::pair<std::string_view, RenderFormat> formats[] = {
    {"json", RenderFormat::json},
    {"dygraph", RenderFormat::dygraph},
    {"rickshaw", RenderFormat::rickshaw},
    {"csv", RenderFormat::csv},
    {"raw", RenderFormat::raw},
    {"pickle", RenderFormat::pickle},
    {"msgpack", RenderFormat::message_pack},
    {"png", RenderFormat::png},
    {"svg", RenderFormat::svg},
    {"pdf", RenderFormat::pdf}};

Result<RenderFormat> parse_format(Parameters const& parameters) {
  auto const format = last_value(parameters, "format");
  if (!format) {
    if (last_value(parameters, "rawData")) return RenderFormat::raw;
    return last_value(parameters, "pickle") ? RenderFormat::pickle : RenderFormat::png;
  }
  std::string names;
  for (auto const& [name, known] : formats) {
    if (*format == name) return known;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return Error{Errc::malformed, 0, "format: " + *format + " is none of " + names};
}

bool is_picture(RenderFormat format) { return format >= RenderFormat::png; }

// Of a picture outputFormat has the last word, as in graphite-web.
Result<RenderFormat> picture_format(Parameters const& parameters, RenderFormat format) {
  auto const given = last_value(parameters, "outputFormat").value_or("");
  if (!is_picture(format) || given.empty() || given == "default") return format;
  for (auto const& [name, known] : formats)
    if (is_picture(known) && given == name) return known;
  return Error{Errc::malformed, 0, "outputFormat: must be one of png, svg, pdf, not " + given};
}

// A body of that type, or what went wrong.
Result<Answer> answer_of(char const* content_type, Result<std::string> body) {
  if (!body) return body.error();
  return Answer{content_type, std::move(*body)};
}

// What the picture is to show as lost, shaded and named. Where that cannot be told (too many losses
// at once), the curves are worth having without.
picture::PictureOptions with_lost(RenderParameters const& request, SeriesSource const& source) {
  if (request.picture.graph_type == picture::GraphType::pie) return request.picture;
  std::vector<std::string> patterns;
  for (auto const& target : request.targets) {
    auto const its = target.patterns();
    patterns.insert(patterns.end(), its.begin(), its.end());
  }
  auto const lost = source.lost(patterns, request.window);
  auto options = request.picture;
  if (!lost) return options;
  for (auto const& one : *lost) {
    options.spans.push_back({one.first, one.last, picture::Role::warn});
    Event mark;
    mark.when = one.first;
    mark.what = one.thinned ? "one figure a minute" : "figures lost";
    options.marks.push_back(std::move(mark));
  }
  return options;
}

JsonOptions parse_json_options(Parameters const& parameters) {
  JsonOptions out;
  auto const points = last_value(parameters, "maxDataPoints");
  bool const digits = points && points->find_first_not_of("0123456789") == std::string::npos;
  if (auto const count = digits ? parse_integer(*points) : std::nullopt; count && *count > 0) {
    out.max_data_points = static_cast<std::size_t>(*count);
  }
  out.no_null_points = last_value(parameters, "noNullPoints").has_value();
  out.pretty = is_pretty(parameters);
  return out;
}

}  // namespace

Result<RenderParameters> RenderParameters::parse(Parameters const& parameters, std::int64_t now,
                                                 QueryBudget* budget) {
  RenderParameters out;
  if (auto const good = parse_targets(parameters, out, budget); !good) return good.error();
  out.zone = zone_of(parameters);
  auto const window = parse_window(parameters, now, out.zone);
  if (!window) return window.error();
  out.window = *window;
  out.window.budget = budget;
  auto format = parse_format(parameters);
  if (format) format = picture_format(parameters, *format);
  if (!format) return format.error();
  out.format = *format;
  if (is_picture(out.format)) {
    auto picture = picture::parse_picture_options(parameters);
    if (!picture) return picture.error();
    out.picture = std::move(*picture);
  }
  out.json = parse_json_options(parameters);
  if (auto const factor = last_value(parameters, "xFilesFactor")) {
    auto const number = parse_float(*factor);
    if (!number) return Error{Errc::malformed, 0, "xFilesFactor: not a number: " + *factor};
    out.x_files_factor = *number;
  }
  return out;
}

namespace {

// One point for the whole window: its average, its greatest and its least value are the same.
Series series_of(RenderParameters::NamedValue const& named, Window const& window) {
  Series out;
  out.name = out.path_expression = named.name;
  out.tags["name"] = named.name;
  out.start = window.from;
  out.end = window.until;
  out.step = window.until - window.from;
  out.values = {named.value};
  return out;
}

Result<SeriesList> series_of(RenderParameters const& request, SeriesSource const& source,
                             bool with_values_behind_end) {
  SeriesList out;
  RequestState state;
  EvaluationOptions const options{request.x_files_factor, request.zone, &state,
                                  with_values_behind_end};
  auto named = request.values.begin();
  auto const add_named = [&](std::size_t place) {
    for (; named != request.values.end() && named->place <= place; ++named)
      out.push_back(series_of(*named, request.window));
  };
  for (std::size_t i = 0; i < request.targets.size(); ++i) {
    add_named(i);
    auto series = evaluate(request.targets[i], request.window, source, options);
    if (!series) return series.error();
    out.insert(out.end(), std::make_move_iterator(series->begin()),
               std::make_move_iterator(series->end()));
  }
  add_named(request.targets.size());
  return out;
}

}  // namespace

Result<SeriesList> render_series(RenderParameters const& request, SeriesSource const& source) {
  return series_of(request, source, false);
}

namespace {

Result<Answer> render_unchecked(RenderParameters const& request, SeriesSource const& source) {
  auto* const budget = request.window.budget;
  bool const limited = request.format == RenderFormat::json && request.json.max_data_points;
  auto series = series_of(request, source, limited);
  if (!series) return series.error();
  auto const cluster = [&](ClusterFormat format) {
    return Answer{content_type(format), to_cluster(*series, format, budget)};
  };
  switch (request.format) {
    case RenderFormat::dygraph:
      return Answer{"application/json", to_dygraph(*series, budget)};
    case RenderFormat::rickshaw:
      return Answer{"application/json", to_rickshaw(*series, request.json.pretty, budget)};
    case RenderFormat::csv:
      return Answer{"text/csv", to_csv(*series, request.zone, budget)};
    case RenderFormat::raw:
      return Answer{"text/plain", to_raw(*series, budget)};
    case RenderFormat::pickle:
      return cluster(ClusterFormat::pickle);
    case RenderFormat::message_pack:
      return cluster(ClusterFormat::message_pack);
    case RenderFormat::png:
      return answer_of("image/png",
                       picture::draw_png(*series, request.window, with_lost(request, source)));
    case RenderFormat::svg:
      return answer_of("image/svg+xml",
                       picture::draw_svg(*series, request.window, with_lost(request, source)));
    case RenderFormat::pdf:
      return answer_of("application/x-pdf",
                       picture::draw_pdf(*series, request.window, with_lost(request, source)));
    case RenderFormat::json:
      break;
  }
  return Answer{"application/json", to_json(std::move(*series), request.json, budget)};
}

}  // namespace

Result<Answer> render(RenderParameters const& request, SeriesSource const& source) {
  auto answer = render_unchecked(request, source);
  if (!answer) return answer;
  // An encoder that the budget stopped has left off.
  if (auto const whole = go_on(request.window.budget); !whole) return whole.error();
  return answer;
}

Result<Answer> render(Parameters const& parameters, std::int64_t now, SeriesSource const& source,
                      QueryBudget* budget) {
  auto const request = RenderParameters::parse(parameters, now, budget);
  if (!request) return request.error();
  return render(*request, source);
}

}  // namespace dadvisor::graphite
