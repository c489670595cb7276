#include "aggregator/sink/carbon_sink.hpp"

#include <algorithm>
#include <charconv>

#include "common/core/fd.hpp"
#include "graphite-bridge/line.hpp"

namespace dadvisor::aggregator::sink {

namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds io_limit = 900ms;  // of one wait: the destructor waits for no more
// gone: a connection that was there broke. unavailable: none could be made.
Error broken(std::string why) { return Error{Errc::gone, 0, std::move(why)}; }

constexpr std::size_t block_size = 64 << 10;

// The cursor file's text: the tick in unix seconds.
std::optional<WallTime> parse_cursor(std::string const& text) {
  std::int64_t seconds = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end == text.data() || seconds <= 0) return std::nullopt;
  return from_unix_seconds(seconds);
}

}  // namespace

CarbonSink::CarbonSink(CarbonOptions options, PointReader reader, Clock const& clock, Log log)
    : options_(std::move(options)),
      reader_(std::move(reader)),
      clock_(clock),
      log_(std::move(log)),
      pause_(options_.first_pause) {
  auto const now = clock_.wall();
  auto const text = read_file(options_.cursor_file, 64);
  auto const kept = text ? parse_cursor(*text) : std::nullopt;
  if (text && !kept)
    log_.warning("{}: not a cursor; carbon gets what comes from now on", options_.cursor_file);
  cursor_ = kept ? *kept - options_.step_back : now - options_.step_back;
  counters_.cursor = cursor_;
  thread_ = std::thread([this] { run(); });
}

CarbonSink::~CarbonSink() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void CarbonSink::ready(WallTime tick) {
  {
    std::lock_guard lock(mutex_);
    if (!ready_ || *ready_ < tick) ready_ = tick;
  }
  wake_.notify_all();
}

void CarbonSink::changed(WallTime tick) {
  std::lock_guard lock(mutex_);
  if (tick <= cursor_) changed_.insert(tick);
}

CarbonCounters CarbonSink::counters() const {
  std::lock_guard lock(mutex_);
  auto counters = counters_;
  counters.cursor = cursor_;
  return counters;
}

std::optional<CarbonSink::Work> CarbonSink::next_work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_) return std::nullopt;
    auto const oldest = clock_.wall() - options_.retention;
    if (cursor_ < oldest) {
      counters_.skipped_seconds += static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::seconds>(oldest - cursor_).count());
      cursor_ = oldest;
    }
    if (ready_ && cursor_ < *ready_)
      return Work{cursor_, std::min(*ready_, cursor_ + options_.chunk), false};
    bool const due = clock_.monotonic() - resent_ >= options_.resend_spacing;
    if (due && !changed_.empty()) {
      auto const first = *changed_.begin();
      auto last = first;
      while (!changed_.empty() && *changed_.begin() <= first + options_.chunk) {
        last = *changed_.begin();
        changed_.erase(changed_.begin());
      }
      if (changed_.empty()) resent_ = clock_.monotonic();
      return Work{first - 1ns, last, true};
    }
    // A minute without a tick is no reason to look; changed ticks wait for their time.
    wake_.wait_for(lock, changed_.empty() ? Nanoseconds(60s) : options_.resend_spacing);
  }
}

Result<void> CarbonSink::send(Work const& work) {
  if (connection_ && !connection_->alive()) return broken("the connection was closed");
  if (!connection_) {
    auto connection = Connection::open(options_.host, options_.port, io_limit);
    if (!connection) return Error{Errc::unavailable, 0, to_string(connection.error())};
    connection_ = std::move(*connection);
    std::lock_guard lock(mutex_);
    ++counters_.connects;
    counters_.connected = true;
  }

  std::string block;
  std::uint64_t points = 0, refused = 0;
  Result<void> sent;
  auto const flush = [&] {
    if (sent) sent = connection_->send(block, io_limit);
    block.clear();
  };
  auto const read =
      reader_(work.from, work.until, [&](std::string_view path, double value, WallTime tick) {
        if (graphite::append_line(block, path, value, unix_seconds(tick)))
          ++points;
        else
          ++refused;
        if (block.size() >= block_size) flush();
      });
  flush();
  std::lock_guard lock(mutex_);
  counters_.refused += refused;
  if (!sent) return broken(to_string(sent.error()));
  counters_.points += points;
  if (read) return {};
  ++counters_.read_failures;
  return Error{Errc::io, read.error().os_error, to_string(read.error())};
}

void CarbonSink::run() {
  for (;;) {
    auto const work = next_work();
    if (!work) break;
    auto const sent = send(*work);
    if (sent) {
      pause_ = options_.first_pause;
      if (failure_logged_) log_.info("carbon takes points again");
      failure_logged_ = false;
      std::unique_lock lock(mutex_);
      if (!work->again) cursor_ = work->until;
      lock.unlock();
      save_cursor(false);
      continue;
    }
    if (sent.error().code == Errc::gone) connection_.reset();
    failed(sent.error());
    std::unique_lock lock(mutex_);
    if (work->again) {
      for (auto tick = work->from + 1ns; tick <= work->until; tick += 1s) changed_.insert(tick);
    }
    wake_.wait_for(lock, pause_, [this] { return stopping_; });
    pause_ = std::min(pause_ * 2, options_.longest_pause);
  }
  save_cursor(true);
}

void CarbonSink::failed(Error const& error) {
  std::lock_guard lock(mutex_);
  if (error.code == Errc::gone || error.code == Errc::unavailable) {
    ++counters_.failures;
    counters_.connected = false;
  }
  // What the kernel took of a connection that broke may never have reached carbon.
  if (error.code == Errc::gone) cursor_ -= options_.step_back;
  if (!failure_logged_)
    log_.warning("carbon at {}:{}: {}; what it misses is kept and sent later", options_.host,
                 options_.port, to_string(error));
  failure_logged_ = true;
}

void CarbonSink::save_cursor(bool at_once) {
  auto const now = clock_.monotonic();
  if (!at_once && now - saved_ < 1s) return;
  saved_ = now;
  std::unique_lock lock(mutex_);
  auto const text = std::to_string(unix_seconds(cursor_)) + "\n";
  lock.unlock();
  if (auto const saved = replace_file(options_.cursor_file, text); !saved)
    log_.warning("{}", to_string(saved.error()));
}

}  // namespace dadvisor::aggregator::sink
