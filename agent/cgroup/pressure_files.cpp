#include "agent/cgroup/pressure_files.hpp"

#include "agent/host/pressure.hpp"

namespace dadvisor::agent {

Result<PressureFiles> PressureFiles::open(CgroupDirectories const& directories) {
  PressureFiles files;
  auto const* directory = directories.unified();
  if (!directory) return files;
  struct Kept {
    char const* name;
    KernelFile PressureFiles::*file;
  };
  static constexpr Kept all[] = {{"cpu.pressure", &PressureFiles::cpu_},
                                 {"memory.pressure", &PressureFiles::memory_},
                                 {"io.pressure", &PressureFiles::io_}};
  for (auto const& one : all) {
    auto file = directory->file(one.name);
    if (!file) return file.error();
    files.*one.file = std::move(*file);
  }
  return files;
}

Result<void> PressureFiles::read(CgroupReading& into, ReadBuffer& buffer) {
  auto text = cpu_.read(buffer);
  if (!text) return text.error();
  into.cpu_pressure_some = scan_pressure(*text).some;
  text = memory_.read(buffer);
  if (!text) return text.error();
  Pressure const memory = scan_pressure(*text);
  into.mem_pressure_some = memory.some;
  into.mem_pressure_full = memory.full;
  text = io_.read(buffer);
  if (!text) return text.error();
  into.io_pressure_some = scan_pressure(*text).some;
  return {};
}

}  // namespace dadvisor::agent
