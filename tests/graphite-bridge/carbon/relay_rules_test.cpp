#include "graphite-bridge/carbon/relay_rules.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::graphite;

TEST_CASE("the first rule that fits says where a path goes") {
  auto const loaded = parse_relay_rules(
      "[copies]\npattern = ^prod\\.\ndestinations = a:2004:x\ncontinue = true\n"
      "[web]\npattern = \\.WEB\ndestinations = b:2004, c:2104:y\n"
      "[old]\ndefault = false\ndestinations = nowhere:1\n"
      "[rest]\ndefault = yes\ndestinations = d:2004\n",
      "relay-rules.conf");
  REQUIRE(loaded.errors.empty());
  REQUIRE(loaded.rules.size() == 3);
  auto const where = [&](std::string_view path) {
    std::string out;
    for (std::string const destination : {"a:2004:x", "b:2004", "c:2104:y", "d:2004"})
      if (relayed(loaded.rules, path, destination)) out += destination[0];
    return out;
  };
  CHECK(where("prod.web.cpu") == "abc");  // the copies go on, whatever the case
  CHECK(where("prod.db.cpu") == "ad");
  CHECK(where("test.web.cpu") == "bc");
  CHECK(where("test.db.prod.cpu") == "d");
  CHECK_FALSE(relayed(loaded.rules, "prod.web.cpu", "a:2004"));  // another instance
}

TEST_CASE("rules that carbon-relay would not start with are refused with their line") {
  auto const first_error = [](std::string_view text) {
    auto const loaded = parse_relay_rules(text, "r");
    return loaded.errors.empty() ? std::string() : loaded.errors.front();
  };
  CHECK(first_error("").empty());
  CHECK(first_error("[a]\npattern = x\n").starts_with("r:1: [a] has no destinations"));
  CHECK(first_error("[a]\npattern = x\ndestinations = h:1\n").starts_with("r:1: there is no"));
  CHECK(first_error("[a]\ndefault = true\npattern = x\ndestinations = h:1\n")
            .starts_with("r:2: [a] has a pattern too"));
  CHECK(first_error("[a]\ndefault = true\ndestinations = h:1\n"
                    "[b]\ndestinations = h:1\ndefault = true\n")
            .starts_with("r:6: there is another default"));
  CHECK(first_error("[a]\ndestinations = h:1\ndefault = perhaps\n")
            .starts_with("r:3: default = perhaps"));
  CHECK(first_error("[a]\ndestinations = h:1\npattern = (\n").starts_with("r:3: "));
}
