#include "agent/docker/docker_watcher.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace dadvisor::agent {
namespace {

// The newest API that was tried with this code; older daemons are spoken to in theirs.
constexpr std::string_view our_version = "1.51";
constexpr std::size_t inspects_at_once = 4;
constexpr std::size_t max_inspect = 8 << 20;
constexpr std::size_t remembered_events = 512;  // the daemon keeps 256
constexpr std::size_t most_told = 4096;
constexpr std::int64_t killed = 128 + 9;  // the exit code of what SIGKILL ended
constexpr auto keep_ended = std::chrono::minutes(1);
// Without it exec health checks flood the stream.
constexpr std::string_view filters =
    R"({"type":["container"],"event":["start","die","oom","pause","unpause","rename","update","destroy"]})";

Error strange(std::string answer) { return {Errc::malformed, 0, std::move(answer)}; }

}  // namespace

DockerWatcher::DockerWatcher(http::Loop& loop, Clock const& clock, DockerOptions options, Log log)
    : loop_(loop),
      clock_(clock),
      options_(std::move(options)),
      log_(std::move(log)),
      backoff_(options_.least_pause, options_.most_pause),
      missed_({[this](auto const& target, std::size_t max_reply, auto callback) {
                 get(target, max_reply, std::move(callback));
               },
               [this](RuntimeEvent event) {
                 ++counters_.exits;
                 tell(std::move(event));
                 changed();
               },
               [this](Error why) { fail(std::move(why)); }},
              options_.wanted) {
  greet();
}

DockerWatcher::~DockerWatcher() = default;

std::vector<Container> DockerWatcher::snapshot() {
  auto const now = clock_.monotonic();
  for (auto one = known_.begin(); one != known_.end();) {
    auto& known = one->second;
    bool const old = known.ended && now - *known.ended > keep_ended;
    if (old) release(known);
    one = old ? known_.erase(one) : std::next(one);
  }
  std::vector<Container> containers;
  containers.reserve(known_.size());
  for (auto const& [id, known] : known_) containers.push_back(known.container);
  return containers;
}

void DockerWatcher::get(std::string const& target, std::size_t max_reply,
                        std::function<void(Result<http::Response> const&)> callback) {
  http::ClientRequest request;
  request.target = target;
  request.timeout = options_.request_timeout;
  request.max_reply = max_reply;
  client_->request(std::move(request), std::move(callback));
}

void DockerWatcher::greet() {
  state_ = State::greeting;
  wanted_.clear();
  queued_.clear();
  inspecting_.clear();
  events_.reset();
  http::ClientOptions connections;
  connections.max_connections = inspects_at_once;
  client_ =
      std::make_unique<http::Client>(loop_, http::Origin{"", 0, options_.socket_path}, connections);
  get("/_ping", 4096, [this](Result<http::Response> const& reply) { on_ping(reply); });
}

void DockerWatcher::on_ping(Result<http::Response> const& reply) {
  if (!reply) return fail(reply.error());
  if (reply->status != 200) return fail(strange(fmt::format("/_ping answers {}", reply->status)));
  auto const version = http::header(reply->headers, "Api-Version");
  prefix_ = versioned_ ? "/v" + lesser_version(version.value_or(""), our_version) : "";
  if (version || !versioned_) return open_stream();
  // A daemon older than 1.24 tells its version only here.
  get("/version", 1 << 20, [this](Result<http::Response> const& answer) {
    if (!answer) return fail(answer.error());
    auto const told = parse_api_version(answer->body);
    if (!told) return fail(told.error());
    prefix_ = "/v" + lesser_version(*told, our_version);
    open_stream();
  });
}

// Before the list, so that nothing can happen between the two unseen.
void DockerWatcher::open_stream() {
  state_ = State::listing;
  http::ClientRequest request;
  request.target = prefix_ + "/events?filters=" + http::percent_encode(filters);
  if (last_event_ > 0) {
    request.target +=
        fmt::format("&since={}.{:09}", last_event_ / 1'000'000'000, last_event_ % 1'000'000'000);
  }
  request.timeout = options_.request_timeout;
  http::StreamCallbacks callbacks;
  callbacks.on_headers = [this](http::Response const& response) {
    if (response.status == 200) return list();
    if (response.status == 400 && versioned_) versioned_ = false;  // its newest, whatever it is
    fail(strange(fmt::format("/events answers {}", response.status)));
  };
  callbacks.on_data = [this](std::string_view bytes) {
    auto const fed = events_.feed(bytes, [this](DockerEvent const& event) { on_event(event); });
    if (fed) return;
    ++counters_.malformed;
    fail(fed.error());
  };
  callbacks.on_end = [this](Result<void> const& end) {
    fail(end ? Error{Errc::unavailable, 0, "the event stream ended"} : end.error());
  };
  stream_ = client_->stream(std::move(request), std::move(callbacks));
}

