#include "aggregator/ingest/point_ingest.hpp"

#include <cmath>

#include "aggregator/ingest/limits.hpp"
#include "graphite-bridge/carbon/pickled_points.hpp"

namespace dadvisor::aggregator::ingest {
namespace {

constexpr std::size_t most_places = 200'000;  // of one connection's order

}  // namespace

static_assert(foreign_leaves <= 256 && most_line_bytes < 65536, "a place has room for both");

void ExpectedOrder::begin(std::uint32_t generation) {
  places_.clear();
  at_.clear();
  last_ = none;
  generation_ = generation;
}

void ExpectedOrder::learn(PointRoute const& route) {
  // It is not kept; or it is of a pickle, which may have longer ones.
  if (route.name.empty() || route.name.size() > most_line_bytes) return;
  auto const [known, added] = at_.try_emplace(&route, static_cast<std::uint32_t>(places_.size()));
  if (added) {
    if (places_.size() >= most_places) {
      at_.erase(known);
      return;
    }
    places_.push_back({route.name.data(), &route, route.series.entity, none,
                       static_cast<std::uint16_t>(route.name.size()),
                       static_cast<std::uint8_t>(route.series.column),
                       route.verdict == RouteVerdict::take && route.feeds.empty()});
  }
  if (last_ != none) places_[last_].next = known->second;
  last_ = known->second;
}

class PointIngest::LineReader final : public http::StreamReader {
 public:
  explicit LineReader(PointIngest& ingest) : ingest_(ingest) {}

  std::optional<std::size_t> take(std::string_view bytes) override {
    auto const now = ingest_.now();
    std::size_t taken = 0;
    for (;;) {
      auto const rest = bytes.substr(taken);
      if (auto const size = ingest_.expected_line(rest, order_, now)) {
        taken += size;
        continue;
      }
      auto const end = rest.find('\n');
      if (end == std::string_view::npos) break;
      ingest_.line(rest.substr(0, end), order_, now);
      taken += end + 1;
    }
    if (bytes.size() - taken > most_line_bytes) {
      ++ingest_.counters_.malformed;
      return std::nullopt;
    }
    return taken;
  }
  void closed(std::size_t left) override {
    if (left > 0) ++ingest_.counters_.unfinished;
  }

 private:
  PointIngest& ingest_;
  ExpectedOrder order_;
};

class PointIngest::PickleReader final : public http::StreamReader {
 public:
  explicit PickleReader(PointIngest& ingest) : ingest_(ingest) {}

  std::optional<std::size_t> take(std::string_view bytes) override {
    auto const now = ingest_.now();
    std::size_t taken = 0;
    while (bytes.size() - taken >= graphite::pickle_header_bytes) {
      auto const length = graphite::pickle_length(bytes.substr(taken));
      if (length > graphite::most_pickle_bytes) {
        ++ingest_.counters_.malformed;
        return std::nullopt;
      }
      if (bytes.size() - taken - graphite::pickle_header_bytes < length) break;
      message(bytes.substr(taken + graphite::pickle_header_bytes, length), now);
      taken += graphite::pickle_header_bytes + length;
    }
    return taken;
  }
  void closed(std::size_t left) override {
    if (left > 0) ++ingest_.counters_.unfinished;
  }

 private:
  void message(std::string_view pickle, Now const& now) {
    ++ingest_.counters_.pickles;
    auto const read = graphite::read_pickled_points(
        pickle, [&](graphite::Point const& point) { ingest_.point(point, order_, now); });
    ingest_.counters_.malformed += read ? read->unfit : 1;
  }

