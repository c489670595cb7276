#include "graphite-bridge/time_zone.hpp"

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <string>

#include "graphite-bridge/posix_zone.hpp"

using namespace dadvisor::graphite;

namespace {

std::string big_endian(std::int64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
  return out;
}

// A version 2 file of one change at time 1000, from +1 h to +2 h, and a rule for afterwards.
std::string zone_file(std::string const& footer) {
  auto const header = [](int times, int types) {
    return std::string("TZif2") + std::string(15, '\0') + big_endian(0, 4) + big_endian(0, 4) +
           big_endian(0, 4) + big_endian(times, 4) + big_endian(types, 4) + big_endian(4, 4);
  };
  std::string const types = big_endian(3600, 4) + std::string("\0\0", 2) + big_endian(7200, 4) +
                            std::string("\1\0", 2) + std::string("XXX\0", 4);
  return header(1, 2) + big_endian(1000, 4) + std::string("\1", 1) + types + header(1, 2) +
         big_endian(1000, 8) + std::string("\1", 1) + types + "\n" + footer + "\n";
}

class ZoneFolder {
 public:
  explicit ZoneFolder(std::string const& content) {
    char name[] = "/tmp/dadvisor-zone-XXXXXX";
    path_ = mkdtemp(name);
    std::ofstream(path_ + "/Zone", std::ios::binary) << content;
  }
  ~ZoneFolder() {
    std::remove((path_ + "/Zone").c_str());
    std::remove(path_.c_str());
  }
  ZoneFolder(ZoneFolder const&) = delete;
  ZoneFolder& operator=(ZoneFolder const&) = delete;
  std::string const& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("a zone file gives the offset before, between and behind its changes") {
  ZoneFolder const folder(zone_file("XST-3"));
  auto const zone = TimeZone::load("Zone", folder.path());
  REQUIRE(zone);
  CHECK(zone->offset_at(999) == 3600);
  CHECK(zone->offset_at(1000) == 3 * 3600);
  ZoneFolder const without(zone_file(""));
  CHECK(TimeZone::load("Zone", without.path())->offset_at(2000) == 7200);
}

TEST_CASE("a broken zone file is no zone") {
  auto const whole = zone_file("");
  for (std::size_t size = 0; size + 1 < whole.size(); size += 7) {
    ZoneFolder const folder(whole.substr(0, size));
    CHECK_FALSE(TimeZone::load("Zone", folder.path()));
  }
}

TEST_CASE("a name does not lead out of the folder") {
  for (char const* name : {"", "../etc/passwd", "/etc/passwd", "a/../../b", "No/Such", "a b"}) {
    CHECK_FALSE(TimeZone::load(name));
  }
  CHECK(TimeZone::load("UTC", "/nonexistent")->offset_at(0) == 0);
}

TEST_CASE("rules change clocks on their days") {
  auto const berlin = PosixZone::parse("CET-1CEST,M3.5.0,M10.5.0/3");
  REQUIRE(berlin);
  CHECK(berlin->at(1711846799).seconds == 3600);  // 2024-03-31 00:59:59 UTC
  CHECK(berlin->at(1711846800).seconds == 7200);
  CHECK(berlin->at(1711846800).is_daylight);
  CHECK(berlin->at(1729990799).seconds == 7200);  // 2024-10-27 00:59:59 UTC
  CHECK(berlin->at(1729990800).seconds == 3600);
  auto const sydney = PosixZone::parse("AEST-10AEDT,M10.1.0,M4.1.0/3");
  CHECK(sydney->at(1704067200).seconds == 11 * 3600);  // January
  CHECK(sydney->at(1719792000).seconds == 10 * 3600);  // July
  CHECK(PosixZone::parse("<+0330>-3:30")->at(0).seconds == 12600);
  auto const julian = PosixZone::parse("AAA0BBB,J60/0,300/0");
  CHECK(julian->at(1709251199).seconds == 0);     // 2024-02-29 23:59:59
  CHECK(julian->at(1709251200).seconds == 3600);  // 1 March
  for (char const* text : {"", "X", "CET", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.5.0"}) {
    CHECK_FALSE(PosixZone::parse(text));
  }
}

TEST_CASE("a local reading that is there twice or never is taken in standard time") {
  auto const berlin = TimeZone::load("Europe/Berlin");
  if (!berlin) {
    WARN("no zoneinfo files on this machine");
    return;
  }
  CHECK(berlin->offset_at(1480312800) == 3600);
  CHECK(berlin->offset_at(1467331200) == 7200);
  CHECK(berlin->offset_at(4118083200) == 7200);  // July 2100, by the rule
  // 2016-10-30 02:30 local is 00:30 and 01:30 UTC.
  CHECK(berlin->to_unix(1477794600) == 1477791000);
  // 2016-03-27 02:30 local is not there.
  CHECK(berlin->to_unix(1459045800) == 1459042200);
  CHECK(berlin->to_unix(1480291200) == 1480287600);
}

TEST_CASE("a part of a zone's name is no zone") {
  CHECK(TimeZone::load("Europe/Berlin"));
  CHECK_FALSE(TimeZone::load("Europe"));
}
