#pragma once
// /render without HTTP: parameters in, an answer out. Called by the API for GET and POST alike.
// Reentrant: as many threads as the source allows.

#include <cstdint>
#include <string>
#include <vector>

#include "common/core/result.hpp"
#include "graphite-bridge/expression.hpp"
#include "graphite-bridge/format/json_series.hpp"
#include "graphite-bridge/parameters.hpp"
#include "graphite-bridge/picture/picture_options.hpp"
#include "graphite-bridge/series.hpp"
#include "graphite-bridge/time_zone.hpp"

namespace dadvisor::graphite {

enum class RenderFormat { json, dygraph, rickshaw, csv, raw, pickle, message_pack, png, svg, pdf };

// What a request asks for, read from: target (repeated, or target[]), from (-1d), until (now),
// now, tz, format (json, dygraph, rickshaw, csv, raw, pickle, msgpack, png, svg, pdf; png when not
// given), outputFormat (of a picture), rawData, pickle, maxDataPoints (ignored unless digits; json
// only), noNullPoints, pretty, xFilesFactor, template[NAME]; for pictures those of
// picture/picture_parameters.hpp. Others are ignored.
struct RenderParameters {
  // A pie's `target=NAME:VALUE`, a slice by itself.
  struct NamedValue {
    std::size_t place = 0;  // before the target of that index
    std::string name;
    double value = 0;
  };
  std::vector<Expression> targets;  // parsed; blank ones are left out
  std::vector<NamedValue> values;   // of a pie, by place
  Window window;                    // from < until, however they were given
  TimeZone zone = TimeZone::utc();
  RenderFormat format = RenderFormat::png;
  JsonOptions json;
  picture::PictureOptions picture;  // as asked for when the format is a picture's
  double x_files_factor = 0;

  // `now` in unix seconds, unless the request brings its own. Errc::malformed, one line: a
  // target, a time, xFilesFactor or a picture's parameter that does not parse, from equal to until,
  // an unknown format.
  // What it finds is for a query of that budget, which must outlive it and its use.
  static Result<RenderParameters> parse(Parameters const& parameters, std::int64_t now,
                                        QueryBudget* budget = nullptr);
};

// The series of all targets, in order. Errors as evaluate().
Result<SeriesList> render_series(RenderParameters const& request, SeriesSource const& source);
// The same as a body. Nothing asked for or found: "[]" as JSON, an empty text, a picture that
// says "No data".
Result<Answer> render(RenderParameters const& request, SeriesSource const& source);
Result<Answer> render(Parameters const& parameters, std::int64_t now, SeriesSource const& source,
                      QueryBudget* budget = nullptr);

}  // namespace dadvisor::graphite
