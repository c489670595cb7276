#include "aggregator/cli/store_text.hpp"

#include <catch2/catch.hpp>

#include "aggregator/cli/export_command.hpp"

namespace dadvisor::aggregator::cli {
namespace {

TEST_CASE("columns are as wide as their content, the last one is not filled up") {
  CHECK(columns_text({{"A", "BB"}, {"long", "x"}}) == "A     BB\nlong  x\n");
}

TEST_CASE("a damage is one line, whatever a name holds") {
  store::StoreDamage damage;
  damage.file = "spill/1-2-3.rows";
  damage.entity = "entity 7 (container a\nb)";
  damage.first = 1'700'000'000'000'000'000, damage.last = 1'700'000'600'000'000'000;
  damage.what = "a block is damaged";
  damage.remedy = "copy it back";
  CHECK(damage_line(damage) ==
        "spill/1-2-3.rows: entity 7 (container a\\x0ab): 2023-11-14T22:13:20Z to "
        "2023-11-14T22:23:20Z: a block is damaged; copy it back");
  damage.entity.clear();
  damage.first = 0, damage.last = -1;
  CHECK(damage_line(damage) == "spill/1-2-3.rows: a block is damaged; copy it back");
}

TEST_CASE("what is no answer of an aggregator is told from an empty one") {
  CHECK_FALSE(audit_table("<html>"));
  CHECK_FALSE(audit_table("{}"));
  CHECK(*audit_table(R"({"entries": []})") == "nothing was ever changed\n");
  CHECK_FALSE(deletion_table("[]", true));
  CHECK_FALSE(status_store_table("{}"));
  CHECK_FALSE(backup_line("{}"));
}

TEST_CASE("a rename says how many series it was, or would be") {
  std::string const told = R"({"from": "web", "to": "sites.web", "series": 2, "points": 24,)";
  CHECK(*rename_line(told + R"("dry_run": false})") ==
        "web to sites.web: 2 series, 24 points renamed\n");
  CHECK(*rename_line(told + R"("dry_run": true})") ==
        "web to sites.web: 2 series would be renamed (dry run)\n");
  CHECK_FALSE(rename_line(R"({"from": "web"})"));
}

TEST_CASE("a deletion is shown path by path, with the sum below") {
  auto const table = deletion_table(
      R"({"paths": [{"path": "d.c.hosts.h", "entities": 1, "series": 40, "rows": 360,
          "rows_1m": 60, "rows_10m": 6, "first": 1700000000, "last": 1700003590}],
          "entities": 1, "rows": 426, "dry_run": true})",
      true);
  REQUIRE(table);
  CHECK(*table ==
        "PATH         ENTITIES  SERIES  ROWS  ROWS 1M  ROWS 10M  FIRST                 LAST\n"
        "d.c.hosts.h  1         40      360   60       6         2023-11-14T22:13:20Z  "
        "2023-11-14T23:13:10Z\n"
        "1 entities, 0 single series, 426 rows would be deleted (dry run)\n");
}

TEST_CASE("plaintext lines leave absent points out and names that no line can hold") {
  std::string skipped;
  auto const lines = plaintext_lines(
      R"([{"target": "a.b", "datapoints": [[1.5, 10], [null, 20], [3, 30], [0.1, 40]]},
          {"target": "sum of all", "datapoints": [[1, 10]]}])",
      skipped);
  REQUIRE(lines);
  CHECK(*lines == "a.b 1.5 10\na.b 3 30\na.b 0.1 40\n");
  CHECK(skipped == "sum of all");
  CHECK_FALSE(plaintext_lines("{}", skipped));
  CHECK_FALSE(plaintext_lines(R"([{"target": "a", "datapoints": [[1]]}])", skipped));
}

}  // namespace
}  // namespace dadvisor::aggregator::cli
