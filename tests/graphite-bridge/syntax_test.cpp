#include "graphite-bridge/syntax.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace dadvisor;
using namespace dadvisor::graphite;
using Kind = Syntax::Kind;

namespace {

Syntax parse(std::string const& target) {
  auto syntax = parse_syntax(target);
  if (!syntax) FAIL(syntax.error().context);
  return *syntax;
}

std::string error_of(std::string const& target) {
  auto const syntax = parse_syntax(target);
  if (syntax) return "";
  CHECK(syntax.error().code == Errc::malformed);
  CHECK(syntax.error().context.find('\n') == std::string::npos);
  return syntax.error().context;
}

}  // namespace

TEST_CASE("paths hold globs, braces and every printable byte") {
  CHECK(parse("app.*.host[1-3].{cpu,mem}.u?er").text == "app.*.host[1-3].{cpu,mem}.u?er");
  CHECK(parse("odd.col:on.at@sign.per%cent.a;b=c").text == "odd.col:on.at@sign.per%cent.a;b=c");
  CHECK(parse("  a.b  ").text == "a.b");
  CHECK(parse("a\\(b\\).c").text == "a(b).c");
  CHECK(parse("1min.rate").text == "1min.rate");
  CHECK(parse("a.{b,c{d,e}}").text == "a.{b,c{d,e}}");
}

TEST_CASE("calls take positional and named arguments of all kinds") {
  auto const call = parse("f( a.b , 5,-1.5, 1e-3 ,'x', \"y\",true,None,INF, k = 'v', l=c.d)");
  REQUIRE(call.kind == Kind::call);
  CHECK(call.text == "f");
  REQUIRE(call.arguments.size() == 11);
  CHECK(call.arguments[0].text == "a.b");
  CHECK(call.arguments[1].value == Value(std::int64_t{5}));
  CHECK(call.arguments[2].value == Value(-1.5));
  CHECK(call.arguments[3].value == Value(1e-3));
  CHECK(call.arguments[4].value == Value(std::string("x")));
  CHECK(call.arguments[5].value == Value(std::string("y")));
  CHECK(call.arguments[6].value == Value(true));
  CHECK(call.arguments[7].value == Value());
  CHECK(call.arguments[8].value == Value(HUGE_VAL));
  CHECK(call.arguments[9].keyword == "k");
  CHECK(call.arguments[10].keyword == "l");
  CHECK(call.arguments[10].text == "c.d");
  CHECK(parse("f()").arguments.empty());
}

TEST_CASE("what only begins like a literal is a path") {
  CHECK(parse("f(5.x)").arguments[0].text == "5.x");
  CHECK(parse("f(true.x)").arguments[0].text == "true.x");
  CHECK(parse("f(trueish)").arguments[0].text == "trueish");
  CHECK(parse("f(5x)").arguments[0].text == "5x");
  CHECK(parse("f(10e)").arguments[0].text == "10e");
}

TEST_CASE("texts keep their backslashes and doubled quotes") {
  CHECK(parse("f('h\\1')").arguments[0].value == Value(std::string("h\\1")));
  CHECK(parse("f('a\\'b')").arguments[0].value == Value(std::string("a\\'b")));
  CHECK(parse("f('a''b')").arguments[0].value == Value(std::string("a''b")));
  CHECK(parse("f(\"it's\")").arguments[0].value == Value(std::string("it's")));
  CHECK(parse("f('')").arguments[0].value == Value(std::string()));
}

TEST_CASE("pipes put the left side in as the first argument") {
  auto const piped = parse("a.b | scale(2)|alias('x')");
  REQUIRE(piped.text == "alias");
  REQUIRE(piped.arguments.size() == 2);
  auto const& inner = piped.arguments[0];
  CHECK(inner.text == "scale");
  CHECK(inner.arguments[0].text == "a.b");
  CHECK(parse("f(a|g())").arguments[0].text == "g");
}

TEST_CASE("templates hold an expression and literals") {
  auto const syntax = parse("template(f(a.$x,$1),x='web',y=2)");
  REQUIRE(syntax.kind == Kind::template_);
  CHECK(syntax.arguments[0].text == "f");
  CHECK(syntax.arguments[1].keyword == "x");
  CHECK(syntax.arguments[2].value == Value(std::int64_t{2}));
}

TEST_CASE("an error points to the byte where it is") {
  CHECK(error_of("sumSeries(a.b") == "target: expected \")\" at character 13: sumSeries(a.b<here>");
  CHECK(error_of("sumSeries(a.b)) ") ==
        "target: expected the end at character 14: sumSeries(a.b)<here>) ");
  CHECK(error_of("f(a,,b)").find("f(a,<here>,b)") != std::string::npos);
  CHECK(error_of("f(a b)").find("f(a <here>b)") != std::string::npos);
  CHECK(error_of("f('a").find("no closing '") != std::string::npos);
  CHECK(error_of("f(k=1,2)").find("positional") != std::string::npos);
  CHECK(error_of("a|b").find("expected a call") != std::string::npos);
  CHECK(error_of("a.{b,c").find("expected \"}\"") != std::string::npos);
  CHECK(error_of("a..b").find("a.<here>.b") != std::string::npos);
  CHECK(error_of("a.b.").find("expected a path node") != std::string::npos);
  CHECK(error_of("template(5)").find("template()") != std::string::npos);
  CHECK(error_of("template(a,b.c)").find("numbers and texts") != std::string::npos);
  CHECK_FALSE(error_of("").empty());
  CHECK_FALSE(error_of("f(a\n'").empty());
  CHECK_FALSE(error_of("a\\x").empty());
}

TEST_CASE("nesting and braces are bounded") {
  std::string deep = "a";
  for (int i = 0; i < max_target_depth - 1; ++i) deep = "f(" + deep + ")";
  CHECK(error_of(deep).empty());
  CHECK(error_of("f(" + deep + ")").find("deep") != std::string::npos);
  std::string piped = "a";
  for (int i = 0; i < max_target_depth; ++i) piped += "|f()";
  CHECK(error_of(piped).find("deep") != std::string::npos);
  CHECK_FALSE(error_of(std::string(100000, '(')).empty());
  std::string braces;
  for (int i = 0; i < 20; ++i) braces += "{a,b}";
  CHECK(error_of(braces).find("braces") != std::string::npos);
  CHECK_FALSE(error_of(std::string(max_target_bytes + 1, 'a')).empty());
}

TEST_CASE("no prefix of a target crashes the parser") {
  std::string const target = "template(f(a.{b,c\\,d}*,'x\\'y',1e-3,k=\"v\")|g(),x='\\1',y=-2.5)";
  REQUIRE(parse_syntax(target));
  // Up to its end "template" is a path; from the bracket on nothing is whole.
  CHECK(parse_syntax("template"));
  for (std::size_t size = 9; size + 1 <= target.size(); ++size) {
    CHECK_FALSE(parse_syntax(target.substr(0, size)));
  }
}

TEST_CASE("the first path of a name is found inside nested calls") {
  CHECK(first_path("scale(sumSeries(a.b,c.d),2)") == "a.b");
  CHECK(first_path("some (text)") == "text");
  CHECK(first_path("cpu of web (x)") == "cpu");
  CHECK(first_path("f('x')").empty());
  CHECK(first_path("nPercentile(.sparse.early, 95)") == "nPercentile");
  CHECK(first_path("(x)").empty());
}
