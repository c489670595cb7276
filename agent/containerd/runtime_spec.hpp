#pragma once
// The OCI runtime specification of a container, as containerd keeps it with each (config.json of
// opencontainers/runtime-spec): environment, annotations, and the cgroup that it asks for. Pure.

#include <cstddef>
#include <string>
#include <string_view>

#include "agent/runtime/container.hpp"
#include "agent/runtime/wanted_keys.hpp"

namespace dadvisor::agent::containerd {

// Bytes of a label's or a variable's value that are kept.
inline constexpr std::size_t longest_value = 4096;

// Adds what the wanted keys allow of process.env and annotations (where no label says the same),
// and linux.cgroupsPath. What is no such document adds nothing.
void add_runtime_spec(std::string_view json, WantedKeys const& wanted, Container& container);

// A cgroupsPath as a path from the hierarchy's root: itself where it is absolute, of systemd's
// "SLICE:PREFIX:NAME" the scope in its slices ("/a.slice/a-b.slice/PREFIX-NAME.scope"), else empty.
std::string cgroup_of(std::string_view cgroups_path);

}  // namespace dadvisor::agent::containerd
