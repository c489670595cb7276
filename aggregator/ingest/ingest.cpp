#include "aggregator/ingest/ingest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "common/core/foreign.hpp"

namespace dadvisor::aggregator::ingest {
namespace {

using delivery::BatchesReply;
using delivery::StreamReceiver;

constexpr std::size_t held_bases = 16;   // whatever becomes of its requests
constexpr std::size_t waiting_jobs = 4;  // of one agent, which has one request at a time
constexpr std::chrono::seconds soon{1};
constexpr std::size_t kept_lost = 32;
constexpr std::size_t kept_offsets = 4;

bool is_backlog(FrameHeader const& header) { return header.lane == Lane::backlog; }

// The one that was the least time on its way.
std::optional<Nanoseconds> least_delayed(std::deque<Nanoseconds> const& offsets) {
  if (offsets.empty()) return std::nullopt;
  return *std::max_element(offsets.begin(), offsets.end());
}

}  // namespace

// A request that is not answered yet.
struct Ingest::Job {
  // Of the frames of batches only the fresh ones are left; returns how many went. What is not
  // acknowledged comes again.
  std::size_t leave_backlog();

  std::optional<delivery::Hello> hello;  // else batches:
  std::string body;
  delivery::Batches batches;         // views of body
  std::vector<FrameHeader> headers;  // of its frames
  std::size_t next = 0;              // frame
  std::optional<Nanoseconds> clock_offset;
  BatchesReply answer;
  ReplyCallback reply;
};

std::size_t Ingest::Job::leave_backlog() {
  std::vector<FrameHeader> fresh_headers;
  std::vector<std::string_view> fresh;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (is_backlog(headers[i])) continue;
    fresh_headers.push_back(std::move(headers[i]));
    fresh.push_back(batches.frames[i]);
  }
  std::size_t const left = headers.size() - fresh_headers.size();
  headers = std::move(fresh_headers);
  batches.frames = std::move(fresh);
  return left;
}

struct Ingest::Agent {
  explicit Agent(std::string name) : id(name), receiver(std::move(name)) {}
  std::string id;
  StreamReceiver receiver;
  // Batches of the fresh lane that a delta frame may name: the newest one that was acknowledged,
  // and those of the request under way.
  Bases bases;
  SlotEntities sound_entities;  // those of its last batch to which nothing was objected
  std::deque<std::unique_ptr<Job>> jobs;
  std::optional<WallTime> newest_tick;    // of its durable batches
  std::deque<Nanoseconds> clock_offsets;  // of its last requests
  bool clock_logged = false;
  bool appending = false;       // a batch of the first job is on its way to the store
  bool running = false;         // run() is below us on the stack
  bool logged_refusal = false;  // since its last batch that was taken
  bool logged_conflict = false;
};

// What became of a batch that was handed to the store.
struct Ingest::Appended {
  Agent* agent = nullptr;  // never taken away while the Ingest lives
  std::shared_ptr<HeldBatch> base;
  std::size_t frame_bytes = 0;
  Result<void> result;
};

// The store's answers on their way to the io thread. It answers all that one sync made durable at
// once: they come in one call, since to wake a thread for each costs more than the answer.
class Ingest::AppendedQueue : public std::enable_shared_from_this<AppendedQueue> {
 public:
  AppendedQueue(Ingest& owner, Post post) : owner_(&owner), post_(std::move(post)) {}

  // Any thread.
  void add(Appended answer) {
    {
      std::lock_guard const lock(mutex_);
      answers_.push_back(std::move(answer));
      if (answers_.size() > 1) return;  // they are fetched already
    }
    post_([self = shared_from_this()] { self->hand_over(); });
  }
  // On the io thread: what comes from now on is for nobody.
  void close() { owner_ = nullptr; }

 private:
  void hand_over() {
    std::vector<Appended> answers;
    {
      std::lock_guard const lock(mutex_);
      answers.swap(answers_);
    }
    if (owner_ != nullptr)
      for (Appended const& answer : answers) owner_->appended(answer);
  }

  Ingest* owner_;  // of the io thread
  Post const post_;
  std::mutex mutex_;
  std::vector<Appended> answers_;
};