  PointIngest& ingest_;
  ExpectedOrder order_;
};

PointIngest::PointIngest(RouterOptions options, ForeignRows& rows, graphite::CarbonFilesPtr files,
                         Clock const& clock)
    : rows_(rows),
      clock_(clock),
      router_(std::move(options), rows, aggregator_, std::move(files)) {}

std::unique_ptr<http::StreamReader> PointIngest::line_reader() {
  return std::make_unique<LineReader>(*this);
}
std::unique_ptr<http::StreamReader> PointIngest::pickle_reader() {
  return std::make_unique<PickleReader>(*this);
}

void PointIngest::datagram(std::string_view bytes) {
  ++counters_.datagrams;
  auto const time = now();
  while (!bytes.empty()) {
    auto const end = std::min(bytes.find('\n'), bytes.size());
    if (end > 0) line(bytes.substr(0, end), datagrams_, time);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  rows_.flush_if_large();
}

bool PointIngest::may_read() {
  rows_.flush_if_large();
  return !rows_.behind();
}

PointIngest::Now PointIngest::now() const {
  auto const wall = clock_.wall();
  return {clock_.monotonic(), unix_seconds(wall), unix_seconds(wall - most_behind),
          unix_seconds(wall + most_ahead)};
}

std::size_t PointIngest::expected_line(std::string_view bytes, ExpectedOrder& order,
                                       Now const& now) {
  auto const* const place = order.next(router_.generation());
  if (place == nullptr) return 0;
  std::size_t const length = place->length;
  if (bytes.size() <= length || bytes[length] != ' ' || !place->is(bytes.substr(0, length)))
    return 0;
  char const* at = bytes.data() + length + 1;
  double value = 0;
  std::int64_t seconds = 0;
  if (!graphite::parse_plain_numbers(at, bytes.data() + bytes.size(), order.time(), value, seconds))
    return 0;
  if (seconds < now.oldest || seconds > now.newest) return 0;
  if (!place->plain && place->route->verdict > RouteVerdict::aggregated) return 0;
  order.advance();
  ++counters_.lines;
  ++counters_.points;
  if (!place->plain)
    take(*place->route, seconds, value, now);
  else if (store({place->entity, place->column}, seconds, value))
    ++counters_.taken;
  return static_cast<std::size_t>(at - bytes.data());
}

void PointIngest::line(std::string_view line, ExpectedOrder& order, Now const& now) {
  ++counters_.lines;
  auto const read =
      line.size() <= most_line_bytes ? graphite::parse_point_line(line) : std::nullopt;
  if (read)
    point(*read, order, now);
  else
    ++counters_.malformed;
}

void PointIngest::point(graphite::Point const& point, ExpectedOrder& order, Now const& now) {
  ++counters_.points;
  PointRoute const* route = nullptr;
  if (auto const* const place = order.next(router_.generation());
      place != nullptr && place->is(point.path)) {
    route = place->route;
    order.advance();
  } else {
    route = &router_.route(point.path, now.monotonic);
    order.learn(*route);
  }
  if (route->verdict > RouteVerdict::aggregated) return count_drop(route->verdict);
  if (std::isnan(point.value)) {
    ++counters_.not_a_number;
    return;
  }
  if (std::isinf(point.value)) {
    ++counters_.infinite;
    return;
  }
  double const seconds =
      point.time > -2 && point.time <= -1 ? static_cast<double>(now.wall) : point.time;
  // Also of NaN; what carbon stores beyond these bounds would never be seen again.
  if (!(seconds >= static_cast<double>(now.oldest))) {
    ++counters_.too_old;
    return;
  }
  if (seconds > static_cast<double>(now.newest)) {
    ++counters_.ahead;
    return;
  }
  take(*route, static_cast<std::int64_t>(seconds), point.value, now);
}

void PointIngest::take(PointRoute const& route, std::int64_t seconds, double value,
                       Now const& now) {
  bool taken = route.verdict == RouteVerdict::aggregated || store(route.series, seconds, value);
  for (AggregateBuffer* const buffer : route.feeds)
    if (!aggregator_.put(*buffer, seconds, value, now.monotonic)) {
      ++counters_.aggregation_full;
      if (route.verdict == RouteVerdict::aggregated) taken = false;
    }
  if (taken) ++counters_.taken;
}

bool PointIngest::store(ForeignSeries const& series, std::int64_t seconds, double value) {
  if (rows_.put(series, seconds, value)) return true;
  ++counters_.log_full;
  return false;
}

void PointIngest::count_drop(RouteVerdict verdict) {
  switch (verdict) {
    case RouteVerdict::blacklisted:
      ++counters_.blacklisted;
      break;
    case RouteVerdict::not_whitelisted:
      ++counters_.not_whitelisted;
      break;
    case RouteVerdict::bad_name:
      ++counters_.bad_names;
      break;
    case RouteVerdict::too_many_series:
      ++counters_.too_many_series;
      break;
    case RouteVerdict::take:
    case RouteVerdict::aggregated:
      break;
  }
}

void PointIngest::tick(bool at_the_end) {
  auto const time = now();
  aggregator_.compute(time.monotonic, clock_.wall(),
                      [&](std::string const& name, std::int64_t seconds, double value) {
                        auto const& route = router_.made_route(name, time.monotonic);
                        if (route.verdict != RouteVerdict::take) return count_drop(route.verdict);
                        if (!std::isfinite(value)) {
                          ++counters_.infinite;
                          return;
                        }
                        if (store(route.series, seconds, value)) ++counters_.made;
                      });
  rows_.flush(at_the_end);
}

}  // namespace dadvisor::aggregator::ingest
