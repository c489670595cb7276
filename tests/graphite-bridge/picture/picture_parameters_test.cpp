#include "graphite-bridge/picture/picture_parameters.hpp"

#include <catch2/catch.hpp>

#include "../memory_source.hpp"
#include "graphite-bridge/render.hpp"

using namespace dadvisor;
using namespace dadvisor::graphite;
using namespace dadvisor::graphite::picture;

namespace {

PictureOptions good(Parameters const& parameters) {
  auto const out = parse_picture_options(parameters);
  INFO((out ? "" : out.error().context));
  REQUIRE(out);
  return *out;
}

std::string complaint(Parameters const& parameters) {
  auto const out = parse_picture_options(parameters);
  REQUIRE_FALSE(out);
  CHECK(out.error().code == Errc::malformed);
  CHECK(out.error().context.find('\n') == std::string::npos);
  return out.error().context;
}

}  // namespace

TEST_CASE("without parameters a picture is 330 by 250 in our own light look") {
  auto const options = good({});
  CHECK(options.width == 330);
  CHECK(options.height == 250);
  CHECK(options.theme.background == rgb(0xffffff));
  CHECK(options.theme.line.size() >= 10);
  CHECK(options.unit_system == UnitSystem::si);
  CHECK_FALSE(options.hide_legend);
  CHECK_FALSE(options.log_base);
}

TEST_CASE("graphite-web's parameters are understood as it does") {
  auto const options = good({{"width", "600"},
                             {"height", "300"},
                             {"title", "CPU"},
                             {"vtitle", "percent"},
                             {"vtitleRight", "bytes"},
                             {"lineMode", "Staircase"},
                             {"areaMode", "stacked"},
                             {"areaAlpha", "0.5"},
                             {"colorList", "red,#00ff00,0000ff80"},
                             {"bgcolor", "black"},
                             {"majorGridLineColor", "%23112233"},
                             {"hideLegend", "false"},
                             {"hideGrid", "true"},
                             {"hideAxes", "1"},
                             {"graphOnly", "False"},
                             {"uniqueLegend", "0"},
                             {"drawNullAsZero", "yes"},
                             {"min", "1"},
                             {"yMax", "max"},
                             {"yMaxRight", "9.5"},
                             {"yDivisors", "4,5"},
                             {"yUnitSystem", "Binary"},
                             {"logBase", "2"},
                             {"connectedLimit", "3"},
                             {"thickness", "2.5"},
                             {"rightColor", "green"},
                             {"leftDashed", "5"},
                             {"margin", "-3"},
                             {"fontSize", "default"},
                             {"vtitle", ""}});
  CHECK(options.width == 600);
  CHECK(options.height == 300);
  CHECK(options.title == "CPU");
  CHECK(options.right.title == "bytes");
  CHECK(options.left.title.empty());  // the last counts, and is empty
  CHECK(options.line_mode == LineMode::staircase);
  CHECK(options.area_mode == AreaMode::stacked);
  CHECK(options.area_alpha == 0.5);
  REQUIRE(options.colors.size() == 3);
  CHECK(options.colors[1] == rgb(0x00ff00));
  CHECK(options.colors[2].alpha == Approx(128.0 / 255));
  CHECK(options.theme.background == rgb(0));
  CHECK(options.theme.major_line == rgb(0x112233));
  CHECK(options.hide_legend == false);
  CHECK(options.hide_grid);
  CHECK(options.hide_axes);
  CHECK_FALSE(options.graph_only);
  CHECK_FALSE(options.unique_legend);
  CHECK(options.null_as_zero);
  CHECK(options.left.min == 1.0);
  CHECK(options.left.max_of_data);
  CHECK_FALSE(options.left.max);
  CHECK(options.right.max == 9.5);
  CHECK(options.divisions == std::vector<int>{4, 5});
  CHECK(options.unit_system == UnitSystem::binary);
  CHECK(options.log_base == 2.0);
  CHECK(options.connected_limit == 3U);
  CHECK(options.line_width == 2.5);
  CHECK(options.right.color == rgb(0x00c800));
  CHECK(options.left.dash == 5.0);
  CHECK_FALSE(options.margin);
  CHECK_FALSE(options.font_size);
}

