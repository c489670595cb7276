#include "agent/doctor/finding.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

using namespace dadvisor::agent;
using Level = Finding::Level;

TEST_CASE("findings are lines, a remedy stands below its own") {
  std::vector<Finding> const findings{{Level::good, "cgroups", "v2", ""},
                                      {Level::note, "clock", "off", "run chrony"},
                                      {Level::fault, "docker", "a\nb", "start it"}};
  CHECK(render_table(findings) ==
        "ok     cgroups  v2\n"
        "note   clock    off\n"
        "                -> run chrony\n"
        "FAULT  docker   a\\x0ab\n"
        "                -> start it\n"
        "1 fault, 1 note\n");
  CHECK(has_fault(findings));
  CHECK_FALSE(has_fault({findings[0], findings[1]}));
  CHECK(render_table({findings[0]}) == "ok     cgroups  v2\nall is well\n");
}

TEST_CASE("findings as JSON") {
  auto const parsed = boost::json::parse(render_json({{Level::fault, "docker", "\"x\"", "y"}}));
  REQUIRE(parsed.as_array().size() == 1);
  auto const& one = parsed.as_array()[0].as_object();
  CHECK(one.at("level") == "fault");
  CHECK(one.at("about") == "docker");
  CHECK(one.at("found") == "\"x\"");
  CHECK(one.at("remedy") == "y");
}
