#include "tests/bench/simulated_agent.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/core/frame/frame.hpp"

namespace dadvisor::bench {
namespace {

using delivery::StreamSender;

constexpr std::size_t recent_batches = 2;  // kept as batches, for deltas; older ones as frames

MonotonicTime real_now() { return std::chrono::steady_clock::now(); }

Nanoseconds times(Nanoseconds time, double factor) {
  return std::chrono::duration_cast<Nanoseconds>(time * factor);
}

}  // namespace

SimulatedAgent::SimulatedAgent(FleetLink& link, WorkloadOptions const& options, unsigned number)
    : link_(link), workload_(options, number), dice_(options.seed * 1'000'003 + number) {}

SimulatedAgent::~SimulatedAgent() = default;

MonotonicTime SimulatedAgent::now() const {
  return MonotonicTime(times(real_now().time_since_epoch(), link_.speed));
}

void SimulatedAgent::produce() {
  auto batch = workload_.next();
  Record record{batch, {}, samples_of(*batch), batch->tick};
  link_.made_samples += record.samples;
  auto const number = next_record_++;
  records_.emplace(number, std::move(record));
  if (records_.size() > recent_batches) {
    auto& old = std::prev(records_.end(), recent_batches + 1)->second;
    if (old.batch) old.key_frame = encode_key_frame(*old.batch);
    old.batch.reset();
  }
  machine_.produced(number, 1, now());
  pump();
}

void SimulatedAgent::cut() {
  if (!under_way_) return;
  under_way_ = false;
  machine_.failed(now(), dice_.unit());
  pump();
}

void SimulatedAgent::pump() {
  auto const at = now();
  auto const action = machine_.next(at);
  if (std::holds_alternative<StreamSender::SayHello>(action)) {
    auto const& said = std::get<StreamSender::SayHello>(action);
    bases_.clear();
    ++link_.hellos;
    delivery::Hello const hello{workload_.name(), fmt::format("{:016x}", link_.instance),
                                "the fleet's", said.epoch, said.first};
    send(delivery::hello_path, "application/json", to_json(hello), &SimulatedAgent::on_hello);
  } else if (auto const* frames = std::get_if<StreamSender::Post>(&action)) {
    post(*frames);
  } else if (auto const until = std::get<StreamSender::Wait>(action).until) {
    timer_ = link_.loop.after(times(std::max(*until - at, Nanoseconds::zero()), 1 / link_.speed),
                              [this] { pump(); });
  }
}

void SimulatedAgent::post(StreamSender::Post const& post) {
  auto body = delivery::start_batches(fmt::format("{:016x}", link_.instance));
  for (auto const& frame : post.frames) {
    auto const bytes = encode(frame);
    link_.frame_bytes += bytes.size();
    ++link_.frames;
    delivery::add_frame(body, bytes);
  }
  ++link_.requests;
  send(delivery::batches_path, "application/x-dadvisor-batches", std::move(body),
       &SimulatedAgent::on_batches);
}

void SimulatedAgent::send(std::string_view path, std::string_view type, std::string body,
                          void (SimulatedAgent::*answered)(Result<http::Response> const&)) {
  under_way_ = true;
  posted_ = real_now();
  if (!link_.client) {
    // As a connection that is refused; never from within the call.
    timer_ = link_.loop.after(Nanoseconds::zero(), [this] { cut(); });
    return;
  }
  http::ClientRequest request;
  request.method = "POST";
  request.target = path;
  request.headers = {{"Content-Type", std::string(type)}};
  request.body = std::move(body);
  request.timeout = std::chrono::seconds(15);
  request.max_reply = 64 << 10;
  link_.client->request(std::move(request),
                        [this, answered](Result<http::Response> const& response) {
                          under_way_ = false;
                          (this->*answered)(response);
                          drop_done();
                          pump();
                        });
}

std::string SimulatedAgent::encode(StreamSender::Frame const& frame) {
  auto& record = records_.at(frame.record);
  if (!record.batch) {
    ++link_.key_frames;
    restamp_key_frame(record.key_frame, machine_.epoch(), frame.place.lane, frame.place.sequence);
    return record.key_frame;
  }
  auto& batch = *record.batch;
  batch.lane = frame.place.lane;
  batch.sequence = frame.place.sequence;
  if (batch.lane == Lane::fresh) bases_[batch.sequence] = record.batch;
  if (frame.base) {
    bases_.erase(bases_.begin(), bases_.lower_bound(*frame.base));
    if (auto const base = bases_.find(*frame.base); base != bases_.end())
      return encode_delta_frame(batch, *base->second);
  }
  ++link_.key_frames;
  return encode_key_frame(batch);
}

void SimulatedAgent::on_hello(Result<http::Response> const& response) {
  if (response && response->status == 200)
    if (auto const reply = delivery::parse_hello_reply(response->body))
      return machine_.welcomed(reply->hi, now(), dice_.unit());
  failed(response);
}

void SimulatedAgent::on_batches(Result<http::Response> const& response) {
  if (response && (response->status == 200 || response->status == 409)) {
    if (auto const reply = delivery::parse_batches_reply(response->body)) {
      auto const took = real_now() - posted_;
      link_.answer_ms.push_back(std::chrono::duration<float, std::milli>(took).count());
      link_.refused += reply->refused.size();
      return machine_.answered(*reply, now(), dice_.unit());
    }
  }
  failed(response);
}

void SimulatedAgent::failed(Result<http::Response> const& response) {
  ++link_.failed;
  if (link_.first_failure.empty())
    link_.first_failure = response ? fmt::format("{}: {}", response->status, response->body)
                                   : to_string(response.error());
  bool const later = response && (response->status == 429 || response->status == 503);
  if (later)
    machine_.told_to_wait(std::chrono::seconds(1), now(), dice_.unit());
  else
    machine_.failed(now(), dice_.unit());
}

void SimulatedAgent::drop_done() {
  auto const done = machine_.take_done();
  for (auto const number : done) {
    auto const at = records_.find(number);
    link_.acked_samples += at->second.samples;
    ++link_.acked_batches;
    newest_acked_ = std::max(newest_acked_, at->second.tick);
    records_.erase(at);
  }
  if (!done.empty()) link_.acknowledged();
}

}  // namespace dadvisor::bench
