#include "agent/names/resolver_client.hpp"

#include <fmt/format.h>

namespace dadvisor::agent {

namespace {

constexpr std::size_t most_told = 4096;
constexpr std::size_t most_containers = 1 << 16;

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace

ResolverClient::ResolverClient(http::Loop& loop, Clock const& clock, ResolverClientOptions options,
                               Log log)
    : loop_(loop),
      clock_(clock),
      options_(std::move(options)),
      log_(std::move(log)),
      backoff_(options_.least_pause, options_.most_pause) {
  connect();
}

ResolverClient::~ResolverClient() = default;

std::vector<Container> ResolverClient::snapshot() {
  std::vector<Container> containers;
  containers.reserve(containers_.size());
  for (auto const& [id, container] : containers_) containers.push_back(container);
  return containers;
}

std::vector<RuntimeEvent> ResolverClient::take_events() {
  std::vector<RuntimeEvent> events(std::make_move_iterator(told_.begin()),
                                   std::make_move_iterator(told_.end()));
  told_.clear();
  given_ = number_;
  return events;
}

void ResolverClient::events_kept() {
  if (given_ == kept_ || state_ == State::away) return;
  http::ClientRequest request;
  request.method = "POST";
  request.target = fmt::format("/v1/taken?run={}&number={}", http::percent_encode(run_), given_);
  request.timeout = options_.request_timeout;
  // Where it is not answered, the next call says it again.
  client_->request(std::move(request), [this, number = given_](auto const& reply) {
    if (reply && reply->status == 204) kept_ = std::max(kept_, number);
  });
}

RuntimeReport ResolverClient::report() const {
  auto report = report_;
  report.dropped += dropped_;
  if (state_ != State::following) report.docker.up = report.containerd.up = false;
  return report;
}

void ResolverClient::connect() {
  state_ = State::telling;
  coming_.clear();
  reader_.reset();
  wrong_.reset();
  http::ClientOptions connections;
  connections.max_connections = 1;
  client_ =
      std::make_unique<http::Client>(loop_, http::Origin{"", 0, options_.socket_path}, connections);
  http::ClientRequest request;
  request.target = "/v1/stream";
  request.timeout = options_.request_timeout;
  http::StreamCallbacks callbacks;
  callbacks.on_headers = [this](http::Response const& response) {
    if (response.status == 200) return expect_more();
    fail({Errc::unsupported, 0, fmt::format("it answers {}", response.status)});
  };
  callbacks.on_data = [this](std::string_view bytes) {
    auto const fed = reader_.feed(bytes, [this](documents::Document document) {
      if (!wrong_) on_document(std::move(document));
    });
    if (!fed) wrong_ = fed.error();
    heard_ = clock_.wall();
    if (!wrong_) return expect_more();
    ++counters_.malformed;
    fail(*wrong_);
  };
  callbacks.on_end = [this](Result<void> const& end) {
    fail(end ? Error{Errc::unavailable, 0, "its stream ended"} : end.error());
  };
  stream_ = client_->stream(std::move(request), std::move(callbacks));
}

void ResolverClient::expect_more() {
  timer_ = loop_.after(options_.silence, [this] {
    fail({Errc::timeout, 0, "it has been silent for too long"});
  });
}

void ResolverClient::on_document(documents::Document document) {
  std::visit(Overloaded{[this](documents::Hello& hello) { on_hello(hello); },
                        [this](Container& container) { on_container(std::move(container)); },
                        [this](documents::Gone& gone) {
                          (state_ == State::telling ? coming_ : containers_).erase(gone.id);
                        },
                        [this](documents::Updated& updated) {
                          if (options_.on_update) options_.on_update(updated.id);
                        },
                        [this](documents::Told& told) { on_told(std::move(told)); },
                        [this](RuntimeReport& report) { on_state(std::move(report)); }},
             document);
}

void ResolverClient::on_hello(documents::Hello const& hello) {
  if (hello.format != documents::format) {
    wrong_ = Error{Errc::unsupported, 0,
                   fmt::format("it speaks format {}, this agent {}: restart both", hello.format,
                               documents::format)};
  } else if (hello.run != run_) {
    run_ = hello.run;
    number_ = given_ = kept_ = 0;
    asked_.clear();
    docker_whole_ = containerd_whole_ = false;
    if (missed_.empty()) seen_ = heard_;
  }
}

void ResolverClient::on_container(Container container) {
  auto& all = state_ == State::telling ? coming_ : containers_;
  auto id = container.id;
  if (id.empty() || all.size() >= most_containers) {
    wrong_ = Error{Errc::malformed, 0,
                   id.empty() ? "a container without an id" : "more containers than can be"};
    return;
  }
  if (container.running && open_.size() < most_containers)
    open_.insert_or_assign({id, container.started_ns}, container);
  all.insert_or_assign(std::move(id), std::move(container));
}

void ResolverClient::on_told(documents::Told told) {
  if (told.number <= number_) return;  // again, after a connection broke
  number_ = told.number;
  auto const& event = told.event;
  if (event.kind == RuntimeEvent::Kind::exit) {
    Life const life{event.container.id, event.container.started_ns};
    open_.erase(life);
    missed_.erase(life);
    asked_.erase(life);
  }
  // As a watcher does: of a kill for memory the word may come behind the exit.
  if (event.kind == RuntimeEvent::Kind::oom)
    for (auto& one : told_)
      if (one.kind == RuntimeEvent::Kind::exit && one.container.id == event.container.id &&
          one.container.started_ns == event.container.started_ns)
        one.oom_killed = true;
  told_.push_back(std::move(told.event));
  if (told_.size() <= most_told) return;
  told_.pop_front();
  ++dropped_;
}

void ResolverClient::on_state(RuntimeReport report) {
  report_ = std::move(report);
  if (state_ == State::following) {
    forget_untold();
    return find_missed();
  }
  state_ = State::following;
  settled_ = true;
  trouble_.reset();
  containers_ = std::move(coming_);
  coming_.clear();
  find_missed();
  ++counters_.connects;
  backoff_.reset();
  if (counters_.connects == 1 || outage_logged_)
    log_.info("the resolver at {} tells of {} containers", options_.socket_path,
              containers_.size());
  outage_logged_ = false;
  // Which limits changed meanwhile nobody says.
  if (counters_.connects > 1 && options_.on_update)
    for (auto const& [id, container] : containers_) options_.on_update(id);
}

bool ResolverClient::is_whole(std::string const& runtime) const {
  return runtime == "docker" ? docker_whole_ : containerd_whole_;
}

// Of what is gone, and of which no exit came in front of this, none will.
void ResolverClient::forget_untold() {
  std::erase_if(open_, [this](auto const& one) {
    auto const& [life, container] = one;
    auto const known = containers_.find(life.first);
    bool const gone = known == containers_.end() || known->second.started_ns != life.second;
    return gone && is_whole(container.runtime);
  });
}

// What ran by the word of a resolver before this one, and does not by its own: it was not there. To
// be known once a runtime answers it; until then it names nobody.
void ResolverClient::find_missed() {
  bool const docker = report_.docker.up && !docker_whole_;
  bool const containerd = report_.containerd.up && !containerd_whole_;
  docker_whole_ = docker_whole_ || docker;
  containerd_whole_ = containerd_whole_ || containerd;
  for (auto one = open_.begin(); one != open_.end() && (docker || containerd);) {
    auto const& [id, started] = one->first;
    auto const known = containers_.find(id);
    bool const runs =
        known != containers_.end() && known->second.running && known->second.started_ns == started;
    bool const of_it = one->second.runtime == "docker" ? docker : containerd;
    if (runs || !of_it) {
      ++one;
      continue;
    }
    if (missed_.size() < most_containers) missed_.insert(*one);
    one = open_.erase(one);
  }
  tell_missed();
}

void ResolverClient::missed(std::vector<Container> lives, WallTime seen) {
  seen_ = missed_.empty() ? seen : std::min(seen_, seen);
  for (auto& life : lives) {
    Life const key{life.id, life.started_ns};
    missed_.insert_or_assign(key, std::move(life));
  }
  if (state_ == State::following) tell_missed();
}

// As many as go into one request; the others behind its answer. One at a time, since many a state
// comes before an answer.
void ResolverClient::tell_missed() {
  if (asking_) return;
  http::ClientRequest request;
  std::vector<Life> lives;
  for (auto const& [life, container] : missed_) {
    if (asked_.contains(life) || !is_whole(container.runtime)) continue;
    auto const line = documents::line_of(container);
    if (!lives.empty() && request.body.size() + line.size() > documents::longest_body / 2) break;
    request.body += line;
    lives.push_back(life);
  }
  if (lives.empty()) return;
  request.method = "POST";
  request.target = fmt::format("/v1/missed?seen_ns={}", seen_.time_since_epoch().count());
  request.timeout = options_.request_timeout;
  // Where it is not answered, the next state has it said again.
  asking_ = true;
  client_->request(std::move(request), [this, lives = std::move(lives)](auto const& reply) {
    asking_ = false;
    if (!reply) return;
    for (auto const& life : lives) {
      if (reply->status == 404)
        missed_.erase(life);  // a resolver that cannot be asked
      else if (missed_.contains(life))
        asked_.insert(life);
    }
    tell_missed();
  });
}

void ResolverClient::fail(Error why) {
  if (state_ == State::away) return;
  state_ = State::away;
  settled_ = true;
  ++counters_.failures;
  if (!outage_logged_) {
    log_.warning(
        "the resolver at {} does not answer: {}; figures come from cgroups, it is tried "
        "again",
        options_.socket_path, printable(to_string(why)));
    outage_logged_ = true;
  }
  trouble_ = std::move(why);
  // Callbacks of both may be what runs now; they allow that.
  stream_.reset();
  client_.reset();
  asking_ = false;
  timer_ = loop_.after(backoff_.next(), [this] { connect(); });
}

}  // namespace dadvisor::agent
