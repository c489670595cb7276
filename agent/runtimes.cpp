#include "agent/runtimes.hpp"

#include <sys/stat.h>

#include "agent/identity/allow_list.hpp"
#include "agent/names/remembered_containers.hpp"

namespace dadvisor::agent {

using namespace std::chrono_literals;

namespace {

// Its file is there from systemd's start on, whether the resolver runs or not.
bool there_is_socket(std::string const& path) {
  struct stat file {};
  return !path.empty() && ::stat(path.c_str(), &file) == 0 && S_ISSOCK(file.st_mode);
}

}  // namespace

Runtimes::Runtimes(Settings const& settings, http::Loop& loop, Clock const& clock, Log const& log,
                   std::function<void(std::string const&)> on_update, std::string const& memory) {
  if (there_is_socket(settings.resolver_socket)) {
    ResolverClientOptions options;
    options.socket_path = settings.resolver_socket;
    options.on_update = std::move(on_update);
    auto client =
        std::make_unique<ResolverClient>(loop, clock, std::move(options), log.named("resolver"));
    resolver_ = client.get();
    names_ = std::move(client);
  } else {
    WatchersOptions options;
    options.docker_socket = settings.docker_socket;
    options.containerd_socket = settings.containerd_socket;
    options.proc_root = settings.proc_root;
    options.on_update = std::move(on_update);
    names_ = std::make_unique<Watchers>(loop, clock, std::move(options), log);
  }
  if (!memory.empty())
    names_ = std::make_unique<RememberedContainers>(std::move(names_), memory, settings.proc_root,
                                                    clock, log.named("names"));
  if (auto const url = http::parse_url(settings.mesos_agent);
      url && !settings.mesos_agent.empty()) {
    MesosOptions options;
    options.url = *url;
    options.wanted = {is_wanted_label, is_wanted_env};
    mesos_ = std::make_unique<MesosWatcher>(loop, clock, std::move(options), log.named("mesos"));
  }
}

std::vector<Container> Runtimes::snapshot() {
  auto all = names_->snapshot();
  if (mesos_)
    for (auto& one : mesos_->snapshot()) all.push_back(std::move(one));
  return all;
}

std::vector<RuntimeEvent> Runtimes::take_events() { return names_->take_events(); }

RuntimeState Runtimes::state() const {
  auto report = names_->report();
  RuntimeState state;
  state.docker = report.docker.up;
  // One that has nothing beside Docker's own tells of nobody.
  state.containerd = report.containerd.up && !report.namespaces.empty();
  state.namespaces = std::move(report.namespaces);
  if (mesos_) {
    state.mesos = mesos_->expected();
    state.mesos_root = mesos_->cgroups_root();
  }
  return state;
}

void Runtimes::look(bool strangers) {
  if (mesos_) mesos_->look(strangers);
}

bool Runtimes::settled() const { return names_->settled(); }

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
