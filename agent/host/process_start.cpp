#include "agent/host/process_start.hpp"

#include <unistd.h>

#include "agent/host/scan.hpp"

namespace dadvisor::agent {

std::optional<std::int64_t> process_start_ns(std::string const& proc_root, std::int64_t pid,
                                             ReadBuffer& buffer) {
  auto const stat = read_once(proc_root + "/" + std::to_string(pid) + "/stat", buffer);
  if (!stat) return std::nullopt;
  // The name may hold blanks and brackets: fields are counted from the last ')', which ends the
  // second. The start is the 22nd, in ticks since boot.
  std::size_t const end = stat->rfind(')');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view rest = stat->substr(end + 1);
  for (int field = 3; field < 22; ++field) take_word(rest);
  auto const ticks = scan_integer(take_word(rest));
  if (!ticks) return std::nullopt;
  auto const since_boot = bounded_product(*ticks, 1'000'000'000 / ::sysconf(_SC_CLK_TCK));
  auto const host = read_once(proc_root + "/stat", buffer);
  if (!host) return std::nullopt;
  auto const boot = scan_key(*host, "btime");
  if (!boot) return std::nullopt;
  return bounded_sum(bounded_product(*boot, 1'000'000'000), since_boot);
}

}  // namespace dadvisor::agent
