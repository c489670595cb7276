#include "aggregator/ingest/point_ingest.hpp"

#include <cmath>

#include "aggregator/ingest/limits.hpp"
#include "graphite-bridge/carbon/pickled_points.hpp"

namespace dadvisor::aggregator::ingest {
namespace {

constexpr std::size_t most_places = 200'000;  // of one connection's order

}  // namespace

PointRoute const* ExpectedOrder::next(std::uint32_t generation) {
  if (generation_ != generation) {
    places_.clear();
    at_.clear();
    last_ = none;
    generation_ = generation;
  }
  if (last_ == none) return nullptr;
  auto const next = places_[last_].next;
  return next == none ? nullptr : places_[next].route;
}

void ExpectedOrder::learn(PointRoute const& route) {
  if (route.name.empty()) return;  // it is not kept
  auto const [known, added] = at_.try_emplace(&route, static_cast<std::uint32_t>(places_.size()));
  if (added) {
    if (places_.size() >= most_places) {
      at_.erase(known);
      return;
    }
    places_.push_back({&route, none});
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
}

PointIngest::Now PointIngest::now() const {
  auto const wall = clock_.wall();
  return {clock_.monotonic(), unix_seconds(wall), unix_seconds(wall - most_behind),
          unix_seconds(wall + most_ahead)};
}

std::size_t PointIngest::expected_line(std::string_view bytes, ExpectedOrder& order,
                                       Now const& now) {
  auto const* const route = order.next(router_.generation());
  if (route == nullptr || route->verdict > RouteVerdict::aggregated) return 0;
  auto const length = route->name.size();
  if (bytes.size() <= length || bytes[length] != ' ' || !bytes.starts_with(route->name)) return 0;
  auto const numbers = graphite::parse_plain_numbers(bytes.substr(length + 1), order.time());
  if (!numbers || numbers->time < now.oldest || numbers->time > now.newest) return 0;
  order.advance();
  ++counters_.lines;
  ++counters_.points;
  take(*route, numbers->time, numbers->value, now);
  return length + 1 + numbers->size;
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
  auto const* route = order.next(router_.generation());
  if (route != nullptr && route->name == point.path) {
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
  bool taken = route.verdict == RouteVerdict::aggregated || store(route, seconds, value);
  for (AggregateBuffer* const buffer : route.feeds)
    if (!aggregator_.put(*buffer, seconds, value, now.monotonic)) {
      ++counters_.aggregation_full;
      if (route.verdict == RouteVerdict::aggregated) taken = false;
    }
  if (taken) ++counters_.taken;
}

bool PointIngest::store(PointRoute const& route, std::int64_t seconds, double value) {
  if (rows_.put(route.series, seconds, value)) return true;
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
                        if (store(route, seconds, value)) ++counters_.made;
                      });
  rows_.flush(at_the_end);
}

}  // namespace dadvisor::aggregator::ingest
