#include "graphite-bridge/glob.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

bool matches(std::string const& pattern, std::string const& node) {
  auto const compiled = NodePattern::compile(pattern);
  REQUIRE(compiled);
  return compiled->matches(node);
}

}  // namespace

TEST_CASE("stars and question marks match within a node") {
  CHECK(matches("*", ""));
  CHECK(matches("host*", "host12"));
  CHECK(matches("*12", "host12"));
  CHECK(matches("h*t*2", "host12"));
  CHECK_FALSE(matches("h*t*3", "host12"));
  CHECK(matches("host?", "host1"));
  CHECK_FALSE(matches("host?", "host"));
  CHECK_FALSE(matches("host?", "host12"));
  CHECK(matches("h?st", "h\xc3\xb6st"));  // one character, two bytes
  CHECK(matches("a**b", "axxb"));
}

TEST_CASE("sets match one character of them, negated ones any other") {
  CHECK(matches("host[1-3]", "host2"));
  CHECK_FALSE(matches("host[1-3]", "host4"));
  CHECK(matches("host[!1-3]", "host4"));
  CHECK_FALSE(matches("host[!1-3]", "host2"));
  CHECK(matches("[ab-]", "-"));
  CHECK(matches("[]a]", "]"));
  CHECK(matches("[a", "[a"));  // never closed: itself
}

TEST_CASE("braces are alternatives and may nest") {
  CHECK(matches("{web,db}", "db"));
  CHECK_FALSE(matches("{web,db}", "api"));
  CHECK(matches("host{1,2{a,b}}x", "host2bx"));
  CHECK(matches("host{1,2{a,b}}x", "host1x"));
  CHECK_FALSE(matches("host{1,2{a,b}}x", "host2x"));
  CHECK(matches("a{,b}", "a"));
  CHECK(matches("{web*,db}", "web3"));
  CHECK(matches("{web", "{web"));
  CHECK(matches("a\\{b", "a{b"));
  CHECK_FALSE(matches("\\*", "x"));
}

TEST_CASE("a long run of stars does not take forever") {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "*a";
  CHECK_FALSE(matches(pattern + "b", std::string(2000, 'a')));
}

TEST_CASE("an index can seek to the literal prefix of a pattern") {
  CHECK(NodePattern::compile("host*")->literal_prefix() == "host");
  CHECK(NodePattern::compile("{host,home}*")->literal_prefix() == "ho");
  CHECK(NodePattern::compile("*x")->literal_prefix().empty());
  auto const exact = NodePattern::compile("{b,a,b}");
  CHECK(exact->is_literal());
  CHECK(exact->literals() == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(NodePattern::compile("a?")->is_literal());
  CHECK(has_wildcard("a.{b,c}"));
  CHECK_FALSE(has_wildcard("a.b"));
}

TEST_CASE("braces beyond the limit are refused") {
  std::string pattern;
  for (int i = 0; i < 11; ++i) pattern += "{a,b}";
  auto const compiled = NodePattern::compile(pattern);
  REQUIRE_FALSE(compiled);
  CHECK(compiled.error().code == Errc::too_large);
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "{a,b{c,d}e}";
  CHECK_FALSE(NodePattern::compile(deep));
}

TEST_CASE("paths match node by node") {
  auto const pattern = PathPattern::compile("app.*.host{1,2}.cpu");
  REQUIRE(pattern);
  CHECK(pattern->nodes().size() == 4);
  CHECK(pattern->matches("app.web.host2.cpu"));
  CHECK_FALSE(pattern->matches("app.web.x.host2.cpu"));
  CHECK_FALSE(pattern->matches("app.web.host2"));
  CHECK(split_nodes("a..b") == std::vector<std::string_view>{"a", "", "b"});
  CHECK(split_nodes("") == std::vector<std::string_view>{""});
}
