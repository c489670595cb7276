#include "graphite-bridge/picture/unit_text.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::graphite::picture;

TEST_CASE("one number is written in three digits and a prefix") {
  auto const si = [](double value) { return number_text(value, UnitSystem::si, ""); };
  CHECK(si(0) == "0");
  CHECK(si(7) == "7");
  CHECK(si(12.345) == "12.3");
  CHECK(si(999.94) == "1k");
  CHECK(si(1000) == "1k");
  CHECK(si(1234567) == "1.23M");
  CHECK(si(-1234567) == "-1.23M");
  CHECK(si(0.05) == "0.05");
  CHECK(si(0.00001) == "1e-05");
  CHECK(si(1e300) == "1e+300");
  CHECK(si(1400) == "1.40k");  // lines up with 1.41k
  CHECK(number_text(1536, UnitSystem::binary, "B") == "1.50 KiB");
  CHECK(number_text(1536, UnitSystem::none, "B") == "1536 B");
  CHECK(number_text(87.5, UnitSystem::si, "%") == "87.5%");
  CHECK(number_text(90, UnitSystem::seconds, "") == "1.50 min");
  CHECK(number_text(250, UnitSystem::milliseconds, "") == "250 ms");
}

TEST_CASE("labels of close values keep the digits in which they differ") {
  auto const text = NumberText::for_axis(1000005, 1, UnitSystem::si, "");
  CHECK(text(1000001) == "1000.001k");
  auto const wide = NumberText::for_axis(1e9 + 5, 1, UnitSystem::si, "");
  CHECK(wide(1e9 + 1) == "1000000.001k");
  CHECK(text(0) == "0");
  auto const tiny = NumberText::for_axis(0.4, 0.1, UnitSystem::si, "");
  CHECK(tiny(-1e-17) == "0");  // never "-0.0"
}
