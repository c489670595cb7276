#include "agent/slot_ledger.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "common/core/fd.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;

TEST_CASE("a slot is not given twice in an epoch, whatever happens to the file") {
  auto const path =
      (std::filesystem::temp_directory_path() / ("dadvisor-slots-" + std::to_string(getpid())))
          .string();
  std::filesystem::remove(path);
  std::uint64_t const epoch = 1'795'390'000;
  auto const now = from_unix_seconds(1'795'390'000);
  {
    SlotLedger fresh(path, epoch, now);
    CHECK(fresh.first() == 0);  // a new spool
    REQUIRE(fresh.reserve(5));
    CHECK(fresh.reserve(4101));
  }
  SlotLedger again(path, epoch, now);
  CHECK(again.first() >= 4101);
  auto const first = again.first();
  REQUIRE(again.reserve(first + 10'000));
  CHECK(SlotLedger(path, epoch, now).first() >= first + 10'000);

  auto const later = now + std::chrono::hours(10);
  std::filesystem::remove(path);
  CHECK(SlotLedger(path, epoch, later).first() == 36'000 * 16);
  for (auto const* damaged : {"", "12", "x\n", "-1\n", "99999999999\n"}) {
    INFO(damaged);
    REQUIRE(replace_file(path, damaged));
    CHECK(SlotLedger(path, epoch, later).first() == 36'000 * 16);
  }
  std::filesystem::remove(path);
  CHECK(SlotLedger(path, epoch, from_unix_seconds(0)).first() == 0);  // a clock before the epoch
  SlotLedger nowhere("/nonexistent/slots", epoch, now);
  CHECK_FALSE(nowhere.reserve(1));
}
