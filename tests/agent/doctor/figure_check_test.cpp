#include "agent/doctor/figure_check.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::agent;
using Level = Finding::Level;

namespace {

Batch batch(std::vector<Cell> cells) {
  Batch made;
  made.schemas = {{{}}, {{metric::cpu_usage, metric::io_read_bytes}}};
  made.entities.push_back({0, {{EntityKind::host, "h", "", 0}, {}}});
  made.rows = {{0, 0, {}}};
  if (cells.empty()) return made;
  made.entities.push_back({1, {{EntityKind::container, "h", "a", 1}, {}}});
  made.rows.push_back({1, 1, std::move(cells)});
  return made;
}

}  // namespace

TEST_CASE("metrics that no container has are named") {
  CHECK(check_figures(batch({1, 2}), false) ==
        Finding{Level::good, "figures", "1 container with 2 of 2 metrics", ""});
  CHECK(check_figures(batch({1, std::nullopt}), false).found ==
        "1 container with 1 of 2 metrics; none has io.read_bytes");
  auto const uncounted = check_figures(batch({1, std::nullopt}), true);
  CHECK(uncounted.level == Level::note);
  CHECK_FALSE(uncounted.remedy.empty());
  CHECK(check_figures(batch({}), false).level == Level::note);
}