TEST_CASE("our own parameters") {
  auto const options = good({{"theme", "dark"},
                             {"unitSystem", "none"},
                             {"yUnit", "B/s"},
                             {"threshold", "80"},
                             {"threshold", "90:page at once"},
                             {"threshold", "7e1:warn:slow: very"},
                             {"threshold", "5:warning"},
                             {"legendValues", "last,max,avg"},
                             {"labelLast", "1"},
                             {"scale", "2"}});
  CHECK(options.theme.background == dark_theme().background);
  CHECK(options.unit_system == UnitSystem::none);
  CHECK(options.unit == "B/s");
  REQUIRE(options.thresholds.size() == 4);
  CHECK(options.thresholds[0].value == 80);
  CHECK(options.thresholds[0].role == Role::crit);
  CHECK(options.thresholds[1].label == "page at once");
  CHECK(options.thresholds[2].value == 70);
  CHECK(options.thresholds[2].role == Role::warn);
  CHECK(options.thresholds[2].label == "slow: very");
  CHECK(options.thresholds[3].label == "warning");
  CHECK(options.thresholds[3].role == Role::crit);
  CHECK(options.legend_values ==
        std::vector{LegendValue::last, LegendValue::max, LegendValue::average});
  CHECK(options.label_last);
  CHECK(options.scale == 2);
}

TEST_CASE("unknown themes and unit systems mean the default, as in graphite-web") {
  CHECK(good({{"template", "nosuch"}}).theme.background == rgb(0xffffff));
  CHECK(good({{"template", "noc"}}).theme.background == rgb(0));
  CHECK(good({{"template", "noc"}, {"theme", "light"}}).theme.background == rgb(0xffffff));
  CHECK(good({{"yUnitSystem", "martian"}}).unit_system == UnitSystem::si);
}

TEST_CASE("what cannot be drawn is refused with the parameter's name") {
  CHECK(complaint({{"width", "0"}}) == "width: must be 1 to 4096, not 0");
  CHECK(complaint({{"height", "4097"}}) == "height: must be 1 to 4096, not 4097");
  CHECK(complaint({{"width", "wide"}}) == "width: must be 1 to 4096, not wide");
  CHECK(complaint({{"width", "99999999999999999999"}}).starts_with("width: "));
  CHECK(complaint({{"width", "3000"}, {"scale", "2"}}).starts_with("scale: "));
  CHECK(complaint({{"lineMode", "wavy"}}) ==
        "lineMode: must be one of slope, staircase, connected, not wavy");
  CHECK(complaint({{"areaMode", "some"}}).starts_with("areaMode: "));
  CHECK(complaint({{"areaAlpha", "2"}}) == "areaAlpha: must be 0 to 1, not 2");
  CHECK(complaint({{"colorList", "red,nocolour"}}).starts_with("colorList: "));
  CHECK(complaint({{"bgcolor", "12345"}}).starts_with("bgcolor: "));
  CHECK(complaint({{"yMin", "5"}, {"yMax", "5"}}).starts_with("yMin: "));
  CHECK(complaint({{"yStep", "0"}}).starts_with("yStep: "));
  CHECK(complaint({{"yMin", "nan"}}).starts_with("yMin: "));
  CHECK(complaint({{"yDivisors", "4,x"}}).starts_with("yDivisors: "));
  CHECK(complaint({{"threshold", "high"}}).starts_with("threshold: "));
  CHECK(complaint({{"legendValues", "p95"}}).starts_with("legendValues: "));
  CHECK(complaint({{"yAxisSide", "top"}}) == "yAxisSide: must be one of left, right, not top");
  CHECK(complaint({{"leftDashed", "often"}}).starts_with("leftDashed: "));
  CHECK(complaint({{"graphType", "bar"}}) == "graphType: must be one of line, pie, not bar");
  CHECK(complaint({{"pieMode", "sum"}}).starts_with("pieMode: "));
  CHECK(complaint({{"pieLabels", "round"}}).starts_with("pieLabels: "));
  CHECK(complaint({{"valueLabels", "names"}}).starts_with("valueLabels: "));
  CHECK(complaint({{"valueLabelsMin", "few"}}).starts_with("valueLabelsMin: "));
  CHECK(complaint({{"valueLabelsColor", "nocolour"}}).starts_with("valueLabelsColor: "));
}

TEST_CASE("a template is graphite-web's look, and without one the look is ours") {
  CHECK(good({}).theme.line == light_theme().line);
  CHECK(good({{"template", ""}}).theme.line == light_theme().line);
  for (auto const* name : {"default", "plain", "nosuch"}) {
    CHECK(good({{"template", name}}).theme.line == template_theme("default").line);
  }
  CHECK(good({{"template", "noc"}}).theme.background == rgb(0));
  CHECK(good({{"template", "noc"}, {"theme", "light"}}).theme.line == light_theme().line);
  CHECK(good({{"template", "noc"}, {"theme", "nosuch"}}).theme.background == rgb(0));
}

TEST_CASE("what graphite-web takes in two forms is taken in both") {
  CHECK(good({{"leftDashed", "true"}}).left.dash == 5.0);
  CHECK(good({{"rightDashed", "False"}}).right.dash == 0.0);
  CHECK(good({{"rightDashed", "2.5"}}).right.dash == 2.5);
  CHECK(good({{"max", "max"}}).left.max_of_data);
  CHECK(good({{"max", "7"}}).left.max == 7.0);
}

