#include "agent/names/remembered_containers.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "agent/host/process_start.hpp"
#include "agent/runtime/documents.hpp"
#include "common/core/fd.hpp"

namespace dadvisor::agent {

using namespace std::chrono_literals;

RememberedContainers::RememberedContainers(std::unique_ptr<RuntimeSource> source, std::string path,
                                           std::string proc_root, Clock const& clock, Log log)
    : source_(std::move(source)),
      path_(std::move(path)),
      proc_root_(std::move(proc_root)),
      clock_(clock),
      log_(std::move(log)) {
  read();
}

RememberedContainers::~RememberedContainers() {
  if (changed_) write();
}

void RememberedContainers::read() {
  auto const bytes = read_file(path_);
  if (!bytes) return;
  documents::Reader reader;
  auto const taken = reader.feed(*bytes, [this](documents::Document document) {
    if (auto* container = std::get_if<Container>(&document))
      remembered_.insert_or_assign(container->id, std::move(*container));
  });
  if (!taken) log_.warning("{}: {}", path_, to_string(taken.error()));
  told_ = remembered_;
}

void RememberedContainers::write() {
  std::string text;
  for (auto const& [id, container] : told_) text += documents::line_of(container);
  // Not synced: what a crash of the machine takes away names nothing that lives after it.
  auto const beside = path_ + ".new";
  auto written = [&]() -> Result<void> {
    auto const file = open_file(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (!file) return file.error();
    if (auto done = write_all(*file, text); !done) return done.error().within(beside);
    if (std::rename(beside.c_str(), path_.c_str()) != 0) return os_error(errno, path_);
    return {};
  }();
  if (!written && !logged_)
    log_.warning("containers' names are not remembered: {}", to_string(written.error()));
  logged_ = !written;
  changed_ = false;
}

// Its process is the one that began when the container did.
bool RememberedContainers::lives(Container const& container) {
  constexpr Nanoseconds apart = 10s;  // the kernel tells its boot in seconds
  auto const start = process_start_ns(proc_root_, container.pid, buffer_);
  return start && std::abs(*start - container.started_ns) <= apart.count();
}

bool RememberedContainers::is_told(std::vector<Container> const& containers) const {
  std::size_t running = 0;
  for (auto const& one : containers) {
    if (!one.running) continue;
    ++running;
    auto const told = told_.find(one.id);
    if (told == told_.end() || told->second != one) return false;
  }
  return running == told_.size();
}

std::vector<Container> RememberedContainers::snapshot() {
  auto all = source_->snapshot();
  auto const report = source_->report();
  std::erase_if(remembered_, [&](auto const& one) {
    auto const& runtime = one.second.runtime;
    bool const up = (runtime == "docker" && report.docker.up) ||
                    (runtime == "containerd" && report.containerd.up);
    return up || !lives(one.second);
  });
  if (!remembered_.empty()) {
    std::set<std::string_view> ids;
    for (auto const& one : all) ids.insert(one.id);
    std::vector<Container> more;
    for (auto const& [id, container] : remembered_)
      if (!ids.contains(id)) more.push_back(container);
    all.insert(all.end(), more.begin(), more.end());
  }

  if (!is_told(all)) {
    told_.clear();
    for (auto const& one : all)
      if (one.running) told_.emplace(one.id, one);
    changed_ = true;
  }
  if (auto const now = clock_.monotonic(); changed_ && now >= write_due_) {
    constexpr Nanoseconds pace = 30s;
    write_due_ = now + pace;
    write();
  }
  return all;
}

}  // namespace dadvisor::agent
