#include "aggregator/sink/remote_write_sink.hpp"

#include <fmt/format.h>

#include <iterator>
#include <map>
#include <utility>

namespace dadvisor::aggregator::sink {

namespace {

std::int64_t milliseconds(WallTime tick) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(tick.time_since_epoch()).count();
}

std::size_t samples_of(std::vector<WriteSeries> const& batch) {
  std::size_t count = 0;
  for (auto const& one : batch) count += one.samples.size();
  return count;
}

// The same, a batch for each tick.
std::vector<std::vector<WriteSeries>> by_tick(std::vector<WriteSeries> const& batch) {
  std::map<std::int64_t, std::vector<WriteSeries>> ticks;
  for (auto const& one : batch)
    for (auto const& sample : one.samples) ticks[sample.time_ms].push_back({one.labels, {sample}});
  std::vector<std::vector<WriteSeries>> out;
  for (auto& [time, series] : ticks) out.push_back(std::move(series));
  return out;
}

// What a receiver says in its answer, for a line of a log.
std::string first_line(std::string const& text) {
  constexpr std::size_t longest = 200;
  return text.substr(0, std::min(text.find_first_of("\r\n"), longest));
}

}  // namespace

RemoteWriteSink::RemoteWriteSink(RemoteWriteOptions options, PlacedReader reader,
                                 Clock const& clock, Log log)
    : options_(std::move(options)), reader_(std::move(reader)), log_(log), poster_("dadvisor") {
  auto pump = options_.pump;
  pump.receiver = options_.url;
  // What was acknowledged is there: nothing is sent twice on purpose.
  pump.step_back = {};
  pump.cursor_spacing = {};
  pump_ = std::make_unique<TickPump>(
      std::move(pump), [this](TickSpan const& span) { return send(span); }, clock, std::move(log));
}

RemoteWriteSink::~RemoteWriteSink() {
  stop_.request_stop();
  pump_.reset();
}

RemoteWriteCounters RemoteWriteSink::counters() const {
  auto const state = pump_->state();
  std::lock_guard lock(mutex_);
  auto counters = counters_;
  counters.cursor = state.cursor;
  counters.skipped_seconds = state.skipped_seconds;
  return counters;
}

// What waits from a failure is sent before anything is read, in the same requests.
Result<void> RemoteWriteSink::send(TickSpan const& span) {
  if (!primed_) {
    if (auto const primed = prime(span.from); !primed) return primed;
    primed_ = true;
  }
  bool const goes_on =
      span_ && span_->from == span.from && span_->again == span.again && span_->until <= span.until;
  TickSpan rest = span;
  if (goes_on) {
    if (auto const sent = post_waiting(); !sent) return sent;
    rest.from = span_->until;
  }
  waiting_.clear();
  // So far nothing waits, should the rest not be readable.
  span_ = TickSpan{span.from, rest.from, span.again};
  if (auto const done = read(rest); !done) {
    waiting_.clear();
    return done;
  }
  span_ = TickSpan{span.from, rest.until, span.again};
  auto const sent = post_waiting();
  if (sent) span_.reset();
  return sent;
}