Ingest::Ingest(IngestOptions options, store::Appender& appender, Clock const& clock, Post post,
               Log log)
    : options_(std::move(options)),
      appender_(appender),
      clock_(clock),
      log_(std::move(log)),
      appended_(std::make_shared<AppendedQueue>(*this, std::move(post))) {
  for (auto const& mark : appender_.marks()) {
    if (is_foreign(mark.stream)) continue;
    auto& agent = agents_[mark.stream.agent];
    if (!agent) agent = std::make_unique<Agent>(mark.stream.agent);
    agent->receiver.restore(mark.stream.epoch, mark.lane, mark.sequence);
  }
}

Ingest::~Ingest() { appended_->close(); }

Ingest::Agent* Ingest::find(std::string const& id) {
  auto const at = agents_.find(id);
  return at == agents_.end() ? nullptr : at->second.get();
}

void Ingest::reject(ReplyCallback const& reply, Error const& error) {
  ++counters_.malformed;
  unsigned const status = error.code == Errc::too_large     ? 413
                          : error.code == Errc::unsupported ? 415
                                                            : 400;
  reply({status, error.context + "\n", std::nullopt});
}

void Ingest::turn_away(ReplyCallback const& reply, unsigned status, std::string text) {
  ++counters_.turned_away;
  reply({status, std::move(text), soon});
}

bool Ingest::deny(Proven const& proven, std::string const& agent, ReplyCallback const& reply) {
  if (proven.empty() || std::ranges::find(proven, agent) != proven.end()) return false;
  ++counters_.denied;
  reply({403,
         fmt::format("what was shown is {}'s, and this is of {}\n", printable(proven.front(), 255),
                     printable(agent, 255)),
         std::nullopt});
  return true;
}

void Ingest::hello(std::string body, Proven const& proven, ReplyCallback reply) {
  auto hello = delivery::parse_hello(body);
  if (!hello) return reject(reply, hello.error());
  if (!is_agent_id(hello->agent))
    return reject(reply, Error{Errc::malformed, 0, "hello: an agent id that cannot be printed"});
  if (deny(proven, hello->agent, reply)) return;
  auto* agent = find(hello->agent);
  if (agent == nullptr) {
    if (agents_.size() >= options_.max_agents) return turn_away(reply, 503, "too many agents\n");
    agent = (agents_[hello->agent] = std::make_unique<Agent>(hello->agent)).get();
  }
  auto job = std::make_unique<Job>();
  job->hello = std::move(*hello);
  job->reply = std::move(reply);
  enqueue(*agent, std::move(job));
}

void Ingest::batches(std::string body, Proven const& proven, ReplyCallback reply) {
  ++counters_.requests;
  auto job = std::make_unique<Job>();
  job->body = std::move(body);
  auto batches = delivery::parse_batches(job->body);
  if (!batches) return reject(reply, batches.error());
  for (auto const frame : batches->frames) {
    auto header = peek_frame(frame);
    if (!header) return reject(reply, header.error());
    if (header->sequence == 0)
      return reject(reply, Error{Errc::malformed, 0, "frame: without a sequence"});
    if (!job->headers.empty() && header->stream != job->headers.front().stream)
      return reject(reply, Error{Errc::malformed, 0, "batches: of two streams"});
    job->headers.push_back(std::move(*header));
  }
  auto const& id = job->headers.front().stream.agent;
  if (deny(proven, id, reply)) return;
  auto* const agent = find(id);
  if (agent == nullptr) {
    BatchesReply answer;
    answer.want = BatchesReply::Want::hello;
    return reply({delivery::status_of(answer), delivery::to_json(answer), std::nullopt});
  }
  if (counters_.waiting_bytes + job->body.size() > options_.max_waiting_bytes)
    return turn_away(reply, 503, "too much is waiting for the disk\n");
  // Behind an outage all agents have a backlog: half of the room is for what is fresh.
  auto const unapplied = appender_.unapplied_cells();
  bool const no_backlog = unapplied > options_.max_unapplied_cells / 2;
  if (unapplied > options_.max_unapplied_cells ||
      (no_backlog && std::ranges::all_of(job->headers, is_backlog)))
    return turn_away(reply, 503, "too much is waiting to be worked in\n");
  job->batches = std::move(*batches);
  if (no_backlog) counters_.postponed += job->leave_backlog();
  job->reply = std::move(reply);
  if (job->batches.sent) {
    job->clock_offset = *job->batches.sent - clock_.wall();
    see_clock(*agent, *job->clock_offset);
    job->answer.clock_offset = least_delayed(agent->clock_offsets);
  }
  enqueue(*agent, std::move(job));
}

