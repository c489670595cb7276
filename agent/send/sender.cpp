#include "agent/send/sender.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "agent/send/http_transport.hpp"
#include "common/core/fd.hpp"
#include "common/core/frame/frame.hpp"

namespace dadvisor::agent {
namespace {

using delivery::BatchesReply;
using delivery::StreamSender;

constexpr std::size_t recent_batches = 2 * delivery::window;
constexpr std::size_t request_bytes = 2 << 20;
constexpr std::string_view batches_type = "application/x-dadvisor-batches";
constexpr Nanoseconds refused_log_every = std::chrono::minutes(1);

std::vector<std::unique_ptr<Transport>> http_transports(SenderOptions const& options,
                                                        http::Loop& loop) {
  std::vector<std::unique_ptr<Transport>> transports;
  for (auto const& aggregator : options.aggregators) {
    auto const url = http::parse_url(aggregator);
    if (!url) throw std::runtime_error("aggregator: " + to_string(url.error()));
    transports.push_back(std::make_unique<HttpTransport>(loop, *url, options.token, options.tls));
  }
  return transports;
}

std::vector<std::unique_ptr<Transport>> alone(std::unique_ptr<Transport> transport) {
  std::vector<std::unique_ptr<Transport>> transports;
  transports.push_back(std::move(transport));
  return transports;
}

Spool open_spool(SpoolOptions const& options, Clock const& clock) {
  auto spool = Spool::open(options, clock.wall());
  if (!spool) throw std::runtime_error(to_string(spool.error()));
  return std::move(*spool);
}

bool make_fit(Entity& entity) {
  bool fit = entity.key.host.size() <= frame_limit::host_bytes &&
             entity.key.container_id.size() <= frame_limit::container_id_bytes &&
             entity.labels.size() <= frame_limit::labels;
  LabelsWriter labels;
  for (auto const& [key, value] : entity.labels) {
    fit = fit && !key.empty() && key.size() <= frame_limit::label_key_bytes;
    // What a container calls itself goes into logs, pages and other people's databases.
    labels.add(key, printable(value, frame_limit::label_value_bytes - 8));
  }
  if (auto printed = labels.take(); printed != entity.labels) entity.labels = std::move(printed);
  return fit;
}

// Whether a decoder would take it; label values are cut and escaped so that they are no reason.
bool make_fit(Batch& batch) {
  auto const& agent = batch.stream.agent;
  bool fit = !agent.empty() && agent.size() <= frame_limit::agent_bytes &&
             batch.schemas.size() <= frame_limit::schemas && batch.step > Nanoseconds::zero();
  for (auto const& schema : batch.schemas)
    fit = fit && schema.metrics.size() <= frame_limit::metrics;
  std::uint64_t next_slot = 0;
  for (auto& [slot, entity] : batch.entities.edit()) {
    fit = fit && slot >= next_slot && slot < frame_limit::slots;
    fit = make_fit(entity) && fit;
    next_slot = std::uint64_t(slot) + 1;
  }
  fit = fit && batch.events.size() <= frame_limit::events;
  for (auto& event : batch.events) {
    fit = make_fit(event.entity) && fit;
    event.reason = printable(event.reason, frame_limit::reason_bytes - 8);
  }
  for (auto const& row : batch.rows)
    fit = fit && row.schema < batch.schemas.size() &&
          row.cells.size() == batch.schemas[row.schema].metrics.size();
  return fit;
}

}  // namespace

Nanoseconds send_offset(std::string_view agent, Nanoseconds step) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (char const c : agent) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  auto const span = std::min<Nanoseconds>(std::chrono::seconds(1), step / 4);
  if (span <= Nanoseconds::zero()) return Nanoseconds::zero();
  return Nanoseconds(static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(span.count())));
}

Sender::Sender(SenderOptions options, http::Loop& loop, Clock const& clock, Log log)
    : Sender(options, http_transports(options, loop), clock, std::move(log),
             std::random_device{}()) {}

Sender::Sender(SenderOptions options, std::unique_ptr<Transport> transport, Clock const& clock,
               Log log, std::uint64_t dice)
    : Sender(std::move(options), alone(std::move(transport)), clock, std::move(log), dice) {}

