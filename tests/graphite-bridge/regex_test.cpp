#include "graphite-bridge/regex.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

std::string sub(std::string const& search, std::string const& replacement,
                std::string const& text) {
  auto const regex = Regex::compile(search);
  REQUIRE(regex);
  auto const out = regex->replace(text, replacement);
  REQUIRE(out);
  return *out;
}

}  // namespace

TEST_CASE("groups go into the replacement") {
  CHECK(sub("^.*host(\\d+).*$", "h\\1", "app.host12.cpu") == "h12");
  CHECK(sub("(^.*$)", "\\1 A", "cpu of web") == "cpu of web A");  // as Grafana wraps all targets
  CHECK(sub("(?P<first>a)(b)?", "[\\g<first>\\g<2>\\2]", "ac") == "[a]c");
  CHECK(sub("a", "\\\\", "bab") == "b\\b");
  CHECK(sub("a", "\\.", "bab") == "b\\.b");
  CHECK(sub("a", "\\n", "bab") == "b\nb");
}

TEST_CASE("empty matches are replaced as Python replaces them") {
  CHECK(sub("(.*)", "x", "a") == "xx");
  CHECK(sub("x*", "-", "abxd") == "-a-b--d-");
  CHECK(sub("", "-", "\xc3\xb6") == "-\xc3\xb6-");
  CHECK(sub("b", "x", "") == "");
}

TEST_CASE("a wrong pattern or replacement is malformed") {
  for (char const* pattern : {"(", "a(?=b)", "(a)\\1"}) {
    auto const regex = Regex::compile(pattern);
    REQUIRE_FALSE(regex);
    CHECK(regex.error().code == Errc::malformed);
  }
  auto const regex = Regex::compile("(a)");
  for (char const* replacement : {"\\2", "\\q", "\\", "\\g<", "\\g<name>", "\\g<7>"}) {
    CAPTURE(replacement);
    auto const out = regex->replace("a", replacement);
    REQUIRE_FALSE(out);
    CHECK(out.error().code == Errc::malformed);
  }
}

TEST_CASE("matching is searching, or from the start") {
  auto const regex = Regex::compile("b.d");
  CHECK(regex->matches("abcd"));
  CHECK_FALSE(regex->matches_start("abcd"));
  CHECK(regex->matches_start("bcde"));
}

TEST_CASE("what matches anything matches nothing and bytes too") {
  for (char const* pattern : {"", "^", ".*", "^.*"}) {
    auto const regex = Regex::compile(pattern);
    REQUIRE(regex);
    for (char const* text : {"", "a.b", "\n", "\xff"}) CHECK(regex->matches(text));
  }
  for (char const* pattern : {".", "^.", ".+", "^$"}) {
    auto const regex = Regex::compile(pattern);
    REQUIRE(regex);
    CHECK(regex->matches("") == (std::string_view(pattern) == "^$"));
  }
}

TEST_CASE("what a text must begin with is not taken for more") {
  struct Case {
    char const *pattern, *text;
    bool matches;
  };
  for (auto const& [pattern, text, matches] :
       std::vector<Case>{{"^bench\\.names\\.", "bench.names.x", true},
                         {"^bench\\.names\\.", "bench.apps.x", false},
                         {"^bench\\.names\\.", "a.bench.names.x", false},
                         {"^ab*c", "ac", true},
                         {"^ab?c", "ac", true},
                         {"^ab{0,1}c", "ac", true},
                         {"^ab+c", "abbc", true},
                         {"^a\\.*b", "ab", true},
                         {"^a\\.?b", "ab", true},
                         {"^a|b", "cb", true},
                         {"^(a|b)c", "bc", true},
                         {"^a.c", "abc", true},
                         {"^\\d+", "7", true},
                         {"^\\w", "a", true},
                         {"^a\\w", "ab", true},
                         {"^[ab]", "b", true},
                         {"^a$", "a", true},
                         {"^a$", "ab", false},
                         {"^ab", "a", false},
                         {"(?i)^ab", "AB", true},
                         {"^(?i)ab", "AB", true}}) {
    INFO(pattern << " in " << text);
    auto const regex = Regex::compile(pattern);
    REQUIRE(regex);
    CHECK(regex->matches(text) == matches);
  }
}
