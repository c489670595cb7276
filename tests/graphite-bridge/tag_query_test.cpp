#include "graphite-bridge/tag_query.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

using Tags = std::map<std::string, std::string>;

using Texts = std::vector<std::string>;

bool matches(Texts const& expressions, Tags const& tags) {
  auto const query = parse_tag_query(expressions);
  REQUIRE(query);
  return query->matches(tags);
}

}  // namespace

TEST_CASE("tag expressions choose series") {
  Tags const tags{{"name", "disk.used"}, {"dc", "bj"}, {"host", "h1"}};
  CHECK(matches({"name=disk.used"}, tags));
  CHECK(matches({"name=disk.used", "dc=bj"}, tags));
  CHECK_FALSE(matches({"name=disk.used", "dc=sh"}, tags));
  CHECK(matches({"name=~disk", "host=~h[12]"}, tags));
  CHECK_FALSE(matches({"name=~used"}, tags));  // from the start on
  CHECK(matches({"name=disk.used", "dc!=sh", "rack!=r1", "rack="}, tags));
  CHECK_FALSE(matches({"name=disk.used", "host!=~h[12]"}, tags));
  CHECK(matches({"dc!="}, tags));
}

TEST_CASE("a query must demand something and be well made") {
  for (Texts const& expressions :
       {Texts{}, Texts{"dc!=sh"}, Texts{"dc="}, Texts{"dc=~.*"}, Texts{"dc"}, Texts{"=x"},
        Texts{"dc=~("}, Texts{"a=b;c"}, Texts{"a=b", "other"}}) {
    CAPTURE(expressions);
    auto const query = parse_tag_query(expressions);
    REQUIRE_FALSE(query);
    CHECK(query.error().code == Errc::malformed);
  }
}
