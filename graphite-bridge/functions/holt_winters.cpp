// Of group Calculate, forecasts by Holt and Winters' triple exponential smoothing with Brutlag's
// confidence bands ("Aberrant behavior detection in time series for network monitoring", 2000), in
// graphite-web's arithmetic: what is absent begins level and slope anew and counts as a season and
// a deviation of 0. The series are read again from bootstrapInterval before the window on, so that
// the forecast has learnt when the window begins.

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/lead_in.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/time_spec.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

struct Forecast {
  std::vector<double> predictions;  // absent where the value before was
  std::vector<double> deviations;   // how far from the prediction is usual
};

// `season` values are a season, at least 2.
Forecast forecast_of(std::vector<double> const& values, std::size_t season) {
  constexpr double level_weight = 0.1, slope_weight = 0.0035, season_weight = 0.1;
  Forecast out;
  out.predictions.reserve(values.size());
  out.deviations.reserve(values.size());
  std::vector<double> seasonal;
  seasonal.reserve(values.size());
  double level = absent, slope = 0, next = absent;
  auto const a_season_before = [season](std::vector<double> const& past, std::size_t place) {
    return place >= season ? past[place - season] : 0.0;
  };
  for (std::size_t i = 0; i < values.size(); ++i) {
    double const actual = values[i];
    if (i == 0) next = actual;
    out.predictions.push_back(std::exchange(next, absent));
    if (is_absent(actual)) {
      level = absent;
      slope = 0;
      seasonal.push_back(0);
      out.deviations.push_back(0);
      continue;
    }
    double const predicted = is_absent(out.predictions.back()) ? 0 : out.predictions.back();
    double const last_level = is_absent(level) ? actual : level;
    double const last_season = a_season_before(seasonal, i);
    level = level_weight * (actual - last_season) + (1 - level_weight) * (last_level + slope);
    slope = slope_weight * (level - last_level) + (1 - slope_weight) * slope;
    next = level + slope + a_season_before(seasonal, i + 1);
    seasonal.push_back(season_weight * (actual - level) + (1 - season_weight) * last_season);
    out.deviations.push_back(season_weight * std::fabs(actual - predicted) +
                             (1 - season_weight) * a_season_before(out.deviations, i));
  }
  return out;
}

// Python's values[first:], which counts from the end when `first` is negative.
std::vector<double> values_from(std::vector<double> const& values, std::int64_t first) {
  auto const size = static_cast<std::int64_t>(values.size());
  auto const begin = first < 0 ? std::max<std::int64_t>(size + first, 0) : std::min(first, size);
  return {values.begin() + begin, values.end()};
}

// The first argument, read with its lead-in, and what is forecast of each.
struct Preview {
  std::int64_t seconds = 0;  // that it is read before the window
  SeriesList series;
  std::vector<Forecast> forecasts;  // one a series, of the window alone
};

Result<Preview> preview_of(Call const& call) {
  Preview out;
  auto const seconds = parse_time_offset(call.text("bootstrapInterval"));
  if (!seconds) return call.error(seconds.error().context);
  auto const season = parse_time_offset(call.text("seasonality"));
  if (!season) return call.error(season.error().context);
  out.seconds = *seconds;
  auto window = call.window();
  if (std::abs(*seconds) > max_lead_in) return call.error("bootstrapInterval is too long");
  window.from -= *seconds;
  if (window.from >= window.until) return call.error("bootstrapInterval leaves nothing to read");
  auto series = call.evaluate_again("seriesList", window);
  if (!series) return series.error();
  out.series = std::move(*series);
  for (auto& one : out.series) {
    if (auto const still = call.go_on(); !still) return still.error();
    bool const known = !std::all_of(one.values.begin(), one.values.end(), is_absent);
    auto const season_values = *season / one.step;
    if (season_values < 2 && known) {
      return call.error("seasonality must be two steps of the series at least");
    }
    auto forecast =
        forecast_of(one.values, static_cast<std::size_t>(std::max<std::int64_t>(season_values, 2)));
    auto const remainder = *seconds % one.step;
    auto const first = *seconds / one.step - (remainder < 0 ? 1 : 0);
    forecast.predictions = values_from(forecast.predictions, first);
    forecast.deviations = values_from(forecast.deviations, first);
    out.forecasts.push_back(std::move(forecast));
    one.start += *seconds;
    one.consolidation = Consolidation::average;
    one.tags["holtWintersForecast"] = "1";
    one.tags["holtWintersDeviation"] = "1";
  }
  return out;
}

Result<SeriesList> forecast(Call& call) {
  auto preview = preview_of(call);
  if (!preview) return preview.error();
  for (std::size_t i = 0; i < preview->series.size(); ++i) {
    auto& one = preview->series[i];
    one.values = std::move(preview->forecasts[i].predictions);
    rename_call(one, "holtWintersForecast");
  }
  return std::move(preview->series);
}

