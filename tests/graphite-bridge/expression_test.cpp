#include "graphite-bridge/expression.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

std::string error_of(std::string const& target, TemplateValues const& values = {}) {
  auto const expression = parse_target(target, values);
  if (expression) return "";
  CHECK(expression.error().code == Errc::malformed);
  return expression.error().context;
}

}  // namespace

TEST_CASE("functions and arguments are checked before anything is read") {
  CHECK(error_of("noSuch(a.b)") ==
        "target: unknown function noSuch at character 0: <here>noSuch(a.b)");
  CHECK(error_of("scale(a.b)").find("needs factor") != std::string::npos);
  CHECK(error_of("scale(a.b,1,2)").find("too many arguments") != std::string::npos);
  CHECK(error_of("scale(a.b,'x')").find("factor must be a number") != std::string::npos);
  CHECK(error_of("scale(a.b,c.d)").find("must be a literal") != std::string::npos);
  CHECK(error_of("scale(2,a.b)").find("must be a series list") != std::string::npos);
  CHECK(error_of("scale(a.b,factor=2,other=3)").find("no parameter other") != std::string::npos);
  CHECK(error_of("scale(a.b,2,factor=3)").find("given twice") != std::string::npos);
  CHECK(error_of("scale(a.b,None)").find("factor must be given") != std::string::npos);
  CHECK(error_of("sumSeries()").find("needs seriesLists") != std::string::npos);
  CHECK(error_of("limit(a.b,1.5)").find("an integer") != std::string::npos);
  CHECK(error_of("aliasByNode(a.b,1.5)").find("node's number") != std::string::npos);
  CHECK(error_of("sortByName(a.b,'perhaps')").find("true or false") != std::string::npos);
  CHECK(error_of("keepLastValue(a.b,'x')").find("an integer or inf") != std::string::npos);
  CHECK(error_of("movingAverage(a.b,'5 parsecs')").find("interval") != std::string::npos);
  CHECK(error_of("movingAverage(a.b,-5)").find("interval") != std::string::npos);
  CHECK(error_of("groupByNode(a.b,1,'noSuch')").find("aggregation") != std::string::npos);
  CHECK(error_of("groupByNode(a.b,1,'scale')").find("aggregation") != std::string::npos);
  CHECK(error_of("consolidateBy(a.b,'median')").find("one of average") != std::string::npos);
  CHECK(error_of("sumSeries(scale(a.b))").find("sumSeries(scale(a.b<here>))") != std::string::npos);
}

TEST_CASE("arguments fit as Graphite lets them fit") {
  for (char const* target :
       {"scale(a.b,'2')", "scale(a.b,true)", "scale(seriesList=a.b,factor=1e3)", "limit(a.b,'3')",
        "sortByName(a.b,1)", "keepLastValue(a.b,INF)", "keepLastValue(a.b)",
        "groupByNode(a.b,'tag','medianSeries')", "groupByNode(a.b,1,'asPercent')",
        "movingAverage(a.b,'1min')", "sumSeries(a,b,c,d)", "asPercent(a,b,1,2,'tag')",
        "asPercent(a,None,1)", "alias(a.b,5)", "avg(a.b)", "pct(a.b,100)"}) {
    CAPTURE(target);
    CHECK(error_of(target).empty());
  }
}

TEST_CASE("a template's values are put into paths, the request's first") {
  auto const patterns = [](std::string const& target, TemplateValues const& values = {}) {
    auto const expression = parse_target(target, values);
    REQUIRE(expression);
    return expression->patterns();
  };
  using List = std::vector<std::string>;
  CHECK(patterns("template(app.$app.host$1,app='web',n=2)", {{"1", "7"}}) == List{"app.web.host7"});
  CHECK(patterns("template(app.$1.$2,'web',3)") == List{"app.web.3"});
  CHECK(patterns("template(app.$app,app='web')", {{"app", "db"}}) == List{"app.db"});
  CHECK(patterns("template($q,q='a.b')") == List{"a.b"});
  CHECK(patterns("app.$app", {{"app", "db"}}) == List{"app.$app"});
  CHECK(error_of("template(scale(a.b,$f),f=2)").empty());
  CHECK(error_of("template(scale(a.b,$f),f='2.5')").empty());
  CHECK(error_of("template(scale(a.b,$f),f='x')").find("must be a number") != std::string::npos);
  CHECK_FALSE(error_of("template($f,f=2)").empty());
}

TEST_CASE("an expression tells which patterns it reads") {
  auto const expression =
      parse_target("asPercent(sum(a.*,b.*),seriesByTag('name=c','dc!=x'),1)|scale(2)");
  REQUIRE(expression);
  CHECK(expression->patterns() ==
        std::vector<std::string>{"a.*", "b.*", "seriesByTag('name=c','dc!=x')"});
  CHECK_FALSE(error_of("seriesByTag('dc!=x')").empty());
  CHECK_FALSE(error_of("seriesByTag(a.b)").empty());
}

TEST_CASE("a table of one's own has other functions") {
  FunctionTable table;
  table.add({{.name = "only",
              .group = "Own",
              .description = "",
              .parameters = {},
              .implementation = nullptr}});
  CHECK(parse_target("only()", {}, table));
  CHECK_FALSE(parse_target("sumSeries(a.b)", {}, table));
}
