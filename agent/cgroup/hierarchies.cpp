#include "agent/cgroup/hierarchies.hpp"

#include <fcntl.h>
#include <libcgroup.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "agent/host/scan.hpp"
#include "common/core/fd.hpp"

namespace dadvisor::agent {

namespace {

// mountinfo writes blank, tab, line end and backslash as \ooo.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto const octal = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// Mount options that a v1 hierarchy may show beside its controllers.
bool is_controller(std::string_view option) {
  static constexpr std::string_view others[] = {
      "rw",  "ro",    "none",     "clone_children", "cpuset_v2_mode",
      "all", "xattr", "noprefix", "favordynmods",   "nofavordynmods",
      ""};
  if (option.starts_with("release_agent=")) return false;
  return std::ranges::find(others, option) == std::end(others);
}

// What libcgroup makes of /proc/mounts: each controller and its mount point, each with a 0 behind.
std::string libcgroup_says() {
  std::string text;
  if (cgroup_init() != 0) return text;
  void* handle = nullptr;
  auto const mount = std::make_unique<cgroup_mount_point>();  // two paths of 4 KiB each
  for (int rc = cgroup_get_controller_begin(&handle, mount.get()); rc == 0;
       rc = cgroup_get_controller_next(&handle, mount.get())) {
    (text += mount->name) += '\0';
    (text += mount->path) += '\0';
  }
  cgroup_get_controller_end(&handle);
  return text;
}

// Its tables are static and take 0.8 MB once they were used: a child asks it and takes them along.
std::map<std::string, std::string> ask_libcgroup() {
  std::map<std::string, std::string> points;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return points;
  Fd const answer(ends[0]);
  Fd question(ends[1]);
  auto const child = ::fork();
  if (child == 0) {
    bool const said = static_cast<bool>(write_all(question, libcgroup_says()));
    ::_exit(said ? 0 : 1);
  }
  question.reset();
  if (child < 0) return points;
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    auto const n = ::read(answer.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
  auto take = [rest = std::string_view(text)]() mutable {
    auto const word = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    return std::string(word);
  };
  for (auto controller = take(); !controller.empty(); controller = take())
    points.emplace(std::move(controller), take());
  return points;
}

bool is_unified(std::string const& point) {
  return static_cast<bool>(open_file(point + "/cgroup.controllers", 0));
}

// Puts libcgroup's choice of each controller's mount first; makes the mounts where there are none.
void apply_libcgroup(std::vector<CgroupMount>& mounts) {
  bool const only_source = mounts.empty();
  for (auto const& [controller, point] : ask_libcgroup()) {
    auto const same = std::ranges::find(mounts, point, &CgroupMount::point);
    if (same != mounts.end()) {
      std::rotate(mounts.begin(), same, same + 1);
    } else if (only_source) {
      bool const unified = is_unified(point);
      mounts.push_back(
          {point, "/", unified,
           unified ? std::vector<std::string>{} : std::vector<std::string>{controller}});
    }
  }
}

}  // namespace

char const* to_string(CgroupMode mode) {
  switch (mode) {
    case CgroupMode::none:
      return "none";
    case CgroupMode::v1:
      return "v1";
    case CgroupMode::v2:
      return "v2";
    case CgroupMode::hybrid:
      return "hybrid";
  }
  return "unknown";
}

std::vector<CgroupMount> scan_mountinfo(std::string_view text) {
  std::vector<CgroupMount> mounts;
  std::string_view line;
  while (take_line(text, line)) {
    // id parent major:minor ROOT POINT options [optional fields] - TYPE source SUPER-OPTIONS
    take_word(line);
    take_word(line);
    take_word(line);
    std::string_view const root = take_word(line);
    std::string_view const point = take_word(line);
    std::string_view word = take_word(line);
    while (!word.empty() && word != "-") word = take_word(line);
    std::string_view const type = take_word(line);
    if (type != "cgroup" && type != "cgroup2") continue;
    take_word(line);
    CgroupMount mount{unescape(point), unescape(root), type == "cgroup2", {}};
    std::string_view options = take_word(line);
    while (!mount.unified && !options.empty()) {
      std::size_t const comma = options.find(',');
      std::string_view const option = options.substr(0, comma);
      options.remove_prefix(comma == std::string_view::npos ? options.size() : comma + 1);
      if (is_controller(option)) mount.controllers.emplace_back(option);
    }
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

Hierarchies::Hierarchies(std::vector<CgroupMount> const& mounts) {
  auto const better = [](CgroupMount const& mount, CgroupMount const& than) {
    return mount.root == "/" && than.root != "/";
  };
  for (auto const& mount : mounts) {
    if (mount.unified && (!unified_ || better(mount, *unified_))) unified_ = mount;
    for (auto const& controller : mount.controllers) {
      auto const [at, fresh] = v1_.try_emplace(controller, mount);
      if (!fresh && better(mount, at->second)) at->second = mount;
    }
  }
}

Result<Hierarchies> Hierarchies::discover(HierarchyOptions const& options) {
  std::string const path = options.proc_root + "/self/mountinfo";
  auto const text = read_file(path);
  auto mounts = text ? scan_mountinfo(*text) : std::vector<CgroupMount>();
  for (auto& mount : mounts) mount.point = options.mount_prefix + mount.point;
  if (options.ask_libcgroup && options.mount_prefix.empty() && options.proc_root == "/proc")
    apply_libcgroup(mounts);
  if (mounts.empty())
    return Error{Errc::unsupported, 0,
                 text ? path + ": no cgroup file system is mounted" : to_string(text.error())};
  return Hierarchies(mounts);
}

CgroupMode Hierarchies::mode() const {
  if (v1_.empty()) return unified_ ? CgroupMode::v2 : CgroupMode::none;
  return unified_ ? CgroupMode::hybrid : CgroupMode::v1;
}

CgroupMount const* Hierarchies::v1(std::string_view controller) const {
  auto const found = v1_.find(controller);
  return found == v1_.end() ? nullptr : &found->second;
}

std::string Hierarchies::walked_controller() const {
  // freezer and pids have a directory of every container too, should a host lack the others.
  for (char const* controller : {"cpuacct", "memory", "cpu", "pids", "freezer", "name=systemd"})
    if (v1_.contains(controller)) return controller;
  return {};
}

CgroupMount const* Hierarchies::walked() const {
  auto const controller = walked_controller();
  return controller.empty() ? unified() : v1(controller);
}

}  // namespace dadvisor::agent