// Lower and upper band of each series, one behind the other.
Result<SeriesList> bands_of(Call const& call) {
  auto preview = preview_of(call);
  if (!preview) return preview.error();
  auto const delta = static_cast<double>(*call.integer("delta"));
  SeriesList out;
  for (std::size_t i = 0; i < preview->series.size(); ++i) {
    auto& lower = preview->series[i];
    auto const& [predictions, deviations] = preview->forecasts[i];
    lower.tags["holtWintersConfidenceUpper"] = "1";
    lower.tags["holtWintersConfidenceLower"] = "1";
    auto const room = room_for(call.window().budget, (out.size() + 2) * bytes_of(lower));
    if (!room) return room.error();
    auto upper = lower;
    lower.name = "holtWintersConfidenceLower(" + lower.name + ")";
    upper.name = "holtWintersConfidenceUpper(" + upper.name + ")";
    lower.values.resize(predictions.size());
    upper.values.resize(predictions.size());
    for (std::size_t place = 0; place < predictions.size(); ++place) {
      double const scaled = delta * deviations[place];
      lower.values[place] = predictions[place] - scaled;
      upper.values[place] = predictions[place] + scaled;
    }
    out.push_back(std::move(lower));
    out.push_back(std::move(upper));
  }
  return out;
}

Result<SeriesList> confidence_bands(Call& call) { return bands_of(call); }

// The value of `band` beside value `place` of `series`: where the lead-in had to be read at a
// coarser step (graphite-web fails there), the one of that time.
double beside(Series const& band, Series const& series, std::size_t place) {
  auto at = static_cast<std::int64_t>(place);
  if (band.step != series.step) {
    auto const later = series.start + at * series.step - band.start;
    at = later < 0 ? -1 : later / band.step;
  }
  auto const size = static_cast<std::int64_t>(band.values.size());
  return at >= 0 && at < size ? band.values[static_cast<std::size_t>(at)] : absent;
}

double aberration_of(double actual, double lower, double upper) {
  if (actual > upper) return actual - upper;
  if (actual < lower) return actual - lower;
  return 0;
}

// How far each value lies outside its band; 0 within, and where a value or a band is absent.
Result<SeriesList> aberration(Call& call) {
  auto series = call.take_series("seriesList");
  auto const bands = bands_of(call);
  if (!bands) return bands.error();
  std::map<std::string, Series const*, std::less<>> by_name;
  for (auto const& band : *bands) by_name[band.name] = &band;
  for (auto& one : series) {
    auto const lower = by_name.find("holtWintersConfidenceLower(" + one.name + ")");
    auto const upper = by_name.find("holtWintersConfidenceUpper(" + one.name + ")");
    if (lower == by_name.end() || upper == by_name.end()) {
      return call.error("before the window there is no " + one.name);
    }
    for (std::size_t i = 0; i < one.values.size(); ++i) {
      one.values[i] = aberration_of(one.values[i], beside(*lower->second, one, i),
                                    beside(*upper->second, one, i));
    }
    // An int where nothing aberrates, a float elsewhere.
    one.whole = std::ranges::all_of(one.values, [](double value) { return value == 0; });
    one.consolidation = Consolidation::average;
    one.tags["holtWintersAberration"] = "1";
    rename_call(one, "holtWintersAberration");
  }
  return series;
}

// areaBetween() the bands of one series.
Result<SeriesList> confidence_area(Call& call) {
  auto bands = bands_of(call);
  if (!bands || bands->empty()) return bands;
  if (bands->size() != 2) {
    return call.error("needs exactly 1 series, got " + std::to_string(bands->size() / 2));
  }
  auto const name = "holtWintersConfidenceArea(" + bands->back().path_expression + ")";
  for (auto& band : *bands) {
    band.tags.erase("areaBetween");
    band.tags["holtWintersConfidenceArea"] = "1";
    rename_expression(band, name);
    band.drawing.stack = name;
  }
  bands->front().drawing.invisible = true;
  return bands;
}

Function forecaster(std::string name, std::string description,
                    Result<SeriesList> (*implementation)(Call&), bool with_delta) {
  auto lead_in = optional("bootstrapInterval", interval, std::string("7d"));
  auto season = optional("seasonality", interval, std::string("1d"));
  for (char const* one : {"7d", "30d"}) lead_in.suggestions.emplace_back(std::string(one));
  for (char const* one : {"1d", "7d"}) season.suggestions.emplace_back(std::string(one));
  std::vector<Parameter> more{lead_in, season};
  if (with_delta) more.insert(more.begin(), optional("delta", integer, std::int64_t{3}));
  return of_one_list("Calculate", std::move(name), std::move(description), implementation, more);
}

}  // namespace

std::vector<Function> forecast_functions() {
  return {
      forecaster("holtWintersForecast",
                 "What Holt and Winters' method expects of each series, learnt from the "
                 "bootstrapInterval before the window, with seasons of the given length.",
                 forecast, false),
      forecaster("holtWintersConfidenceBands",
                 "Between which values each series is expected: the forecast, delta usual "
                 "deviations below and above.",
                 confidence_bands, true),
      forecaster("holtWintersConfidenceArea", "The area between the bands of one series.",
                 confidence_area, true),
      forecaster("holtWintersAberration",
                 "How far each value lies above or below its confidence bands.", aberration, true),
  };
}

}  // namespace dadvisor::graphite::functions