void Ingest::see_clock(Agent& agent, Nanoseconds offset) {
  agent.clock_offsets.push_back(offset);
  if (agent.clock_offsets.size() > kept_offsets) agent.clock_offsets.pop_front();
  auto const least = *least_delayed(agent.clock_offsets);
  bool const off = std::chrono::abs(least) > told_clock_offset;
  if (off && !agent.clock_logged)
    log_.warning("{}: its clock is {}; set it by NTP", agent.id, clock_text(least));
  else if (!off && agent.clock_logged)
    log_.info("{}: its clock is right again", agent.id);
  agent.clock_logged = off;
}

void Ingest::enqueue(Agent& agent, std::unique_ptr<Job> job) {
  if (agent.jobs.size() >= waiting_jobs)
    return turn_away(job->reply, 429, "one request at a time\n");
  counters_.waiting_bytes += job->body.size();
  agent.jobs.push_back(std::move(job));
  run(agent);
}

void Ingest::run(Agent& agent) {
  if (agent.running) return;
  agent.running = true;
  while (!agent.jobs.empty() && !agent.appending) {
    auto& job = *agent.jobs.front();
    if (job.hello)
      answer_hello(agent, job);
    else if (!advance(agent, job))
      break;
  }
  agent.running = false;
}

void Ingest::answer_hello(Agent& agent, Job& job) {
  ++counters_.hellos;
  auto const lost = agent.receiver.lost();
  auto const answer = agent.receiver.hello(*job.hello, clock_.monotonic());
  if (answer.kind == delivery::HelloReply::Kind::welcome) {
    agent.bases.clear();
    agent.logged_conflict = false;
    if (auto const more = agent.receiver.lost() - lost; more > 0) {
      counters_.lost += more;
      log_.warning("{} lost {} batches before they were sent", agent.id, more);
    }
    for (auto const& range : agent.receiver.lost_ranges()) {
      lost_.push_back({agent.id, agent.receiver.epoch(), range, clock_.wall(), agent.newest_tick});
      if (lost_.size() > kept_lost) lost_.pop_front();
    }
  } else {
    if (answer.kind == delivery::HelloReply::Kind::conflict) ++counters_.conflicts;
    if (!agent.logged_conflict) log_.error("{}: {}", agent.id, answer.text);
    agent.logged_conflict = true;
  }
  finish(agent, {delivery::status_of(answer), delivery::to_json(answer), std::nullopt});
}

bool Ingest::advance(Agent& agent, Job& job) {
  using Verdict = StreamReceiver::Verdict;
  for (; job.next < job.headers.size(); ++job.next) {
    auto const& header = job.headers[job.next];
    auto const frame = job.batches.frames[job.next];
    auto base = agent.bases.end();
    if (header.base && header.lane == Lane::fresh) base = agent.bases.find(*header.base);
    auto const verdict = agent.receiver.judge(header, job.batches.instance,
                                              base != agent.bases.end(), clock_.monotonic());
    if (verdict == Verdict::repeat) {
      ++counters_.repeated;
      continue;
    }
    if (verdict != Verdict::apply) {
      job.answer.want = verdict == Verdict::gap   ? BatchesReply::Want::sequence
                        : verdict == Verdict::key ? BatchesReply::Want::key
                                                  : BatchesReply::Want::hello;
      job.answer.lane = header.lane;
      job.answer.sequence = agent.receiver.acked()[header.lane] + 1;
      break;
    }
    auto objection = object_to_clock(job.clock_offset);
    if (!objection) objection = object_to_stamp(header, clock_.wall());
    if (objection) {
      refuse(agent, job, header, *objection);
      continue;
    }
    auto batch = decode(agent, job, base);
    if (!batch) {
      ++counters_.malformed;
      finish(agent, {400, batch.error().context + "\n", std::nullopt});
      return true;
    }
    objection = object_to_rows(*batch, agent.sound_entities);
    if (objection) {
      refuse(agent, job, header, *objection);
      continue;
    }
    agent.sound_entities = batch->entities;
    append(agent, frame, std::move(*batch));
    return false;
  }
  job.answer.acked = agent.receiver.acked();
  // The sender's next deltas run against the newest batch that this answer acknowledges. Where the
  // answer does not arrive, they may name an older one: then it is asked for a key frame.
  if (agent.bases.size() > 1) agent.bases.erase(agent.bases.begin(), std::prev(agent.bases.end()));
  finish(agent, {delivery::status_of(job.answer), delivery::to_json(job.answer), std::nullopt});
  return true;
}

