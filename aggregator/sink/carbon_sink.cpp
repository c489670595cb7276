#include "aggregator/sink/carbon_sink.hpp"

namespace dadvisor::aggregator::sink {

namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds io_limit = 900ms;  // of one wait: the destructor waits for no more

}  // namespace

CarbonSink::CarbonSink(CarbonOptions options, PointReader reader, Clock const& clock, Log log)
    : host_(options.host),
      port_(options.port),
      protocol_(options.protocol),
      reader_(std::move(reader)),
      route_(std::move(options.routing)) {
  options.pump.receiver = "carbon at " + receiver();
  pump_ = std::make_unique<TickPump>(
      std::move(options.pump), [this](TickSpan const& span) { return send(span); }, clock,
      std::move(log));
}

CarbonCounters CarbonSink::counters() const {
  auto const state = pump_->state();
  std::lock_guard lock(mutex_);
  auto counters = counters_;
  counters.cursor = state.cursor;
  counters.skipped_seconds = state.skipped_seconds;
  return counters;
}

std::string CarbonSink::receiver() const { return host_ + ":" + std::to_string(port_); }

// gone: a connection that was there broke. unavailable: none could be made.
Error CarbonSink::failed(Errc code, std::string why) {
  if (code == Errc::gone) connection_.reset();
  std::lock_guard lock(mutex_);
  ++counters_.failures;
  counters_.connected = false;
  return Error{code, 0, std::move(why)};
}

Result<void> CarbonSink::connect() {
  if (connection_ && !connection_->alive()) return failed(Errc::gone, "the connection was closed");
  if (connection_) return {};
  auto connection = Connection::open(host_, port_, io_limit);
  if (!connection) return failed(Errc::unavailable, to_string(connection.error()));
  connection_ = std::move(*connection);
  std::lock_guard lock(mutex_);
  ++counters_.connects;
  counters_.connected = true;
  return {};
}

Result<void> CarbonSink::send(TickSpan const& span) {
  if (auto const connected = connect(); !connected) return connected.error();
  route_.refresh();
  CarbonBlock block(protocol_);
  std::uint64_t points = 0, refused = 0, filtered = 0;
  Result<void> sent;
  auto const flush = [&] {
    if (sent) sent = connection_->send(block.take(), io_limit);
  };
  auto const read =
      reader_(span.from, span.until, [&](std::string_view path, double value, WallTime tick) {
        auto const name = route_.of(path);
        if (!name) {
          filtered += route_.filtered() ? 1 : 0;
          return;
        }
        if (block.add(*name, value, unix_seconds(tick)))
          ++points;
        else
          ++refused;
        if (block.full()) flush();
      });
  flush();
  {
    std::lock_guard lock(mutex_);
    counters_.refused += refused;
    counters_.filtered += filtered;
    if (sent) counters_.points += points;
    if (!read) ++counters_.read_failures;
  }
  // What the kernel took of a connection that broke may never have reached carbon.
  if (!sent) return failed(Errc::gone, to_string(sent.error()));
  if (!read) return Error{Errc::io, read.error().os_error, to_string(read.error())};
  return {};
}

}  // namespace dadvisor::aggregator::sink
