#include "agent/mesos/mesos_watcher.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dadvisor::agent {

MesosWatcher::MesosWatcher(http::Loop& loop, Clock const& clock, MesosOptions options, Log log)
    : loop_(loop),
      clock_(clock),
      options_(std::move(options)),
      log_(std::move(log)),
      pause_(options_.least_pause) {
  while (options_.url.target.ends_with('/')) options_.url.target.pop_back();
}

MesosWatcher::~MesosWatcher() = default;

void MesosWatcher::look(bool strangers) {
  auto const now = clock_.monotonic();
  if (!strangers && !trouble_) pause_ = options_.least_pause;
  if (asking_ || (next_ && now < *next_)) return;
  bool const due = answered_ && !names_.empty() && (!due_ || now >= *due_);
  if (!strangers && !due) return;
  asking_ = true;
  ask("/state", &MesosWatcher::on_state);
}

std::vector<Container> MesosWatcher::snapshot() const {
  std::vector<Container> containers;
  containers.reserve(names_.size());
  for (auto const& [id, container] : names_) containers.push_back(container);
  return containers;
}

void MesosWatcher::ask(char const* target, void (MesosWatcher::*then)(std::string const&)) {
  if (!client_) client_ = std::make_unique<http::Client>(loop_, options_.url.origin);
  http::ClientRequest request;
  request.target = options_.url.target + target;
  request.timeout = options_.request_timeout;
  request.max_reply = options_.max_reply;
  ++counters_.requests;
  client_->request(std::move(request), [this, target, then](Result<http::Response> const& reply) {
    if (!reply) return fail(reply.error());
    if (reply->status == 200) return (this->*then)(reply->body);
    // Before 1.0 there is no /containers, and it may be another's right than /state.
    if (then == &MesosWatcher::on_containers) return answered();
    auto const code =
        reply->status == 401 || reply->status == 403 ? Errc::denied : Errc::unsupported;
    fail({code, 0, fmt::format("{} answers {}", target, reply->status)});
  });
}

void MesosWatcher::on_state(std::string const& body) {
  auto state = mesos::parse_state(body, options_.wanted);
  if (!state) {
    ++counters_.malformed;
    return fail(state.error());
  }
  cgroups_root_ = std::move(state->cgroups_root);
  coming_ = std::move(state->names);
  ask("/containers?show_nested=true", &MesosWatcher::on_containers);
}

void MesosWatcher::on_containers(std::string const& body) {
  // What /state told stands without it.
  if (!mesos::add_containers(body, coming_)) ++counters_.malformed;
  answered();
}

void MesosWatcher::answered() {
  auto const now = clock_.monotonic();
  names_ = std::move(coming_);
  coming_.clear();
  if (!answered_ || trouble_)
    log_.info("the Mesos agent at {} answers, {} containers", to_string(options_.url.origin),
              names_.size());
  asking_ = false;
  answered_ = true;
  if (trouble_) pause_ = options_.least_pause;
  trouble_.reset();
  // Some have no name there either.
  next_ = now + pause_;
  pause_ = std::min(pause_ * 2, options_.most_pause);
  due_ = now + options_.pace;
}

void MesosWatcher::fail(Error error) {
  ++counters_.failures;
  if (!trouble_) {
    auto const line = fmt::format(
        "the Mesos agent at {} does not tell its containers' names: {}; it is tried again",
        to_string(options_.url.origin), printable(to_string(error)));
    // It was only guessed that there is one.
    if (!answered_ && error.code == Errc::unavailable)
      log_.info("{}", line);
    else
      log_.warning("{}", line);
    pause_ = options_.least_pause;
  }
  trouble_ = std::move(error);
  asking_ = false;
  next_ = clock_.monotonic() + pause_;
  pause_ = std::min(pause_ * 2, options_.most_pause);
}

}  // namespace dadvisor::agent