// The batch of the job's next frame, whose base is at `base`, if it has one.
Result<Batch> Ingest::decode(Agent& agent, Job const& job, Bases::iterator base) {
  auto const frame = job.batches.frames[job.next];
  if (base == agent.bases.end()) {
    // Key frames repeat what was known: whoever follows sees by the shared list that it still is.
    auto const known =
        agent.bases.empty() ? SlotEntities() : agent.bases.rbegin()->second->batch().entities;
    return decode_frame(frame, nullptr, CrcCheck::done, known);
  }
  // Who has sent the last frame of a request sends its next one against that, unless it cannot be
  // kept: then a key frame is asked for.
  bool const last = job.next + 1 == job.headers.size();
  if (!last || base->second->lent())
    return decode_frame(frame, &base->second->batch(), CrcCheck::done);
  auto const used_up = std::move(base->second);
  agent.bases.erase(base);
  return decode_frame(frame, std::move(used_up->batch()), CrcCheck::done);
}

void Ingest::refuse(Agent& agent, Job& job, FrameHeader const& header, Objection const& objection) {
  using Kind = Objection::Kind;
  ++(objection.kind == Kind::ahead    ? counters_.quarantined
     : objection.kind == Kind::behind ? counters_.too_old
                                      : counters_.unfit);
  if (!agent.logged_refusal) log_.warning("{}: refused: {}", agent.id, objection.reason);
  agent.logged_refusal = true;
  job.answer.refused.push_back({header.lane, header.sequence, objection.reason});
  agent.receiver.durable(header.lane, header.sequence);
}

void Ingest::append(Agent& agent, std::string_view frame, Batch decoded) {
  agent.appending = true;
  auto const base = std::make_shared<HeldBatch>(std::move(decoded));
  appender_.append(
      std::string(frame), HeldBatch::lend(base),
      [queue = appended_, its = &agent, base, size = frame.size()](Result<void> result) {
        queue->add({its, base, size, std::move(result)});
      });
}

void Ingest::appended(Appended const& answer) {
  Agent& agent = *answer.agent;
  Batch const& batch = answer.base->batch();
  agent.appending = false;
  if (!answer.result) {
    if (++counters_.append_failures == 1)
      log_.error("a batch cannot be kept: {}", to_string(answer.result.error()));
    ++counters_.turned_away;
    finish(agent, {503, "it cannot be kept now\n", soon});
    return run(agent);
  }
  ++counters_.batches;
  counters_.rows += batch.rows.size();
  counters_.frame_bytes += answer.frame_bytes;
  agent.logged_refusal = false;
  agent.newest_tick = std::max(agent.newest_tick.value_or(batch.tick), batch.tick);
  agent.receiver.durable(batch.lane, batch.sequence);
  if (batch.lane == Lane::fresh) {
    agent.bases[batch.sequence] = answer.base;
    if (agent.bases.size() > held_bases) agent.bases.erase(agent.bases.begin());
  }
  ++agent.jobs.front()->next;
  run(agent);
}

void Ingest::finish(Agent& agent, Reply reply) {
  auto const job = std::move(agent.jobs.front());
  agent.jobs.pop_front();
  counters_.waiting_bytes -= job->body.size();
  job->reply(std::move(reply));
}

IngestCounters Ingest::counters() const {
  auto counters = counters_;
  counters.agents = agents_.size();
  return counters;
}

std::vector<StreamView> Ingest::streams() const {
  std::vector<StreamView> all;
  all.reserve(agents_.size());
  for (auto const& [id, agent] : agents_)
    all.push_back({id, agent->newest_tick, least_delayed(agent->clock_offsets)});
  return all;
}

}  // namespace dadvisor::aggregator::ingest
