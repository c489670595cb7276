#include "agent/runtimes.hpp"

#include "agent/identity/allow_list.hpp"
#include "agent/sample/process.hpp"

namespace dadvisor::agent {

using namespace std::chrono_literals;

Runtimes::Runtimes(Settings const& settings, http::Loop& loop, Clock const& clock, Log const& log,
                   std::function<void(std::string const&)> on_update) {
  WantedKeys const wanted{is_wanted_label, is_wanted_env};
  if (!settings.docker_socket.empty()) {
    DockerOptions options;
    options.socket_path = settings.docker_socket;
    options.wanted = wanted;
    options.on_update = std::move(on_update);
    docker_ = std::make_unique<DockerWatcher>(loop, clock, std::move(options), log.named("docker"));
  }
  if (!settings.containerd_socket.empty()) {
    ContainerdOptions options;
    options.socket_path = settings.containerd_socket;
    options.wanted = wanted;
    options.started = [proc_root = settings.proc_root](std::int64_t pid) {
      ReadBuffer buffer;
      return process_start_ns(proc_root, pid, buffer);
    };
    containerd_ = std::make_unique<ContainerdWatcher>(loop, clock, std::move(options),
                                                      log.named("containerd"));
  }
  if (auto const url = http::parse_url(settings.mesos_agent);
      url && !settings.mesos_agent.empty()) {
    MesosOptions options;
    options.url = *url;
    options.wanted = wanted;
    mesos_ = std::make_unique<MesosWatcher>(loop, clock, std::move(options), log.named("mesos"));
  }
}

std::vector<Container> Runtimes::snapshot() {
  auto all = docker_ ? docker_->snapshot() : std::vector<Container>();
  if (containerd_)
    for (auto& one : containerd_->snapshot()) all.push_back(std::move(one));
  if (mesos_)
    for (auto& one : mesos_->snapshot()) all.push_back(std::move(one));
  return all;
}

std::vector<RuntimeEvent> Runtimes::take_events() {
  auto all = docker_ ? docker_->take_events() : std::vector<RuntimeEvent>();
  if (containerd_)
    for (auto& one : containerd_->take_events()) all.push_back(std::move(one));
  return all;
}

RuntimeState Runtimes::state() const {
  RuntimeState state;
  state.docker = docker_ && docker_->up_to_date();
  if (containerd_) {
    auto const& names = containerd_->namespaces();
    state.namespaces = {names.begin(), names.end()};
    // One that has nothing beside Docker's own tells of nobody.
    state.containerd = containerd_->up_to_date() && !names.empty();
  }
  if (mesos_) {
    state.mesos = mesos_->expected();
    state.mesos_root = mesos_->cgroups_root();
  }
  return state;
}

void Runtimes::look(bool strangers) {
  if (mesos_) mesos_->look(strangers);
}

bool Runtimes::settled() const {
  return (!docker_ || docker_->settled()) && (!containerd_ || containerd_->settled());
}

RuntimesSettled::RuntimesSettled(http::Loop& loop, Clock const& clock, Runtimes const& runtimes,
                                 std::function<void()> then)
    : loop_(loop),
      clock_(clock),
      runtimes_(runtimes),
      then_(std::move(then)),
      until_(clock.monotonic() + 2s) {
  look();
}

void RuntimesSettled::look() {
  bool const go = runtimes_.settled() || clock_.monotonic() >= until_;
  timer_ = loop_.after(go ? 0ms : 10ms, [this, go] {
    if (!go) return look();
    auto const then = std::move(then_);
    then();
  });
}

}  // namespace dadvisor::agent