Result<void> RemoteWriteSink::read(TickSpan const& span) {
  Batch batch;
  std::size_t samples = 0;
  std::string path, leaf;
  std::optional<PrometheusEntity> entity;
  WallTime series_last{}, last{};
  // Once a series, not a sample.
  auto const end_series = [&] {
    if (!span.again && !leaf.empty()) live_.seen(path, *entity, leaf, series_last);
  };
  auto const done = reader_(span.from, span.until,
                            [&](series::PointPlace const& place, double value, WallTime tick) {
                              if (bool const same_entity = path == place.entity_path;
                                  !same_entity || leaf != place.leaf) {
                                end_series();
                                if (!same_entity) {
                                  path = place.entity_path;
                                  entity.emplace(place.entity);
                                }
                                leaf = place.leaf;
                                if (samples >= options_.most_samples) {
                                  waiting_.push_back(std::exchange(batch, {}));
                                  samples = 0;
                                }
                                batch.push_back({prometheus_labels(*entity, leaf), {}});
                              }
                              batch.back().samples.push_back({milliseconds(tick), value});
                              ++samples;
                              series_last = tick;
                              last = std::max(last, tick);
                            });
  end_series();
  if (!done) {
    std::lock_guard lock(mutex_);
    ++counters_.read_failures;
    return Error{Errc::io, done.error().os_error, to_string(done.error())};
  }
  if (!batch.empty()) waiting_.push_back(std::move(batch));
  // Without any figure nothing can be said of an end: it is we who know nothing.
  if (span.again || last == WallTime{}) return {};
  if (auto ended = live_.take_ended(last - options_.ended_after, last); !ended.empty()) {
    std::lock_guard lock(mutex_);
    counters_.stale += ended.size();
    waiting_.push_back(std::move(ended));
  }
  return {};
}

// What lived when the program ended, so that it can be told of an end in between.
Result<void> RemoteWriteSink::prime(WallTime from) {
  std::string path;
  std::optional<PrometheusEntity> entity;
  return reader_(from - options_.ended_after, from,
                 [&](series::PointPlace const& place, double, WallTime tick) {
                   if (!entity || path != place.entity_path) {
                     path = place.entity_path;
                     entity.emplace(place.entity);
                   }
                   live_.seen(path, *entity, place.leaf, tick);
                 });
}

// A receiver that refuses one sample may refuse all of its request: what it refuses waits on, a
// request for each of its ticks.
Result<void> RemoteWriteSink::post_waiting() {
  while (!waiting_.empty()) {
    auto const taken = post(waiting_.front());
    if (!taken) return taken.error();
    auto const batch = std::move(waiting_.front());
    waiting_.pop_front();
    if (*taken) continue;
    if (auto ticks = by_tick(batch); ticks.size() > 1) {
      waiting_.insert(waiting_.begin(), std::make_move_iterator(ticks.begin()),
                      std::make_move_iterator(ticks.end()));
      continue;
    }
    std::lock_guard lock(mutex_);
    counters_.refused += samples_of(batch);
  }
  return {};
}

// Whether it was taken; not: refused for good.
Result<bool> RemoteWriteSink::post(Batch const& batch) {
  curl::Post request;
  request.url = options_.url;
  request.body = write_request(batch);
  request.content_type = "application/x-protobuf";
  request.headers = {{"Content-Encoding", "snappy"},
                     {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
  if (!options_.token.empty())
    request.headers.emplace_back("Authorization", "Bearer " + options_.token);
  request.ca_file = options_.ca_file;
  request.timeout = options_.timeout;
  auto const reply = poster_.post(request, stop_.get_token());
  if (!reply) return failed(to_string(reply.error()));
  bool const taken = reply->status >= 200 && reply->status < 300;
  bool const refused = reply->status >= 400 && reply->status < 500 && reply->status != 429;
  {
    std::lock_guard lock(mutex_);
    ++counters_.requests;
    counters_.bytes += request.body.size();
    counters_.connected = taken || refused;
    if (taken) counters_.samples += samples_of(batch);
  }
  if (taken) {
    refusal_logged_ = false;
    return true;
  }
  auto const said = fmt::format("status {}: {}", reply->status, first_line(reply->body));
  if (!refused) {
    if (reply->retry_after) pump_->postpone(*reply->retry_after);
    return failed(said);
  }
  if (!std::exchange(refusal_logged_, true))
    log_.warning("{} refuses samples for good, {}; they are counted", options_.url, said);
  return false;
}

Error RemoteWriteSink::failed(std::string why) {
  std::lock_guard lock(mutex_);
  ++counters_.failures;
  counters_.connected = false;
  return Error{Errc::unavailable, 0, std::move(why)};
}

}  // namespace dadvisor::aggregator::sink