Sender::Sender(SenderOptions options, std::vector<std::unique_ptr<Transport>> transports,
               Clock const& clock, Log log, std::uint64_t dice)
    : options_(std::move(options)),
      clock_(clock),
      log_(std::move(log)),
      random_(dice),
      spool_(open_spool(options_.spool, clock)),
      machine_(spool_.epoch()),
      fail_over_(transports.size(), options_.fail_over_after),
      transports_(std::move(transports)) {
  if (transports_.empty() || transports_.size() != options_.aggregators.size())
    throw std::runtime_error("aggregator: there is none to send to");
  if (options_.agent.empty() || options_.agent.size() > frame_limit::agent_bytes)
    throw std::runtime_error("agent id: must have 1 to 255 bytes");
  if (options_.instance.empty()) options_.instance = fmt::format("{:016x}", random_());
  if (options_.boot_id.empty()) {
    auto const boot_id = read_file("/proc/sys/kernel/random/boot_id", 128);
    options_.boot_id = boot_id ? boot_id->substr(0, boot_id->find('\n')) : "unknown";
  }
  // A place is one aggregator's. Where there are several the spool keeps none, and one from before
  // might be taken for that of another's.
  bool placed = false;
  for (auto const& held : spool_.held()) {
    placed = placed || held.place;
    machine_.restore(held.record, one_of_many() ? std::nullopt : held.place);
  }
  if (placed && one_of_many()) spool_says(spool_.set_epoch(spool_.epoch()));
  auto const spooled = spool_.counters();
  if (spooled.batches > 0 || spooled.damaged > 0)
    log_.info("spool: {} batches to send from before, {} damaged places skipped", spooled.batches,
              spooled.damaged);
  transports_[0]->call_after(Nanoseconds::zero(), [this] { pump(); });
}

Sender::~Sender() = default;

void Sender::submit(std::shared_ptr<Batch> taken) {
  auto& batch = *taken;
  ++counters_.submitted;
  batch.stream = {options_.agent, machine_.epoch()};
  batch.lane = Lane::fresh;
  batch.sequence = 0;
  step_ = batch.step;
  tell_damage(batch.tick);
  for (auto const& loss : spool_.take_untold()) losses_.add(loss, step_);
  if (!make_fit(batch)) {
    counters_.dropped_rows += batch.rows.size();
    if (++counters_.unfit == 1) log_.error("a batch beyond the frame's limits is not sent");
    return;
  }
  if (schema_version_ == 0 || batch.schemas != schemas_) {
    schemas_ = batch.schemas;
    ++schema_version_;
  }

  bool const others_wait = machine_.waiting() > 0;
  auto const wall = clock_.wall();
  auto frame = encode_key_frame(batch);
  make_room(frame.size(), wall);
  // What is lost is told on disk by the batch behind it, hence as surely as that arrives, and until
  // that is there by the spool.
  if (!losses_.empty()) {
    batch.losses = losses_.take();
    frame = encode_key_frame(batch);
  }
  auto const record = spool_.new_record();
  spool_says(spool_.append(record, batch.tick, frame));
  if (options_.strict || others_wait) spool_says(spool_.sync());

  auto const offset = send_offset(options_.agent, batch.step);
  auto const delay = std::clamp(batch.tick + offset - wall, Nanoseconds::zero(), offset);
  machine_.produced(record, schema_version_, clock_.monotonic() + delay);
  recent_[record] = std::move(taken);
  while (recent_.size() > recent_batches) {
    auto const [oldest, its] = *recent_.begin();
    bool const held = spool_.holds(oldest);
    if (!held && in_request(oldest)) break;
    if (!held) drop({oldest, its->tick, LossReason::unwritable});
    recent_.erase(oldest);
  }
  pump();
}

void Sender::spool_says(Result<void> const& result) {
  if (!result && !spool_logged_) log_.error("{}", to_string(result.error()));
  spool_logged_ = !result;
}

void Sender::change_aggregator() {
  change_ = false;
  ++counters_.fail_overs;
  machine_.receiver_changed(clock_.monotonic());
  log_.warning("batches go to {} now", options_.aggregators[fail_over_.current()]);
}

// Asks an earlier aggregator whether it answers, beside what is sent to the current one.
void Sender::probe() {
  auto const peer = fail_over_.begin_probe();
  // The least that the protocol knows: it says nothing of what this stream has, and takes nothing.
  delivery::Hello const said{
      options_.agent, options_.instance, options_.boot_id, machine_.epoch(), {1, 1}};
  ++counters_.requests;
  transports_[peer]->post(delivery::hello_path, "application/json", to_json(said),
                          [this](Result<PostReply> reply) {
                            bool const answers = reply && reply->status == 200;
                            if (fail_over_.probed(answers, clock_.monotonic())) change_ = true;
                            pump();
                          });
}

