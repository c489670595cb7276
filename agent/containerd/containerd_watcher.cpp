#include "agent/containerd/containerd_watcher.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

namespace dadvisor::agent {

namespace {

using containerd::Event;
using containerd::Task;

constexpr std::size_t max_message = 16 << 20;
constexpr char dockers_own[] = "moby";

constexpr char list_namespaces[] = "/containerd.services.namespaces.v1.Namespaces/List";
constexpr char subscribe_events[] = "/containerd.services.events.v1.Events/Subscribe";
constexpr char stream_containers[] = "/containerd.services.containers.v1.Containers/ListStream";
constexpr char all_containers[] = "/containerd.services.containers.v1.Containers/List";
constexpr char get_container[] = "/containerd.services.containers.v1.Containers/Get";
constexpr char all_tasks[] = "/containerd.services.tasks.v1.Tasks/List";

bool runs(Task::Status status) {
  return status == Task::Status::running || status == Task::Status::paused ||
         status == Task::Status::pausing;
}

}  // namespace

ContainerdWatcher::ContainerdWatcher(http::Loop& loop, Clock const& clock,
                                     ContainerdOptions options, Log log)
    : loop_(loop),
      clock_(clock),
      options_(std::move(options)),
      log_(std::move(log)),
      backoff_(options_.least_pause, options_.most_pause) {
  begin();
}

ContainerdWatcher::~ContainerdWatcher() = default;

void ContainerdWatcher::call(std::string const& name_space, char const* method, std::string message,
                             std::function<void(std::string_view)> on_message,
                             std::function<void(Result<void> const&)> on_end) {
  grpc::Call one;
  one.method = method;
  one.message = std::move(message);
  if (!name_space.empty()) one.metadata = {{"containerd-namespace", name_space}};
  one.timeout = options_.request_timeout;
  if (method == subscribe_events) one.timeout = one.timeout.zero();
  one.max_message = max_message;
  client_->call(std::move(one), {std::move(on_message), std::move(on_end)});
}

void ContainerdWatcher::begin() {
  state_ = State::listing;
  listings_.clear();
  for (auto& [key, known] : known_) known.asked = false;
  client_ = std::make_unique<grpc::Client>(loop_, options_.socket_path);
  subscribe();
  list();
}

void ContainerdWatcher::subscribe() {
  call(
      "", subscribe_events, containerd::subscribe_request(),
      [this](std::string_view message) {
        auto const event = containerd::parse_event(message);
        if (event) return on_event(*event);
        ++counters_.malformed;
        fail(event.error());
      },
      [this](Result<void> const& end) {
        fail(end ? Error{Errc::unavailable, 0, "the event stream ended"} : end.error());
      });
}

void ContainerdWatcher::list() {
  call(
      "", list_namespaces, "",
      [this](std::string_view message) {
        auto const names = containerd::parse_namespaces(message);
        if (!names) {
          ++counters_.malformed;
          return fail(names.error());
        }
        namespaces_ = {names->begin(), names->end()};
        namespaces_.erase(dockers_own);
        // What is known of one that went has gone too.
        for (auto& [key, known] : known_)
          if (!namespaces_.contains(key.substr(0, key.find('/')))) removed(known);
        for (auto const& name : namespaces_) list_namespace(name);
      },
      [this](Result<void> const& end) {
        if (!end) return fail(end.error());
        if (listings_.empty() && state_ == State::listing) settle();
      });
}

void ContainerdWatcher::list_namespace(std::string const& name) {
  if (listings_.try_emplace(name).second) list_containers(name, stream_containers);
}

void ContainerdWatcher::list_containers(std::string const& name, char const* method) {
  call(
      name, method, "",
      [this, name](std::string_view message) {
        auto& listing = listings_[name];
        auto const read = containerd::parse_containers(
            message, name, options_.wanted, [&](std::string const& id, Container container) {
              listing.containers.insert_or_assign(id, std::move(container));
            });
        // One container that cannot be told must not hide the others: it goes unnamed.
        if (!read) ++counters_.malformed;
        listing.broken = listing.broken || !read;
      },
      [this, name, method](Result<void> const& end) {
        // Before 1.2 it came in one message.
        if (!end && end.error().code == Errc::unsupported && method == stream_containers)
          return list_containers(name, all_containers);
        if (!end) return fail(end.error());
        list_tasks(name);
      });
}

void ContainerdWatcher::list_tasks(std::string const& name) {
  auto const tasks = std::make_shared<std::vector<Task>>();
  call(
      name, all_tasks, "",
      [this, tasks](std::string_view message) {
        auto read = containerd::parse_tasks(message);
        if (read) {
          *tasks = std::move(*read);
          return;
        }
        ++counters_.malformed;
        fail(read.error());
      },
      [this, name, tasks](Result<void> const& end) {
        if (!end) return fail(end.error());
        listed(name, *tasks);
      });
}

void ContainerdWatcher::listed(std::string const& name, std::vector<Task> const& tasks) {
  auto const listing = std::move(listings_[name]);
  listings_.erase(name);
  for (auto const& [id, container] : listing.containers) describe(known_of(name, id), container);
  std::set<std::string> running;
  for (auto const& task : tasks) {
    auto& known = known_of(name, task.id);
    if (runs(task.status)) running.insert(task.id);
    if (listing.touched.contains(task.id)) continue;
    if (runs(task.status)) {
      started(known, task.pid, 0);
      known.container.paused = task.status != Task::Status::running;
    } else if (task.status == Task::Status::stopped) {
      ended(known, task.exit_code, task.exited_ns);
    }
  }
  auto const prefix = name + "/";
  for (auto one = known_.lower_bound(prefix); one != known_.end() && one->first.starts_with(prefix);
       ++one) {
    auto& known = one->second;
    if (listing.touched.contains(known.id)) continue;
    if (!running.contains(known.id)) ended(known, std::nullopt, 0);
    if (!listing.broken && !listing.containers.contains(known.id)) removed(known);
  }
  if (listings_.empty() && state_ == State::listing) return settle();
  changed();
}

void ContainerdWatcher::ask(std::string const& name, std::string const& id) {
  auto& known = known_of(name, id);
  if (known.asked) return;
  known.asked = true;
  call(
      name, get_container, containerd::get_request(id),
      [this, name](std::string_view message) {
        auto const read = containerd::parse_containers(
            message, name, options_.wanted, [&](std::string const& its, Container container) {
              describe(known_of(name, its), std::move(container));
            });
        if (!read) ++counters_.malformed;
      },
      [this, name, id](Result<void> const& end) {
        auto const found = known_.find(key_of(name, id));
        bool const refused =
            !end && (end.error().code == Errc::not_found || end.error().code == Errc::io ||
                     end.error().code == Errc::too_large);
        if (found != known_.end()) {
          found->second.asked = false;
          if (end || refused) give_up(found->second);
        }
        changed();
        if (!end && !refused) fail(end.error());
      });
}

void ContainerdWatcher::on_event(Event const& event) {
  if (event.name_space == dockers_own || !containerd::is_identifier(event.name_space)) return;
  ++counters_.events;
  changed();  // who hears it asks later
  if (event.topic == "/namespaces/create") {
    if (namespaces_.insert(event.name_space).second) list_namespace(event.name_space);
    return;
  }
  if (!containerd::is_identifier(event.id)) return;
  bool const of_task = event.topic.starts_with("/tasks/");
  if (!of_task && !event.topic.starts_with("/containers/")) return;
  if (namespaces_.insert(event.name_space).second) list_namespace(event.name_space);
  if (auto const listing = listings_.find(event.name_space); listing != listings_.end())
    listing->second.touched.insert(event.id);
  if (event.topic == "/containers/create" || event.topic == "/containers/update")
    return ask(event.name_space, event.id);
  auto const found = known_.find(key_of(event.name_space, event.id));
  if (event.topic == "/tasks/start") {
    auto& known = known_of(event.name_space, event.id);
    started(known, event.pid, event.time_ns);
    if (!known.described) ask(event.name_space, event.id);
  } else if (found == known_.end() || !event.exec.empty()) {
    return;
  } else if (event.topic == "/tasks/exit" || event.topic == "/tasks/delete") {
    ended(found->second, event.exit_code, event.exited_ns);
  } else if (event.topic == "/tasks/oom") {
    starved(found->second, event.time_ns);
  } else if (event.topic == "/tasks/paused" || event.topic == "/tasks/resumed") {
    found->second.container.paused = event.topic == "/tasks/paused";
  } else if (event.topic == "/containers/delete") {
    removed(found->second);
  }
}

void ContainerdWatcher::settle() {
  state_ = State::watching;
  settled_ = true;
  trouble_.reset();
  ++counters_.connects;
  backoff_.reset();
  if (counters_.connects == 1 || outage_logged_) {
    if (namespaces_.empty())
      log_.debug("containerd at {} answers; it has nothing but Docker's own", options_.socket_path);
    else
      log_.info("containerd at {} answers, {} containers in {}", options_.socket_path,
                known_.size(), fmt::join(namespaces_, ", "));
  }
  outage_logged_ = false;
  second_list_ = loop_.after(options_.second_list, [this] { list(); });
  check();
  changed();
}

void ContainerdWatcher::check() {
  timer_ = loop_.after(options_.check_pace, [this] {
    call(
        "", list_namespaces, "",
        [this](std::string_view message) {
          auto const names = containerd::parse_namespaces(message);
          if (!names) return;
          for (auto const& name : *names)
            if (name != dockers_own && namespaces_.insert(name).second) list_namespace(name);
        },
        [this](Result<void> const& end) {
          if (!end) return fail(end.error());
          check();
        });
  });
}

void ContainerdWatcher::fail(Error const& why) {
  if (state_ == State::away) return;
  state_ = State::away;
  settled_ = true;
  trouble_ = why;
  ++counters_.failures;
  for (auto& [key, known] : known_) known.asked = false;
  if (!outage_logged_) {
    auto const line = fmt::format("containerd at {} does not answer: {}; it is tried again",
                                  options_.socket_path, printable(to_string(why)));
    // Most hosts have none, or one for Docker alone, which only root may ask.
    if (counters_.connects > 0 && !namespaces_.empty())
      log_.warning("{}", line);
    else
      log_.debug("{}", line);
    outage_logged_ = true;
  }
  // A callback of it may be what runs now; it allows that.
  client_.reset();
  second_list_.cancel();
  timer_ = loop_.after(backoff_.next(), [this] { begin(); });
  changed();
}

}  // namespace dadvisor::agent
