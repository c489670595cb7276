#include "agent/doctor/finding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <string_view>

#include "common/core/log.hpp"

namespace dadvisor::agent {
namespace {

constexpr std::string_view name_of(Finding::Level level) {
  switch (level) {
    case Finding::Level::good:
      return "ok";
    case Finding::Level::note:
      return "note";
    case Finding::Level::fault:
      return "FAULT";
  }
  return "?";
}

auto count(std::vector<Finding> const& findings, Finding::Level level) {
  return std::ranges::count(findings, level, &Finding::level);
}

std::string number_of(std::ptrdiff_t number, std::string_view thing) {
  return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
}

}  // namespace

std::string render_table(std::vector<Finding> const& findings) {
  std::size_t widest = 0;
  for (auto const& one : findings) widest = std::max(widest, one.about.size());
  std::string text;
  for (auto const& one : findings) {
    text += fmt::format("{:<5}  {:<{}}  {}\n", name_of(one.level), one.about, widest,
                        printable(one.found));
    if (!one.remedy.empty())
      text += fmt::format("{:<5}  {:<{}}  -> {}\n", "", "", widest, printable(one.remedy));
  }
  auto const faults = count(findings, Finding::Level::fault);
  auto const notes = count(findings, Finding::Level::note);
  return text + (faults + notes == 0 ? "all is well\n"
                                     : fmt::format("{}, {}\n", number_of(faults, "fault"),
                                                   number_of(notes, "note")));
}

std::string render_json(std::vector<Finding> const& findings) {
  boost::json::array all;
  for (auto const& one : findings)
    all.push_back({{"level", one.level == Finding::Level::fault ? "fault" : name_of(one.level)},
                   {"about", one.about},
                   {"found", one.found},
                   {"remedy", one.remedy}});
  return boost::json::serialize(all) + "\n";
}

bool has_fault(std::vector<Finding> const& findings) {
  return count(findings, Finding::Level::fault) > 0;
}

}  // namespace dadvisor::agent
