#include "graphite-bridge/number_text.hpp"

#include <bit>
#include <catch2/catch.hpp>
#include <charconv>
#include <cmath>
#include <random>

#include "graphite-bridge/value.hpp"

using namespace dadvisor::graphite;

TEST_CASE("numbers print as Python prints them") {
  CHECK(repr(42) == "42.0");
  CHECK(repr(0.1) == "0.1");
  CHECK(repr(-0.0) == "-0.0");
  CHECK(repr(2e300) == "2e+300");
  CHECK(repr(1.5e-7) == "1.5e-07");
  CHECK(repr(0.0001) == "0.0001");
  CHECK(repr(0.00001) == "1e-05");
  CHECK(repr(1e15) == "1000000000000000.0");
  CHECK(repr(1e16) == "1e+16");
  CHECK(repr(61.0 / 3) == "20.333333333333332");
  CHECK(repr(9007199254741114.0) == "9007199254741114.0");
  CHECK(repr(HUGE_VAL) == "inf");
  CHECK(repr(std::nan("")) == "nan");
  CHECK(general(0.001) == "0.001");
  CHECK(general(1000000) == "1e+06");
  CHECK(general(2) == "2");
  CHECK(to_text(Value(std::int64_t{5})) == "5");
  CHECK(to_text(Value(5.0)) == "5.0");
  CHECK(to_text(Value(true)) == "True");
  CHECK(to_text(Value()) == "None");
}

TEST_CASE("of whole numbers that Python has as ints the point is left out") {
  CHECK(repr(42, true) == "42");
  CHECK(repr(-3, true) == "-3");
  CHECK(repr(0, true) == "0");
  CHECK(repr(-0.0, true) == "0");
  CHECK(repr(9007199254740991.0, true) == "9007199254740991");
  CHECK(repr(42, false) == "42.0");
  // What a double has not exactly is none of them.
  CHECK(repr(9007199254740992.0, true) == "9007199254740992.0");
  CHECK(repr(1e300, true) == "1e+300");
  CHECK(repr(2.5, true) == "2.5");
  CHECK(repr(-HUGE_VAL, true) == "-inf");
  CHECK(repr(std::nan(""), true) == "nan");
}

TEST_CASE("numbers with few decimals print as shortly as any others") {
  CHECK(repr(53.25) == "53.25");
  CHECK(repr(-0.001) == "-0.001");
  CHECK(repr(-12.05) == "-12.05");
  CHECK(repr(0.1 + 0.2) == "0.30000000000000004");
  CHECK(repr(999999999999999) == "999999999999999.0");
  CHECK(repr(99999999999999.9) == "99999999999999.9");
  CHECK(repr(123456789012.345) == "123456789012.345");
  CHECK(repr(0.0005) == "0.0005");
  std::mt19937_64 dice(2016);
  for (int i = 0; i < 200'000; ++i) {
    // A decimal, its neighbours, and any bits.
    double const decimal = static_cast<double>(static_cast<std::int64_t>(dice() >> (i % 60))) /
                           std::pow(10.0, static_cast<double>(dice() % 5));
    for (double const value :
         {decimal, std::nextafter(decimal, 0.0), -decimal, std::bit_cast<double>(dice())}) {
      if (!std::isfinite(value)) continue;
      auto const text = repr(value);
      char shortest[64];  // of the same digits, in whatever notation
      auto const* const end =
          std::to_chars(shortest, shortest + 64, value, std::chars_format::scientific).ptr;
      auto const digits = [](std::string_view all) {
        std::string out;
        for (char const c : all.substr(0, all.find('e')))
          if (c >= '0' && c <= '9') out += c;
        auto const first = out.find_first_not_of('0');
        if (first == out.npos) return std::string();
        return out.substr(first, out.find_last_not_of('0') + 1 - first);
      };
      INFO(text);
      if (digits(text) != digits({shortest, end})) FAIL_CHECK("not the shortest digits");
      if (parse_float(text) != value) FAIL_CHECK("reads back as another number");
    }
  }
}

TEST_CASE("rounding is exact and to even") {
  CHECK(round_to(2.0 / 3, 6) == 0.666667);
  CHECK(round_to(0.5, 0) == 0);
  CHECK(round_to(2.675, 2) == 2.67);  // 2.675 lies below itself in binary
  CHECK(round_to(1e300, 6) == 1e300);
  CHECK(round_to(-1.2345675, 6) == -1.234568);
}

TEST_CASE("numbers are read as Python reads them") {
  CHECK(parse_float(" 1e3 ") == 1000);
  CHECK(parse_float("+.5") == 0.5);
  CHECK(parse_float("-inf") == -HUGE_VAL);
  CHECK(parse_float("1e999") == HUGE_VAL);
  CHECK(parse_float("1e-999") == 0);
  CHECK_FALSE(parse_float(""));
  CHECK_FALSE(parse_float("1,5"));
  CHECK_FALSE(parse_float("+-1"));
  CHECK(parse_integer("-7") == -7);
  CHECK_FALSE(parse_integer("7.0"));
  CHECK_FALSE(parse_integer("99999999999999999999"));
}
