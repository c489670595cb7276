#include "graphite-bridge/tag_query.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

using Tags = std::map<std::string, std::string>;

bool matches(std::string const& call, Tags const& tags) {
  auto const query = parse_tag_query(call);
  REQUIRE(query);
  return query->matches(tags);
}

}  // namespace

TEST_CASE("tag expressions choose series") {
  Tags const tags{{"name", "disk.used"}, {"dc", "bj"}, {"host", "h1"}};
  CHECK(matches("seriesByTag('name=disk.used')", tags));
  CHECK(matches("seriesByTag( \"name=disk.used\" , 'dc=bj')", tags));
  CHECK_FALSE(matches("seriesByTag('name=disk.used','dc=sh')", tags));
  CHECK(matches("seriesByTag('name=~disk','host=~h[12]')", tags));
  CHECK_FALSE(matches("seriesByTag('name=~used')", tags));  // from the start on
  CHECK(matches("seriesByTag('name=disk.used','dc!=sh','rack!=r1','rack=')", tags));
  CHECK_FALSE(matches("seriesByTag('name=disk.used','host!=~h[12]')", tags));
  CHECK(matches("seriesByTag('dc!=')", tags));
}

TEST_CASE("a query must demand something and be well made") {
  for (char const* call :
       {"seriesByTag()", "seriesByTag('dc!=sh')", "seriesByTag('dc=')", "seriesByTag('dc=~.*')",
        "seriesByTag('dc')", "seriesByTag('=x')", "seriesByTag('dc=~(')", "seriesByTag(a.b)",
        "seriesByTag('a=b;c')", "seriesByTag(", "other('a=b')"}) {
    CAPTURE(call);
    auto const query = parse_tag_query(call);
    REQUIRE_FALSE(query);
    CHECK(query.error().code == Errc::malformed);
  }
}

TEST_CASE("a pattern is a tag query or a path") {
  CHECK(is_tag_query("seriesByTag('a=b')"));
  CHECK(is_tag_query("seriesByTag ('a=b')"));
  CHECK_FALSE(is_tag_query("seriesByTag.x"));
  CHECK_FALSE(is_tag_query("a.b"));
}
