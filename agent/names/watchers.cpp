#include "agent/names/watchers.hpp"

#include <utility>

#include "agent/host/process_start.hpp"
#include "agent/identity/allow_list.hpp"

namespace dadvisor::agent {

Watchers::Watchers(http::Loop& loop, Clock const& clock, WatchersOptions options, Log const& log)
    : on_change_(options.on_change) {
  WantedKeys const wanted{is_wanted_label, is_wanted_env};
  if (!options.docker_socket.empty()) {
    DockerOptions docker;
    docker.socket_path = std::move(options.docker_socket);
    docker.wanted = wanted;
    docker.on_update = std::move(options.on_update);
    docker.on_change = options.on_change;
    docker_ = std::make_unique<DockerWatcher>(loop, clock, std::move(docker), log.named("docker"));
  }
  if (!options.containerd_socket.empty()) {
    ContainerdOptions containerd;
    containerd.socket_path = std::move(options.containerd_socket);
    containerd.wanted = wanted;
    containerd.on_change = std::move(options.on_change);
    containerd.started = [proc_root = std::move(options.proc_root)](std::int64_t pid) {
      ReadBuffer buffer;
      return process_start_ns(proc_root, pid, buffer);
    };
    containerd_ = std::make_unique<ContainerdWatcher>(loop, clock, std::move(containerd),
                                                      log.named("containerd"));
  }
}

std::vector<Container> Watchers::snapshot() {
  auto all = docker_ ? docker_->snapshot() : std::vector<Container>();
  if (containerd_)
    for (auto& one : containerd_->snapshot()) all.push_back(std::move(one));
  return all;
}

std::vector<RuntimeEvent> Watchers::take_events() {
  auto all = docker_ ? docker_->take_events() : std::vector<RuntimeEvent>();
  if (containerd_)
    for (auto& one : containerd_->take_events()) all.push_back(std::move(one));
  for (auto& one : std::exchange(unknown_, {})) all.push_back(std::move(one));
  return all;
}

void Watchers::missed(std::vector<Container> lives, WallTime seen) {
  std::vector<Container> of_docker;
  for (auto& life : lives) {
    if (docker_ && life.runtime == "docker" && is_container_id(life.id)) {
      of_docker.push_back(std::move(life));
      continue;
    }
    life.running = life.paused = false;
    life.pid = 0;
    unknown_.push_back({RuntimeEvent::Kind::exit, std::move(life), 0, std::nullopt, false});
  }
  if (docker_) docker_->missed(std::move(of_docker), seen);
  if (!unknown_.empty() && on_change_) on_change_();
}

RuntimeReport Watchers::report() const {
  RuntimeReport report;
  if (docker_)
    report.docker = {true, docker_->up_to_date(), docker_->trouble(), docker_->counters()};
  if (containerd_) {
    report.containerd = {true, containerd_->up_to_date(), containerd_->trouble(),
                         containerd_->counters()};
    auto const& names = containerd_->namespaces();
    report.namespaces = {names.begin(), names.end()};
  }
  return report;
}

bool Watchers::settled() const {
  return (!docker_ || docker_->settled()) && (!containerd_ || containerd_->settled());
}

}  // namespace dadvisor::agent
