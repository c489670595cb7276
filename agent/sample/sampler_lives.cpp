// Which lives there are: the runtime's snapshot and the cgroup tree, brought together.

#include <algorithm>
#include <unordered_set>

#include "agent/host/process_start.hpp"
#include "agent/identity/identity.hpp"
#include "agent/sample/container_labels.hpp"
#include "agent/sample/life.hpp"
#include "agent/sample/process.hpp"
#include "agent/sample/sampler.hpp"

namespace dadvisor::agent {

namespace {

constexpr std::size_t short_id = 12;

// An id that a machine made, as opposed to a name that somebody gave.
bool is_generated(std::string_view id) {
  return (id.size() == 64 || id.size() == 36) &&
         id.find_first_not_of("0123456789abcdef-") == std::string_view::npos;
}

}  // namespace

void Sampler::discover() {
  auto const now = clock_.monotonic();
  if (hierarchies_ || (discover_due_ && now < *discover_due_)) return;
  auto hierarchies = Hierarchies::discover(options_.hierarchies);
  if (!hierarchies) {
    if (!discover_due_) log_.warning("no cgroups to read: {}", to_string(hierarchies.error()));
    discover_due_ = now + options_.walk_pace;
    return;
  }
  hierarchies_ = std::move(*hierarchies);
  log_.info("cgroups: {}", to_string(hierarchies_->mode()));
}

void Sampler::walk_when_due(bool services, RuntimeState const& runtimes) {
  if (!hierarchies_ || !hierarchies_->walked()) return;
  auto const& mount = *hierarchies_->walked();
  auto rules = options_.rules;
  rules.services = services;
  rules.namespaces = runtimes.namespaces;
  if (!runtimes.mesos_root.empty()) rules.mesos_root = runtimes.mesos_root;
  if (!walking_ || rules != walk_rules_) {
    walk_rules_ = std::move(rules);
    watch_.begin(mount, walk_rules_);
    walking_ = true;
    walk_due_.reset();
  }
  auto const now = clock_.monotonic();
  auto const changes = watch_.take_changes();
  if (!walk_due_ || now >= *walk_due_ || changes.unknown) {
    walk_due_ = now + options_.walk_pace;
    auto tree = walk_containers(mount, walk_rules_);
    watch_.follow(tree, briefs_);
    unaccounted_.follow(*hierarchies_, container_roots(mount, tree));
    found_ = std::move(tree.containers);
    other_root_ = std::ranges::any_of(tree.parents, ends_in_uuid);
  } else if (changes.any()) {
    see_changes(mount, changes);
  } else {
    return;
  }
  std::erase_if(first_found_, [this](auto const& one) { return !is_found(one.first); });
}

bool Sampler::is_found(std::string const& path) const {
  auto const path_of = [](FoundContainer const& one) -> auto const& { return one.container.path; };
  return std::ranges::binary_search(found_, path, {}, path_of);
}

// As a walk would have found it, but for what is inside of containers.
void Sampler::see_changes(CgroupMount const& mount, CgroupWatch::Changes const& changes) {
  auto const& changed = changes.containers;
  std::erase_if(found_, [&](FoundContainer const& one) {
    std::string_view const path = one.container.path;
    if (one.container.parent.empty()) return changed.contains(path);
    return std::ranges::any_of(changed, [&](auto const& outer) {
      return path.size() > outer.size() && path.starts_with(outer) && path[outer.size()] == '/';
    });
  });
  CgroupTree tree{{}, watch_.parents()};
  for (auto const& path : changed) {
    auto const* there = watch_.at(path);
    if (!there) continue;
    found_.push_back(*there);
    if (!unaccounted_.follows(top_of(path))) tree.containers.push_back(*there);
  }
  std::ranges::sort(
      found_, {}, [](auto const& one) -> auto const& { return one.container.path; });
  if (!tree.containers.empty()) unaccounted_.follow(*hierarchies_, container_roots(mount, tree));
  other_root_ = std::ranges::any_of(tree.parents, ends_in_uuid);
}

void Sampler::reconcile(std::span<Container const> containers, RuntimeState const& runtimes) {
  for (auto& [id, life] : lives_) life->present = false;
  std::unordered_set<std::string_view> named;
  names_.clear();
  for (auto const& container : containers) {
    if (container.names_only) {
      names_.emplace(container.id, &container);
      continue;
    }
    named.insert(container.id);
    if (!container.cgroup.empty()) named.insert(container.cgroup);
    if (container.running && !is_sandbox(container)) adopt(container);
  }
  // Mesos has no socket by which to know it: its cgroups tell.
  if (!walking_) walk_when_due(false, runtimes);
  bool const none = !runtimes.any() && containers.empty() &&
                    std::ranges::none_of(
                        found_, [](auto const& one) { return one.container.runtime == "mesos"; });
  walk_when_due(options_.services == Services::always ||
                    (options_.services == Services::when_no_runtime && none),
                runtimes);
  // Where it makes them elsewhere, it says so itself.
  strangers_ = other_root_ && runtimes.mesos_root.empty();
  for (auto const& found : found_) {
    bool const inside = !found.container.parent.empty() && !options_.nested;
    if (!inside && !named.contains(found.container.id) && !named.contains(found.container.path))
      adopt(found, runtimes);
  }
  settle_missed(true);  // what the walk found gone
  for (auto one = lives_.begin(); one != lives_.end();) {
    if (one->second->present) {
      ++one;
      continue;
    }
    retire(std::move(one->second));
    one = lives_.erase(one);
  }
}

std::unique_ptr<Sampler::Life> Sampler::new_life(std::string const& id) {
  auto life = std::make_unique<Life>();
  life->id = id;
  life->slot = next_slot_++;
  life->entity.key = {EntityKind::container, options_.agent_id, id, 0};
  if (!first_) ++starts_;
  return life;
}

Sampler::Life& Sampler::begin(std::string const& id) {
  auto& life = lives_[id];
  if (life) retire(std::move(life));
  life = new_life(id);
  return *life;
}

void Sampler::adopt(Container const& container) {
  auto const known = lives_.find(container.id);
  bool const same = known != lives_.end() && known->second->from_runtime &&
                    known->second->container.started_ns == container.started_ns;
  Life& life = same ? *known->second : begin(container.id);
  life.present = true;
  if (same && life.container == container) return;
  life.from_runtime = true;
  life.container = container;
  disks_changed_ = true;
  if (!same) life.entity.key.start_ns = container.started_ns;
  set_labels(life);
}

void Sampler::adopt(FoundContainer const& found, RuntimeState const& runtimes) {
  auto const& container = found.container;
  auto const* name = name_of(found);
  auto const known = lives_.find(container.id);
  bool const same = known != lives_.end() && known->second->path == container.path &&
                    (known->second->inode == found.inode || known->second->inode == 0);
  strangers_ = strangers_ || (container.runtime == "mesos" && !name);
  // A runtime's own: its word of it is on the way, and a life must not begin twice. One that began
  // by its cgroup goes on.
  bool const stranger = !same || known->second->from_runtime;
  if (stranger && !name && runtimes.tells_of(container.runtime)) {
    auto const now = clock_.monotonic();
    auto const since = first_found_.try_emplace(container.path, now).first->second;
    if (now - since < options_.grace) return;
  }
  if (same) {
    known->second->present = true;
    if (name) give_name(*known->second, *name);
    return;
  }
  // Two cgroups of one id in one walk (a service's name under two slices): the first has it.
  if (known != lives_.end() && known->second->present) return;
  Life& life = begin(container.id);
  life.present = true;
  name_unknown(life, container);
  if (name) give_name(life, *name);
}

Container const* Sampler::name_of(FoundContainer const& found) const {
  if (found.container.runtime != "mesos") return nullptr;
  auto const name = names_.find(found.container.id);
  return name == names_.end() ? nullptr : name->second;
}

void Sampler::give_name(Life& life, Container const& name) {
  if (life.from_runtime || life.container == name) return;
  life.container = name;
  set_labels(life);
}

void Sampler::name_unknown(Life& life, ContainerPath const& container) {
  life.path = container.path;
  life.container.id = container.id;
  life.container.name = is_generated(container.id)
                            ? container.runtime + "-" + container.id.substr(0, short_id)
                            : container.id;
  life.runtime = container.runtime;
  life.inside = !container.parent.empty();
  set_labels(life);
}

void Sampler::set_labels(Life& life) {
  Identity identity;
  if (life.from_runtime || life.container.names_only) {
    identity = identify(life.container, options_.agent_id);
  } else if (is_generated(life.id)) {
    // Nobody knows its name: what has no name is one app per runtime, not an app each.
    identity.app = life.runtime;
    identity.instance = life.id.substr(0, short_id);
  } else {
    identity.app = life.id;
    identity.instance = options_.agent_id;
  }
  life.entity.labels = container_labels(life.container, identity,
                                        life.from_runtime ? life.container.runtime : life.runtime,
                                        options_.cluster, options_.agent_id);
}

bool Sampler::open(Life& life, WallTime tick, bool runtime) {
  if (!hierarchies_) return false;
  if (life.path.empty()) {
    auto path =
        process_cgroup(options_.host.proc_root, life.container.pid,
                       hierarchies_->walked_controller(), life.id, buffer_, life.container.cgroup);
    if (!path) {
      // In a cgroup namespace of our own, or under hidepid, processes do not tell.
      auto const found = std::ranges::find(
          found_, life.id, [](FoundContainer const& one) { return one.container.id; });
      if (found != found_.end())
        path = found->container.path;
      else if (!life.container.cgroup.empty())
        path = life.container.cgroup;
      else
        return false;
    }
    life.path = *path;
  }
  // Mostly it was opened when it got its first process.
  auto const* const opened = briefs_.reader_of(life.path);
  auto reader =
      opened ? Result<CgroupReader>(Error{}) : CgroupReader::open(*hierarchies_, life.path);
  if (!opened && !reader) {
    if (reader.error().code == Errc::not_found) {
      if (life.from_runtime) life.path.clear();
      return false;
    }
    ++stats_.unreadable;
    if (!told_unreadable_)
      log_.warning("a cgroup cannot be read (further ones are counted, not logged): {}",
                   to_string(reader.error()));
    told_unreadable_ = true;
    return false;
  }
  auto const inode = opened ? opened->inode() : reader->inode();
  if (life.inode != 0 && inode != life.inode) {
    // Another run under a start that we know: the runtime's word of it is on the way, or the
    // runtime is away.
    auto const now = clock_.monotonic();
    if (runtime && life.vanished && now - *life.vanished < options_.grace) return false;
    auto before = std::make_unique<Life>();
    before->id = life.id;
    before->slot = life.slot;
    before->entity = life.entity;
    before->from_runtime = life.from_runtime;
    before->inode = life.inode;
    before->last = std::move(life.last);
    retire(std::move(before));
    life.last.reset();
    life.cpu_seen.reset();
    life.removed = life.missed = false;
    life.slot = next_slot_++;
    ++starts_;
    life.net.reset();
    life.net_pid = 0;
    for (auto& sum : life.net_sums) sum = SteadySum();
    life.process_read_bytes = life.process_write_bytes = SteadySum();
    life.io_read_bytes = life.io_write_bytes = SteadySum();
    life.io_mixed = false;
    life.entity.key.start_ns = 0;
  }
  life.inode = inode;
  life.vanished.reset();
  if (auto brief = briefs_.take(life.path, life.inode)) {
    if (opened) reader = std::move(*brief->reader);
    life.last = std::move(brief->last);
    life.cpu_seen = brief->cpu_seen;
    if (life.entity.key.start_ns == 0)
      life.entity.key.start_ns = brief->begun.time_since_epoch().count();
  } else {
    // What it used until now is not among the living's; should its end be missed, its parent tells
    // what it used from this tick on.
    gone_cpu_.drop(top_of(life.path));
    last_begun_[top_of(life.path)] = clock_.monotonic();
  }
  life.slow_due = MonotonicTime::min();  // the first reading is a whole one
  if (life.entity.key.start_ns == 0) {
    auto const pid = first_process(reader->directories().main(), buffer_);
    auto const start =
        pid ? process_start_ns(options_.host.proc_root, *pid, buffer_) : std::nullopt;
    life.entity.key.start_ns = start.value_or(tick.time_since_epoch().count());
  }
  life.cgroup = std::move(*reader);
  return true;
}

void Sampler::vanish(Life& life) {
  if (!life.removed) gone_cpu_.drop(top_of(life.path));
  life.cgroup.reset();
  life.net.reset();
  life.net_pid = 0;
  if (life.from_runtime)
    life.path.clear();
  else
    walk_due_.reset();
  if (life.vanished) return;
  life.vanished = clock_.monotonic();
  ++stats_.vanished;
  log_.debug("container {} ended while it was read", printable(life.container.name));
}

}  // namespace dadvisor::agent