void Sender::call_back(std::optional<MonotonicTime> until, MonotonicTime now) {
  if (auto const at = fail_over_.probe_at(); at && (!until || *at < *until)) until = at;
  if (until)
    transports_[0]->call_after(std::max(*until - now, Nanoseconds::zero()), [this] { pump(); });
}

void Sender::pump() {
  auto const now = clock_.monotonic();
  if (change_ && !machine_.under_way()) change_aggregator();
  if (auto const at = fail_over_.probe_at(); at && *at <= now && !change_) probe();
  auto const action = machine_.next(now);
  if (auto const* hello = std::get_if<StreamSender::SayHello>(&action)) {
    say_hello(*hello);
  } else if (auto const* frames = std::get_if<StreamSender::Post>(&action)) {
    post(*frames);
  } else {
    return call_back(std::get<StreamSender::Wait>(action).until, now);
  }
  if (machine_.under_way()) call_back(std::nullopt, now);
}

void Sender::say_hello(StreamSender::SayHello const& hello) {
  bases_.clear();
  delivery::Hello const said{options_.agent, options_.instance, options_.boot_id, hello.epoch,
                             hello.first};
  ++counters_.requests;
  transport().post(delivery::hello_path, "application/json", to_json(said),
                   [this](Result<PostReply> reply) { on_hello(std::move(reply)); });
}

void Sender::post(StreamSender::Post const& post) {
  auto body = delivery::start_batches(options_.instance, clock_.wall());
  std::size_t frames = 0;
  posted_.clear();
  for (auto const& frame : post.frames) {
    // Kept before anything leaves: the next run must not give the place to another batch.
    if (frame.newly_placed && !one_of_many() && spool_.holds(frame.record))
      spool_says(spool_.place(frame.record, frame.place));
    if (frames > 0 && body.size() > request_bytes) continue;
    auto const tick = spool_.tick(frame.record);
    auto const bytes = encode(frame);
    if (!bytes) {
      drop({frame.record, tick.value_or(clock_.wall()), LossReason::damaged});
      continue;
    }
    delivery::add_frame(body, *bytes);
    counters_.frame_bytes += bytes->size();
    posted_.push_back(frame);
    ++frames;
  }
  if (frames == 0) {
    machine_.failed(clock_.monotonic(), 0);
    pump();
    return;
  }
  ++counters_.requests;
  transport().post(delivery::batches_path, batches_type, std::move(body),
                   [this](Result<PostReply> reply) { on_batches(std::move(reply)); });
}

Result<std::string> Sender::encode(StreamSender::Frame const& frame) {
  auto const recent = recent_.find(frame.record);
  if (recent == recent_.end()) {
    auto bytes = spool_.read(frame.record);
    if (!bytes) return bytes.error();
    restamp_key_frame(*bytes, machine_.epoch(), frame.place.lane, frame.place.sequence);
    ++counters_.key_frames;
    return bytes;
  }
  auto& batch = *recent->second;
  batch.stream.epoch = machine_.epoch();
  batch.lane = frame.place.lane;
  batch.sequence = frame.place.sequence;
  if (batch.lane == Lane::fresh) bases_[batch.sequence] = recent->second;
  if (bases_.size() > recent_batches) bases_.erase(bases_.begin());
  if (frame.base) {
    bases_.erase(bases_.begin(), bases_.lower_bound(*frame.base));
    if (auto const base = bases_.find(*frame.base); base != bases_.end()) {
      ++counters_.delta_frames;
      return encode_delta_frame(batch, *base->second);
    }
  }
  ++counters_.key_frames;
  return encode_key_frame(batch);
}

