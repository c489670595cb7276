// Expected texts are what Python 3.11 prints.

#include "graphite-bridge/functions/python_format.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using graphite::functions::python_format;

namespace {

std::string text(std::string const& format, double value) {
  auto const out = python_format(format, value);
  if (!out) FAIL(out.error().context);
  return *out;
}

}  // namespace

TEST_CASE("numbers are written as Python's % does") {
  CHECK(text("%d", 42.9) == "42");
  CHECK(*python_format("%s of %%", 2, true) == "2 of %");
  CHECK(*python_format("%r", 2, false) == "2.0");
  CHECK(*python_format("%.1f", 2, true) == "2.0");
  CHECK(text("%d", -42.9) == "-42");
  CHECK(text("%i", -0.5) == "0");
  CHECK(text("%05d|", -7) == "-0007|");
  CHECK(text("%-5d|", 7) == "7    |");
  CHECK(text("%+d", 7) == "+7");
  CHECK(text("% d", 7) == " 7");
  CHECK(text("%.3d", 7) == "007");
  CHECK(text("%f", 1.5) == "1.500000");
  CHECK(text("%.0f", 2.5) == "2");
  CHECK(text("%8.2f|", 3.14159) == "    3.14|");
  CHECK(text("%08.2f|", -3.14159) == "-0003.14|");
  CHECK(text("%e", 12345.678) == "1.234568e+04");
  CHECK(text("%g", 1e-7) == "1e-07");
  CHECK(text("%G", 1e20) == "1E+20");
  CHECK(text("%#.3g", 2.0) == "2.00");
  CHECK(text("%s", 3.0) == "3.0");
  CHECK(text("%r", 0.1) == "0.1");
  CHECK(text("%.2s|", 12.75) == "12|");
  CHECK(text("%6s|", 1.5) == "   1.5|");
  CHECK(text("%d%% of all", 99.2) == "99% of all");
}

TEST_CASE("what is no format for one number is an error") {
  for (char const* format :
       {"", "text", "%%", "%d %d", "%", "%x", "%100d", "%.100f", "%(a)d", "%*d", "%5", "%c"}) {
    CAPTURE(format);
    auto const out = python_format(format, 1);
    REQUIRE_FALSE(out);
    CHECK(out.error().code == Errc::malformed);
  }
}