void DockerWatcher::list() {
  get(prefix_ + "/containers/json", options_.max_list,
      [this](Result<http::Response> const& reply) { on_list(reply); });
}

void DockerWatcher::on_list(Result<http::Response> const& reply) {
  if (!reply) return fail(reply.error());
  if (reply->status != 200)
    return fail(strange(fmt::format("the list's answer is {}", reply->status)));
  auto const ids = parse_list(reply->body);
  if (!ids) {
    ++counters_.malformed;
    return fail(ids.error());
  }
  for (auto const& id : *ids) want(id);
  // Those that the list does not name have ended, or began after it was made.
  for (auto const& [id, known] : known_) {
    if (!known.ended) want(id);
  }
  if (wanted_.empty() && inspecting_.empty()) settle();
}

bool DockerWatcher::seen_before(DockerEvent const& event) {
  if (event.time_nano == 0) return false;
  if (!recent_set_.insert(event).second) return true;
  recent_.push_back(event);
  if (recent_.size() > remembered_events) {
    recent_set_.erase(recent_.front());
    recent_.pop_front();
  }
  return false;
}

void DockerWatcher::on_event(DockerEvent const& event) {
  if (seen_before(event)) {
    ++counters_.duplicate_events;
    return;
  }
  ++counters_.events;
  last_event_ = std::max(last_event_, event.time_nano);
  if (event.action == "oom") {
    on_oom(event);
  } else if (event.action == "die" || event.action == "destroy") {
    if (event.action == "destroy") {
      forget(event.id, event);
    } else if (auto const known = known_.find(event.id); known != known_.end()) {
      ended(known->second, event);
      if (known->second.held) want(event.id);
    }
    // An inspect under way may have been answered before that.
    if (auto const under_way = inspecting_.find(event.id); under_way != inspecting_.end()) {
      under_way->second = true;
    }
  } else {
    if (event.action == "update" && options_.on_update) options_.on_update(event.id);
    want(event.id);
  }
  changed();
}

void DockerWatcher::want(std::string const& id) {
  if (auto const under_way = inspecting_.find(id); under_way != inspecting_.end()) {
    under_way->second = true;
  } else if (queued_.insert(id).second) {
    wanted_.push_back(id);
    inspect_next();
  }
}

void DockerWatcher::inspect_next() {
  while (!wanted_.empty() && inspecting_.size() < inspects_at_once) {
    auto const id = std::move(wanted_.front());
    wanted_.pop_front();
    queued_.erase(id);
    inspecting_.emplace(id, false);
    get(prefix_ + "/containers/" + id + "/json", max_inspect,
        [this, id](Result<http::Response> const& reply) { on_inspect(id, reply); });
  }
}

void DockerWatcher::on_inspect(std::string const& id, Result<http::Response> const& reply) {
  bool const again = inspecting_[id];
  inspecting_.erase(id);
  if (!reply && reply.error().code != Errc::too_large) return fail(reply.error());
  if (again) {
    want(id);
  } else if (reply && reply->status == 404) {
    if (!known_.contains(id)) ++counters_.untold;
    forget(id, {});
  } else {
    Result<Container> container = Error{Errc::malformed, 0, ""};
    if (!reply) {
      container = reply.error();
    } else if (reply->status != 200) {
      container = Error{Errc::malformed, 0, fmt::format("the answer is {}", reply->status)};
    } else {
      container = parse_inspect(reply->body, options_.wanted);
    }
    if (container && container->id == id) {
      apply(std::move(*container));
    } else {
      if (auto const known = known_.find(id); known != known_.end()) release(known->second);
      // One container that cannot be told must not hide the others: it goes unnamed.
      ++counters_.malformed;
      if (!malformed_logged_) {
        log_.warning("inspect of {}: {}; further ones like it are only counted", id,
                     container ? "another container's" : printable(to_string(container.error())));
        malformed_logged_ = true;
      }
    }
  }
  inspect_next();
  if (state_ == State::watching) changed();
  if (wanted_.empty() && inspecting_.empty() && state_ == State::listing) settle();
}

void DockerWatcher::apply(Container container) {
  auto const [place, added] = known_.try_emplace(container.id);
  auto& known = place->second;
  bool const another_life = added || known.container.started_ns != container.started_ns;
  bool const was_running = !added && known.container.running;
  if (known.held && !another_life) known.held->oom_killed |= container.oom_killed;
  release(known);
  if (was_running && (another_life || !container.running)) {
    ++counters_.exits;
    // No event said so: of the life that an inspect shows ended, it tells how; of one before that,
    // nobody does.
    Container life = another_life ? known.container : container;
    if (another_life) {
      life.finished_ns = 0;
      life.exit_code.reset();
    }
    tell_exit(life, known.oom);
  } else if (another_life && !container.running && container.finished_ns > 0) {
    tell_exit(container, false);  // it came and went between two looks
  }
  if (another_life) known.oom = false;
  if (another_life && container.running && counters_.connects > 0) ++counters_.starts;
  known.container = std::move(container);
  if (known.container.running) {
    known.ended.reset();
  } else if (!known.ended) {
    known.ended = clock_.monotonic();
  }
}