TEST_CASE("outputFormat has the last word about a picture's format") {
  test::MemorySource source;
  source.add("a", 0, 60, {1, 2, 3});
  auto const type = [&](Parameters parameters) {
    parameters.insert({{"target", "a"}, {"from", "0"}, {"until", "180"}});
    auto const answer = render(parameters, 180, source);
    return answer ? answer->content_type : answer.error().context;
  };
  CHECK(type({{"outputFormat", "svg"}}) == "image/svg+xml");
  CHECK(type({{"format", "svg"}, {"outputFormat", "pdf"}}) == "application/x-pdf");
  CHECK(type({{"format", "json"}, {"outputFormat", "pdf"}}) == "application/json");
  CHECK(type({{"outputFormat", "gif"}}) == "outputFormat: must be one of png, svg, pdf, not gif");
}

TEST_CASE("a pie is asked for as graphite-web has it") {
  auto const plain = parse_picture_options({{"graphType", "pie"}});
  REQUIRE(plain);
  CHECK(plain->graph_type == GraphType::pie);
  CHECK(plain->pie.mode == PieMode::average);
  CHECK(plain->pie.labels == ValueLabels::percent);
  CHECK(!plain->pie.least);
  CHECK(!plain->pie.rotated);
  auto const given = parse_picture_options({{"graphType", "pie"},
                                            {"pieMode", "maximum"},
                                            {"valueLabels", "number"},
                                            {"valueLabelsMin", "0.5"},
                                            {"valueLabelsColor", "red"},
                                            {"pieLabels", "rotated"}});
  REQUIRE(given);
  CHECK(given->pie.mode == PieMode::maximum);
  CHECK(given->pie.labels == ValueLabels::number);
  CHECK(given->pie.least == 0.5);
  CHECK(given->pie.label_color == parse_color("red"));
  CHECK(given->pie.rotated);
}

TEST_CASE("slices of NAME:VALUE stand where they were asked for among series") {
  test::MemorySource source;
  source.add("a", 0, 60, {1, 2, 3});
  source.add("b:c", 0, 60, {4, 4, 4});
  Parameters const parameters{{"target", "x:1.5"}, {"target", "a"},      {"target", "y:z:2"},
                              {"target", "b:c"},   {"target", "w:-1"},   {"from", "0"},
                              {"until", "180"},    {"graphType", "pie"}, {"format", "png"}};
  auto const request = RenderParameters::parse(parameters, 180);
  REQUIRE(request);
  auto const series = render_series(*request, source);
  REQUIRE(series);
  std::vector<std::string> names;
  for (auto const& one : *series) names.push_back(one.name);
  // Of "y:z:2" what is behind the first colon is no number: a path, which matches nothing.
  CHECK(names == std::vector<std::string>{"x", "a", "b:c", "w"});
  CHECK(series->at(0).values == std::vector<double>{1.5});
  CHECK(series->at(3).values == std::vector<double>{-1});
  CHECK(render(parameters, 180, source)->content_type == "image/png");
  auto lines = parameters;
  lines.erase("graphType");
  auto const paths = RenderParameters::parse(lines, 180);
  REQUIRE(paths);
  CHECK(paths->values.empty());  // of lines it is a path
  CHECK(render({{"target", "x:inf"}, {"graphType", "pie"}}, 180, source).error().code ==
        Errc::malformed);
}

TEST_CASE("render answers pictures when they are asked for") {
  test::MemorySource source;
  source.add("a", 0, 60, {1, 2, 3});
  auto const ask = [&](Parameters parameters) {
    parameters.emplace("target", "a");
    parameters.emplace("from", "0");
    parameters.emplace("until", "180");
    return render(parameters, 180, source);
  };
  auto const png = ask({{"format", "png"}});
  REQUIRE(png);
  CHECK(png->content_type == "image/png");
  CHECK(png->body.starts_with("\x89PNG"));
  auto const svg = ask({{"format", "svg"}});
  REQUIRE(svg);
  CHECK(svg->content_type == "image/svg+xml");
  CHECK(svg->body.find("<svg") != std::string::npos);
  auto const pdf = ask({{"format", "pdf"}});
  REQUIRE(pdf);
  CHECK(pdf->content_type == "application/x-pdf");
  CHECK(pdf->body.starts_with("%PDF"));
  CHECK(ask({})->content_type == "image/png");
  CHECK(ask({{"format", "png"}, {"width", "5000"}}).error().code == Errc::malformed);
  CHECK(ask({{"format", "json"}, {"width", "5000"}}));  // not a picture: not looked at
  CHECK(render({{"format", "png"}, {"target", "nosuch"}}, 180, source)->content_type ==
        "image/png");
  CHECK(render({{"format", "png"}}, 180, source)->content_type == "image/png");
}
