#include "agent/host/scan.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::agent;

TEST_CASE("an integer is digits alone, and saturates where kernels write 'no limit'") {
  CHECK(scan_integer("26808949823\n") == 26808949823);
  CHECK(scan_integer("-1\n") == -1);
  CHECK(scan_integer("  42 ") == 42);
  CHECK(scan_integer("9223372036854771712") == 9223372036854771712);
  CHECK(scan_integer("18446744073709551615") == std::numeric_limits<std::int64_t>::max());
  CHECK(scan_integer("max\n") == std::nullopt);
  CHECK(scan_integer("") == std::nullopt);
  CHECK(scan_integer("-") == std::nullopt);
  CHECK(scan_integer("12x") == std::nullopt);
  CHECK(scan_integer("0.5") == std::nullopt);
}

TEST_CASE("a key is matched whole") {
  std::string_view const text = "total_pgmajfault 2\npgfault 7\nMemTotal:  24683620 kB\nempty\n";
  CHECK(scan_key(text, "pgfault") == 7);
  CHECK(scan_key(text, "total_pgmajfault") == 2);
  CHECK(scan_key(text, "MemTotal") == 24683620);
  CHECK(scan_key(text, "pgmajfault") == std::nullopt);
  CHECK(scan_key(text, "empty") == std::nullopt);
  CHECK(scan_key("pgfault 7", "pgfaul") == std::nullopt);
}

TEST_CASE("a cpu list is counted") {
  CHECK(count_cpu_list("0-1\n") == 2);
  CHECK(count_cpu_list("0-3,8,10-11\n") == 7);
  CHECK(count_cpu_list("5") == 1);
  CHECK(count_cpu_list("\n") == std::nullopt);
  CHECK(count_cpu_list("3-1") == std::nullopt);
  CHECK(count_cpu_list("a") == std::nullopt);
}

TEST_CASE("a sum over devices stands still when one of them goes, and grows on after it") {
  SteadySum sum;
  CHECK(sum.feed(1000) == 1000);
  CHECK(sum.feed(1500) == 1500);
  CHECK(sum.feed(300) == 1500);  // a device of 1,200 went
  CHECK(sum.feed(350) == 1550);
  CHECK(sum.feed(350) == 1550);
}

TEST_CASE("figures made of scanned ones stop at the end of 64 bits") {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  CHECK(bounded_sum(40, 2) == 42);
  CHECK(bounded_sum(most, 1) == most);
  CHECK(bounded_sum(-most, -1) == -most);
  CHECK(bounded_sum(-most, -most) == -most);
  CHECK(bounded_difference(2, 44) == -42);
  CHECK(bounded_difference(-most, most) == -most);
  CHECK(bounded_difference(most, -1) == most);
  CHECK(bounded_product(-6, 7) == -42);
  CHECK(bounded_product(most / 1024 + 1, 1024) == most);
  CHECK(bounded_product(-most, 512) == -most);
  CHECK(count_cpu_list("0-9223372036854775807,0-9223372036854775807") == most);
  SteadySum sum;
  CHECK(sum.feed(most) == most);
  CHECK(sum.feed(-most) == most);
  CHECK(sum.feed(most) == most);
}
