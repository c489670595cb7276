#include "graphite-bridge/find.hpp"

#include <catch2/catch.hpp>

#include "memory_source.hpp"

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

test::MemorySource small_source() {
  test::MemorySource source;
  for (char const* name : {"srv.s1.read", "srv.s1.write", "srv.s2.read", "srv.s1.read.ops",
                           "app.web.host1.cpu", "app.db.host1.cpu"}) {
    source.add(name, 0, 60, {1});
  }
  return source;
}

std::string found(Parameters const& parameters) {
  auto const answer = find(parameters, 600, small_source());
  if (!answer) FAIL(answer.error().context);
  CHECK(answer->content_type == "application/json");
  return answer->body;
}

std::string tree_node(std::string const& text, std::string const& id, bool leaf) {
  std::string const branch = leaf ? "0" : "1";
  return "{\"text\": \"" + text + "\", \"id\": \"" + id + "\", \"allowChildren\": " + branch +
         ", \"expandable\": " + branch + ", \"leaf\": " + (leaf ? "1" : "0") + "}";
}

}  // namespace

TEST_CASE("a tree lists branches before leaves") {
  CHECK(found({{"query", "*"}}) ==
        "[" + tree_node("app", "app", false) + ", " + tree_node("srv", "srv", false) + "]");
  CHECK(found({{"query", "srv.s1.*"}}) == "[" + tree_node("read", "srv.s1.read", false) + ", " +
                                              tree_node("read", "srv.s1.read", true) + ", " +
                                              tree_node("write", "srv.s1.write", true) + "]");
  CHECK(found({{"query", "srv.s1.*"}, {"leavesOnly", "1"}, {"wildcards", "1"}}) ==
        "[" + tree_node("*", "srv.s1.*", true) + ", " + tree_node("read", "srv.s1.read", true) +
            ", " + tree_node("write", "srv.s1.write", true) + "]");
  CHECK(found({{"query", "no.*"}}) == "[]");
}

TEST_CASE("equal names below a wildcard are one node") {
  CHECK(found({{"query", "app.*.host1"}}) == "[" + tree_node("host1", "app.*.host1", false) + "]");
}

TEST_CASE("the other formats") {
  CHECK(found({{"query", "app.*"}, {"format", "json"}}) ==
        "[{\"path\": \"app.db\", \"is_leaf\": false}, {\"path\": \"app.web\", \"is_leaf\": "
        "false}]");
  CHECK(found({{"query", "srv.s2.*"}, {"format", "json"}}) ==
        "[{\"path\": \"srv.s2.read\", \"is_leaf\": true, \"intervals\": [{\"start\": 0, \"end\": "
        "600}]}]");
  CHECK(found({{"query", "app.*.host1"}, {"format", "nodelist"}, {"position", "1"}}) ==
        "{\"nodes\": [\"db\", \"web\"]}");
  CHECK(found({{"query", "app.w"}, {"format", "completer"}}) ==
        "{\"metrics\": [{\"path\": \"app.web.\", \"name\": \"web\", \"is_leaf\": \"0\"}]}");
  CHECK(found({{"query", "srv.s2,s1..r"}, {"format", "completer"}, {"automatic_variants", "1"}}) ==
        found({{"query", "srv.{s2,s1*}.r*"}, {"format", "completer"}}));
  CHECK(found({{"query", "a"}, {"format", "completer"}, {"wildcards", "1"}})
            .find("{\"name\": \"*\"}") == std::string::npos);
}

TEST_CASE("times are read and -1 is any") {
  CHECK(found({{"query", "app"}, {"from", "-1"}, {"until", "-1"}}) ==
        "[" + tree_node("app", "app", false) + "]");
  CHECK(found({{"query", "app"}, {"from", "-1h"}, {"until", "now"}, {"tz", "UTC"}}) ==
        "[" + tree_node("app", "app", false) + "]");
}

TEST_CASE("a wrong question is malformed") {
  for (Parameters const& parameters :
       {Parameters{}, Parameters{{"query", ""}}, Parameters{{"query", "a"}, {"format", "xml"}},
        Parameters{{"query", "a"}, {"from", "x"}}, Parameters{{"query", "a"}, {"leavesOnly", "y"}},
        Parameters{{"query", "app"}, {"format", "nodelist"}, {"position", "7"}}}) {
    auto const answer = find(parameters, 600, small_source());
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Errc::malformed);
  }
}

TEST_CASE("expand lists paths, each once") {
  auto expanded = [](Parameters const& parameters) {
    auto const answer = expand(parameters, 600, small_source());
    REQUIRE(answer);
    return answer->body;
  };
  CHECK(expanded({{"query", "srv.*"}, {"query", "srv.s1"}}) ==
        "{\"results\": [\"srv.s1\", \"srv.s2\"]}");
  CHECK(expanded({{"query", "srv.s1.*"}, {"leavesOnly", "1"}}) ==
        "{\"results\": [\"srv.s1.read\", \"srv.s1.write\"]}");
  CHECK(expanded({{"query", "app.*"}, {"query", "no"}, {"groupByExpr", "1"}}) ==
        "{\"results\": {\"app.*\": [\"app.db\", \"app.web\"], \"no\": []}}");
  CHECK(expanded({}) == "{\"results\": []}");
}

TEST_CASE("a source that fails fails the question") {
  auto source = small_source();
  source.fail_with(Error{Errc::unavailable, 0, "store"});
  CHECK(find({{"query", "a"}}, 600, source).error().code == Errc::unavailable);
  CHECK(expand({{"query", "a"}}, 600, source).error().code == Errc::unavailable);
}