void Sender::on_hello(Result<PostReply> reply) {
  auto const now = clock_.monotonic();
  auto const parsed = reply && (reply->status == 200 || reply->status == 409)
                          ? delivery::parse_hello_reply(reply->body)
                          : Result<delivery::HelloReply>(Error{});
  // A welcome alone is no reason to stay: batches may be refused behind each one.
  if (parsed && parsed->kind != delivery::HelloReply::Kind::welcome) fail_over_.answered(now);
  if (!parsed) {
    on_failure(reply);
  } else if (parsed->kind == delivery::HelloReply::Kind::welcome) {
    machine_.welcomed(parsed->hi, now, dice());
    if (link_logged_) log_.info("the aggregator answers again");
    link_logged_ = false;
  } else if (parsed->kind == delivery::HelloReply::Kind::conflict) {
    if (++counters_.conflicts == 1)
      log_.error("the aggregator refuses: {}", printable(parsed->text));
    machine_.refused_conflict(now, dice());
  } else {
    log_.warning("the aggregator refuses: {}; this stream begins anew", printable(parsed->text));
    machine_.refused_old_epoch(parsed->epoch);
    spool_says(spool_.set_epoch(machine_.epoch()));
  }
  drop_done();
  pump();
}

void Sender::on_batches(Result<PostReply> reply) {
  auto const now = clock_.monotonic();
  auto const status = reply ? reply->status : 0;
  if (status == 400 || status == 413 || status == 422) {
    ++counters_.failed_requests;
    auto const before = machine_.set_aside();
    machine_.rejected(now, dice());
    // What it told may be the very thing that was not understood.
    if (machine_.set_aside() > before && !posted_.empty())
      counters_.dropped_rows += content_of(posted_.front().record).rows;
    if (machine_.set_aside() > before)
      log_.warning("a batch is set aside, the aggregator answered {}: {}", status,
                   printable(reply->body, 200));
  } else {
    auto const parsed = status == 200 || status == 409 ? delivery::parse_batches_reply(reply->body)
                                                       : Result<BatchesReply>(Error{});
    if (parsed) {
      fail_over_.answered(now);
      counters_.clock_offset = parsed->clock_offset;
      note_refused(*parsed);
      machine_.answered(*parsed, now, dice());
    } else {
      on_failure(reply);
    }
  }
  drop_done();
  posted_.clear();
  pump();
}

void Sender::on_failure(Result<PostReply> const& reply) {
  ++counters_.failed_requests;
  counters_.clock_offset.reset();
  if (!link_logged_) {
    auto const why =
        reply ? fmt::format("it answered {}: {}", reply->status, printable(reply->body, 200))
              : to_string(reply.error());
    log_.warning("nothing gets to {}: {}; batches wait in the spool",
                 options_.aggregators[fail_over_.current()], why);
  }
  link_logged_ = true;
  auto const now = clock_.monotonic();
  bool const later = reply && (reply->status == 429 || reply->status == 503);
  if (later && reply->retry_after)
    machine_.told_to_wait(*reply->retry_after, now, dice());
  else
    machine_.failed(now, dice());
  if (fail_over_.failed(now)) {
    link_logged_ = false;
    change_ = true;
  }
}

void Sender::note_refused(BatchesReply const& reply) {
  for (auto const& one : reply.refused)
    for (auto const& frame : posted_)
      if (frame.place.lane == one.lane && frame.place.sequence == one.sequence) {
        auto const content = content_of(frame.record);
        counters_.dropped_rows += content.rows;
        for (auto const& loss : content.losses) losses_.add(loss, step_);
        // What it told another has to, and before it is no more.
        if (!content.losses.empty())
          spool_says(spool_.lose(content.losses, std::array{frame.record}));
      }
  auto const now = clock_.monotonic();
  bool const first = refused_logged_.time_since_epoch() == Nanoseconds::min();
  if (reply.refused.empty() || (!first && now - refused_logged_ < refused_log_every)) return;
  refused_logged_ = now;
  auto const& refused = reply.refused.front();
  log_.warning("the aggregator refused {} batches for good, the first: {}", reply.refused.size(),
               printable(refused.reason));
}

void Sender::drop_done() {
  for (auto const record : machine_.take_done()) {
    ++counters_.acknowledged;
    spool_.done(record);
    recent_.erase(record);
  }
}

void Sender::flush_for_exit() { spool_says(spool_.sync()); }

SenderCounters Sender::counters() const {
  auto counters = counters_;
  counters.refused = machine_.refused();
  counters.set_aside = machine_.set_aside();
  counters.waiting = machine_.waiting();
  counters.aggregator = fail_over_.current();
  counters.epoch = machine_.epoch();
  counters.connected = machine_.connected();
  counters.spool = spool_.counters();
  return counters;
}

}  // namespace dadvisor::agent
