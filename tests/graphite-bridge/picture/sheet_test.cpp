// Not a test but the hand that draws for tests/graphite-bridge/picture/sheet: the pictures of
// queries.tsv out of the corpus, as files. Runs only when it is asked for by name.

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "../memory_source.hpp"
#include "corpus_queries.hpp"
#include "graphite-bridge/evaluate.hpp"
#include "graphite-bridge/picture/picture.hpp"
#include "graphite-bridge/render.hpp"

using namespace dadvisor;
using namespace dadvisor::graphite;
using picture::test::corpus_now;

TEST_CASE("the sheet's pictures are drawn", "[.sheet]") {
  auto const* directory = std::getenv("DADVISOR_SHEET");
  auto const* queries = std::getenv("DADVISOR_SHEET_QUERIES");
  REQUIRE(directory);
  REQUIRE(queries);
  auto const source = test::MemorySource::load(DADVISOR_FIXTURES "/graphite/series.txt");
  std::ifstream file(queries);
  REQUIRE(file);
  for (auto const& [name, query] : picture::test::read_queries(file)) {
    auto const begin = std::chrono::steady_clock::now();
    auto const answer = render(picture::test::parse_query(query), corpus_now, source);
    auto const took = std::chrono::steady_clock::now() - begin;
    INFO(name << ": " << (answer ? "" : to_string(answer.error())));
    CHECK(answer.has_value());
    if (!answer) continue;
    auto const type = answer->content_type == "image/png" ? ".png" : ".svg";
    std::ofstream(std::string(directory) + "/" + name + type, std::ios::binary) << answer->body;
    std::cout << name << " " << std::chrono::duration_cast<std::chrono::milliseconds>(took).count()
              << " ms\n";
  }
}

// As a mail has it: thresholds, the firing span, what happened, the last value.
TEST_CASE("the sheet's mail picture is drawn", "[.sheet]") {
  auto const* directory = std::getenv("DADVISOR_SHEET");
  REQUIRE(directory);
  auto const source = test::MemorySource::load(DADVISOR_FIXTURES "/graphite/series.txt");
  Window const window{corpus_now - 3 * 3600, corpus_now, corpus_now};
  auto const series = evaluate("alias(app.web.host4.cpu.user,'web.host4 cpu')", window, source);
  REQUIRE(series);
  for (auto const* theme : {"light", "dark"}) {
    picture::PictureOptions options;
    options.width = 800;
    options.height = 300;
    options.scale = 2;
    options.title = "web: CPU above 55 % for 10 min";
    options.unit = "%";
    options.theme = *picture::find_theme(theme);
    options.thresholds = {{55, "fires above 55 %", picture::Role::crit},
                          {45, "clears below 45 %", picture::Role::warn}};
    options.spans = {{window.from + 2100, window.from + 6000, picture::Role::crit}};
    options.marks = {{1, window.from + 1500, "deploy web:1.4.2", "", {"deploy"}},
                     {2, window.from + 5400, "restart", "", {"restart"}}};
    options.label_last = true;
    auto const png = picture::draw_png(*series, window, options);
    REQUIRE(png);
    std::ofstream(std::string(directory) + "/mail-" + theme + ".png", std::ios::binary) << *png;
  }
  auto two = *evaluate("app.web.host1.cpu.user", window, source);
  auto const memory = *evaluate("app.web.host1.mem.used", window, source);
  two.push_back(memory.at(0));
  two[1].drawing.second_y_axis = true;
  two[1].drawing.dashes = {6, 3};
  picture::PictureOptions options;
  options.width = 600;
  options.height = 300;
  options.title = "Two axes";
  options.left.title = "percent";
  options.right.title = "bytes";
  std::ofstream(std::string(directory) + "/two-axes.png", std::ios::binary)
      << picture::draw_png(two, window, options).value();
}
