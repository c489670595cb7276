#include "graphite-bridge/line.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace dadvisor;
using namespace dadvisor::graphite;

TEST_CASE("a point becomes a line that reads back the same") {
  std::string out;
  REQUIRE(append_line(out, "dadvisor.c.hosts.h1.cpu.cores", 0.1, 1480294800));
  REQUIRE(append_line(out, "a:b.50%-x", 42, 10));
  REQUIRE(append_line(out, "a", 1e300, 10));
  CHECK(out == "dadvisor.c.hosts.h1.cpu.cores 0.1 1480294800\na:b.50%-x 42 10\na 1e+300 10\n");
}

TEST_CASE("what carbon would misread is refused and nothing written") {
  std::string out = "kept\n";
  for (char const* path : {"", "a b", "a..b", ".a", "a.", "a\nb", "a;b=c", "\xc3\xb6", "a*"}) {
    CAPTURE(path);
    auto const written = append_line(out, path, 1, 10);
    REQUIRE_FALSE(written);
    CHECK(written.error().code == Errc::malformed);
  }
  CHECK_FALSE(append_line(out, "a", std::nan(""), 10));
  CHECK_FALSE(append_line(out, "a", HUGE_VAL, 10));
  CHECK(out == "kept\n");
}
