#include "agent/cgroup/container_path.hpp"

#include <algorithm>

namespace dadvisor::agent {

namespace {

constexpr std::size_t id_length = 64;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool is_container_id(std::string_view text) {
  return text.size() == id_length && std::ranges::all_of(text, is_hex);
}

// 8-4-4-4-12 hex digits.
bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool const dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

struct Prefix {
  std::string_view text;
  std::string_view runtime;
};
// Longer ones first where one begins another.
constexpr Prefix prefixes[] = {
    {"cri-containerd-", "containerd"},
    {"containerd-", "containerd"},
    {"nerdctl-", "containerd"},
    {"docker-", "docker"},
    {"crio-", "cri-o"},
    {"libpod-", "podman"},
};

std::string_view last_component(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string_view parent_path(std::string_view path) {
  std::size_t const slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// A bare id says nothing of its runtime; the places that Docker and Kubernetes use do.
std::string runtime_of_place(std::string_view parent) {
  if (last_component(parent) == "docker") return "docker";
  if (parent.find("/kubepods") != std::string_view::npos) return "kubernetes";
  return "unknown";
}

bool is_namespace(std::string_view path, PathRules const& rules) {
  return std::ranges::any_of(rules.namespaces,
                             [&](auto const& name) { return path == "/" + name; });
}

// Takes both ends away; nullopt where they are not there or nothing is between them.
std::optional<std::string_view> between(std::string_view text, std::string_view begin,
                                        std::string_view end) {
  if (text.size() <= begin.size() + end.size() || !text.starts_with(begin) || !text.ends_with(end))
    return std::nullopt;
  return text.substr(begin.size(), text.size() - begin.size() - end.size());
}

// systemd.unit(5): "\\x2d" is '-'.
std::string unescaped(std::string_view unit) {
  std::string name;
  for (std::size_t i = 0; i < unit.size(); ++i) {
    auto const digits = unit.substr(std::min(i + 2, unit.size()), 2);
    if (unit.substr(i).starts_with("\\x") && digits.size() == 2 && is_hex(digits[0]) &&
        is_hex(digits[1])) {
      auto const value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
      name.push_back(static_cast<char>(value(digits[0]) * 16 + value(digits[1])));
      i += 3;
    } else {
      name.push_back(unit[i]);
    }
  }
  return name;
}

// Containers that are called by names: LXC's up to 3 and from 4 on, systemd-nspawn's, started by
// hand and as a service. A virtual machine of libvirt is a "machine" too, and no container.
std::optional<ContainerPath> match_named(std::string_view component, std::string_view parent) {
  if (auto const name = between(component, "lxc.payload.", ""))
    return ContainerPath{"lxc", std::string(*name), {}, {}};
  if (parent == "/lxc" && !component.empty())
    return ContainerPath{"lxc", std::string(component), {}, {}};
  if (parent != "/machine.slice") return std::nullopt;
  auto name = between(component, "systemd-nspawn@", ".service");
  if (!name) name = between(component, "machine-", ".scope");
  if (!name || name->starts_with("qemu\\x2d")) return std::nullopt;
  return ContainerPath{"nspawn", unescaped(*name), {}, {}};
}

// The container whose id is the last component of `path`, without regard to what is around it.
std::optional<ContainerPath> match_level(std::string_view path, PathRules const& rules) {
  std::string_view const component = last_component(path);
  std::string_view const parent = parent_path(path);
  if (auto match = match_component(component)) {
    match->path = path;
    if (match->runtime.empty())
      match->runtime = is_namespace(parent, rules) ? "containerd" : runtime_of_place(parent);
    return match;
  }
  if (!rules.mesos_root.empty() && is_uuid(component) && path.starts_with(rules.mesos_root + "/")) {
    std::string_view const root_name = last_component(rules.mesos_root);
    if (parent == rules.mesos_root || last_component(parent) == root_name)
      return ContainerPath{"mesos", std::string(component), std::string(path), {}};
  }
  if (is_namespace(parent, rules) && !component.empty())
    return ContainerPath{"containerd", std::string(path.substr(1)), std::string(path), {}};
  for (auto const& root : rules.named_roots)
    if (parent == root && !component.empty())
      return ContainerPath{
          std::string(last_component(root)), std::string(component), std::string(path), {}};
  if (auto match = match_named(component, parent)) {
    match->path = path;
    return match;
  }
  if (rules.services) {
    if (auto const unit = match_service(path))
      return ContainerPath{"systemd", *unit, std::string(path), {}};
  }
  return std::nullopt;
}

}  // namespace

bool ends_in_uuid(std::string_view path) { return is_uuid(last_component(path)); }

std::optional<ContainerPath> match_component(std::string_view component) {
  if (component.ends_with(".scope")) component.remove_suffix(6);
  std::string_view runtime;
  for (auto const& prefix : prefixes) {
    if (!component.starts_with(prefix.text)) continue;
    runtime = prefix.runtime;
    component.remove_prefix(prefix.text.size());
    break;
  }
  // Monitors (libpod-conmon-ID, crio-conmon-ID) fail here: "conmon-" is no part of an id.
  if (!is_container_id(component)) return std::nullopt;
  return ContainerPath{std::string(runtime), std::string(component), {}, {}};
}

std::optional<std::string> match_service(std::string_view path) {
  std::string_view const component = last_component(path);
  if (!component.ends_with(".service") || component.size() == 8) return std::nullopt;
  // A service's own sub-cgroups, and those of a user's session manager, belong to the outer one.
  if (parent_path(path).find(".service") != std::string_view::npos) return std::nullopt;
  return std::string(component.substr(0, component.size() - 8));
}

std::optional<ContainerPath> match_container(std::string_view path, PathRules const& rules) {
  std::optional<ContainerPath> innermost;
  while (path.size() > 1) {
    if (auto match = match_level(path, rules)) {
      if (!innermost) {
        innermost = std::move(match);
      } else {
        innermost->parent = match->id;
        return innermost;
      }
    }
    path = parent_path(path);
  }
  return innermost;
}

}  // namespace dadvisor::agent
