#include "graphite-bridge/carbonapi.hpp"

#include <protozero/pbf_writer.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/core/protobuf_fields.hpp"
#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/evaluate.hpp"
#include "graphite-bridge/find.hpp"
#include "graphite-bridge/format/utf8.hpp"
#include "graphite-bridge/render.hpp"

namespace dadvisor::graphite {
namespace {

using protobuf::message_in;
using protobuf::number_in;
using protobuf::text_in;
using protozero::pbf_reader;
using protozero::pbf_writer;

constexpr std::int64_t latest = 7'258'118'400;  // 2200: no series has anything later
constexpr char const* carbonapi_type = "application/x-carbonapi-v3-pb";

struct FetchRequest {
  std::string name;
  Window window;
};

FetchRequest fetch_request(pbf_reader message, std::int64_t now) {
  FetchRequest out;
  out.window.now = now;
  while (message.next()) {
    if (message.tag() == 1)
      out.name = text_in(message);
    else if (message.tag() == 2)
      out.window.from = number_in(message);
    else if (message.tag() == 3)
      out.window.until = number_in(message);
    else
      message.skip();
  }
  return out;
}

Error broken() { return {Errc::malformed, 0, "the body is not a carbonapi_v3_pb message"}; }

Result<std::vector<FetchRequest>> fetch_requests(std::string_view body, std::int64_t now) try {
  std::vector<FetchRequest> out;
  auto message = protobuf::reader_of(body);
  while (message.next()) {
    if (message.tag() == 1)
      out.push_back(fetch_request(message_in(message), now));
    else
      message.skip();
  }
  return out;
} catch (protozero::exception const&) {
  return broken();
}

Result<std::vector<std::string>> glob_queries(std::string_view body, Window& window) try {
  std::vector<std::string> out;
  auto message = protobuf::reader_of(body);
  while (message.next()) {
    if (message.tag() == 1) {
      out.emplace_back(text_in(message));
    } else if (message.tag() == 2) {
      window.from = number_in(message);
    } else if (message.tag() == 3) {  // 0: not given
      if (auto const until = number_in(message); until > 0) window.until = until;
    } else {
      message.skip();
    }
  }
  return out;
} catch (protozero::exception const&) {
  return broken();
}

// A FetchResponse for each of `series`, which were asked for over `window`.
Result<void> write_series(std::string const& text, pbf_writer& answer, SeriesList const& series,
                          Window const& window) {
  for (auto const& one : series) {
    auto const room =
        room_for(window.budget, text.size() + one.values.size() * sizeof(double) + one.name.size());
    if (!room) return room;
    if (auto const still = go_on(window.budget); !still) return still;
    pbf_writer message(answer, 1);
    message.add_string(1, valid_utf8(one.name));
    message.add_string(2, valid_utf8(one.path_expression));
    message.add_string(3, consolidation_name(one.consolidation));
    message.add_int64(4, one.start);
    message.add_int64(5, one.start + static_cast<std::int64_t>(one.values.size()) * one.step);
    message.add_int64(6, one.step);
    message.add_float(7, static_cast<float>(one.x_files_factor));
    message.add_packed_double(9, one.values.begin(), one.values.end());
    message.add_int64(11, window.from);
    message.add_int64(12, window.until);
  }
  return {};
}

}  // namespace

bool wants_carbonapi(Parameters const& parameters) {
  auto const format = last_value(parameters, "format");
  return format == "carbonapi_v3_pb" || format == "proto_v3_pb" || format == "v3_pb";
}

Result<Answer> render_for_carbonapi(std::string_view body, Parameters const& parameters,
                                    std::int64_t now, SeriesSource const& source,
                                    QueryBudget* budget) {
  std::string out;
  pbf_writer answer(out);
  if (body.empty()) {
    auto own = parameters;
    own.erase("format");
    auto const request = RenderParameters::parse(own, now, budget);
    if (!request) return request.error();
    auto const series = render_series(*request, source);
    if (!series) return series.error();
    auto const written = write_series(out, answer, *series, request->window);
    if (!written) return written.error();
    return Answer{carbonapi_type, std::move(out)};
  }
  auto const requests = fetch_requests(body, now);
  if (!requests) return requests.error();
  for (auto const& request : *requests) {
    auto window = request.window;
    window.budget = budget;
    if (window.from < 0 || window.from >= window.until || window.until > latest)
      return Error{Errc::malformed, 0, request.name + ": startTime must be before stopTime"};
    auto const series = evaluate(request.name, window, source);
    if (!series) return series.error();
    auto const written = write_series(out, answer, *series, window);
    if (!written) return written.error();
  }
  return Answer{carbonapi_type, std::move(out)};
}

Result<Answer> find_for_carbonapi(std::string_view body, Parameters const& parameters,
                                  std::int64_t now, SeriesSource const& source,
                                  QueryBudget* budget) {
  Window window{0, now, now, {}, budget};
  auto const queries = body.empty()
                           ? Result<std::vector<std::string>>(all_values(parameters, "query"))
                           : glob_queries(body, window);
  if (!queries) return queries.error();
  std::string out;
  pbf_writer answer(out);
  for (auto const& query : *queries) {
    auto const nodes = find_nodes(query, window, source);
    if (!nodes) return nodes.error();
    if (auto const room = room_for(budget, out.size()); !room) return room.error();
    pbf_writer message(answer, 1);
    message.add_string(1, query);
    for (auto const& node : *nodes) {
      pbf_writer match(message, 2);
      match.add_string(1, valid_utf8(node.path));
      match.add_bool(2, node.leaf);
    }
  }
  return Answer{carbonapi_type, std::move(out)};
}

}  // namespace dadvisor::graphite