void DockerWatcher::tell(RuntimeEvent event) {
  told_.push_back(std::move(event));
  if (told_.size() <= most_told) return;
  told_.pop_front();
  ++counters_.dropped;
}

void DockerWatcher::tell_exit(Container const& container, bool oom) {
  tell({RuntimeEvent::Kind::exit, container, container.finished_ns, container.exit_code,
        oom || container.oom_killed});
}

void DockerWatcher::release(Known& known) {
  if (known.held) tell(std::move(*known.held));
  known.held.reset();
}

void DockerWatcher::on_oom(DockerEvent const& event) {
  ++counters_.ooms;
  auto const known = known_.find(event.id);
  if (known == known_.end()) return;  // the inspect under way will tell
  known->second.oom = true;
  tell({RuntimeEvent::Kind::oom, known->second.container, event.time_nano, std::nullopt, false});
  // The exit that it led to may have been told first.
  if (known->second.held) known->second.held->oom_killed = true;
  if (!known->second.container.running)
    for (auto& told : told_)
      if (told.kind == RuntimeEvent::Kind::exit && told.container.id == event.id &&
          told.container.started_ns == known->second.container.started_ns)
        told.oom_killed = true;
}

std::vector<RuntimeEvent> DockerWatcher::take_events() {
  std::vector<RuntimeEvent> events(std::make_move_iterator(told_.begin()),
                                   std::make_move_iterator(told_.end()));
  told_.clear();
  return events;
}

// `event`: the one that said so; without a time where an inspect did.
void DockerWatcher::ended(Known& known, DockerEvent const& event) {
  if (!known.container.running) return;
  ++counters_.exits;
  bool const died = event.action == "die";
  known.container.finished_ns = event.time_nano;
  known.container.exit_code = died ? event.exit_code : std::nullopt;
  if (died && event.exit_code == killed && !known.oom) {
    known.held = RuntimeEvent{RuntimeEvent::Kind::exit, known.container,
                              known.container.finished_ns, event.exit_code, false};
  } else {
    tell_exit(known.container, known.oom);
  }
  known.container.running = false;
  known.container.paused = false;
  known.container.pid = 0;
  known.ended = clock_.monotonic();
}

void DockerWatcher::forget(std::string const& id, DockerEvent const& event) {
  auto const known = known_.find(id);
  if (known == known_.end()) return;
  ended(known->second, event);
  release(known->second);
  known_.erase(known);
}

void DockerWatcher::settle() {
  state_ = State::watching;
  settled_ = true;
  trouble_.reset();
  ++counters_.connects;
  backoff_.reset();
  if (counters_.connects == 1 || outage_logged_) {
    log_.info("docker at {} answers (API {}), {} containers", options_.socket_path,
              prefix_.empty() ? "unversioned" : prefix_.substr(2), known_.size());
  }
  outage_logged_ = false;
  watch_hang();
  missed_.begin(prefix_, clock_.wall());
  changed();
}

void DockerWatcher::watch_hang() {
  timer_ = loop_.after(options_.ping_pace, [this] {
    get("/_ping", 4096, [this](Result<http::Response> const& reply) {
      if (!reply) return fail(reply.error());
      watch_hang();
    });
  });
}

void DockerWatcher::fail(Error why) {
  if (state_ == State::away) return;
  state_ = State::away;
  settled_ = true;
  missed_.stop();
  for (auto& [id, known] : known_) release(known);
  ++counters_.failures;
  if (!outage_logged_) {
    auto const line = fmt::format(
        "docker at {} does not answer: {}; figures come from cgroups, it is tried again",
        options_.socket_path, printable(to_string(why)));
    // A host without Docker is nothing to warn of; a socket that may not be opened is.
    bool const never_there =
        counters_.connects == 0 && ::access(options_.socket_path.c_str(), F_OK) != 0;
    if (never_there) {
      log_.info("{}", line);
    } else {
      log_.warning("{}", line);
    }
    outage_logged_ = true;
  }
  // Callbacks of both may be what runs now; they allow that.
  stream_.reset();
  client_.reset();
  timer_ = loop_.after(backoff_.next(), [this] { greet(); });
  trouble_ = std::move(why);
  changed();
}

}  // namespace dadvisor::agent
