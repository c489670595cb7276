#include "agent/host/pressure.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::agent;

TEST_CASE("pressure is its totals") {
  auto const both = scan_pressure(
      "some avg10=38.51 avg60=22.60 avg300=6.37 total=20824964\n"
      "full avg10=38.50 avg60=22.59 avg300=6.37 total=20816536\n");
  CHECK(both.some == 20824964);
  CHECK(both.full == 20816536);
  auto const old = scan_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
  CHECK(old.some == 7);
  CHECK_FALSE(old.full);
  CHECK_FALSE(scan_pressure("").some);
  CHECK_FALSE(scan_pressure("some avg10=0.00\n").some);
}
