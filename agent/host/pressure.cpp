#include "agent/host/pressure.hpp"

#include "agent/host/scan.hpp"

namespace dadvisor::agent {

Pressure scan_pressure(std::string_view text) {
  Pressure pressure;
  std::string_view line;
  while (take_line(text, line)) {
    std::string_view const kind = take_word(line);
    std::size_t const at = line.find("total=");
    if (at == std::string_view::npos) continue;
    auto const total = scan_integer(line.substr(at + 6));
    if (kind == "some") pressure.some = total;
    if (kind == "full") pressure.full = total;
  }
  return pressure;
}

}  // namespace dadvisor::agent
