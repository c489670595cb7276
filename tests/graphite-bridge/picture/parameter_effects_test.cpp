#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>

#include "../memory_source.hpp"
#include "corpus_queries.hpp"
#include "graphite-bridge/render.hpp"

using namespace dadvisor::graphite;

// Each of the parameters that graphite-web's glyph.py knows, with a value that is seen on the
// picture; tests/graphite/compare holds the list against the real glyph.py.
TEST_CASE("every parameter of graphite-web changes the picture") {
  test::MemorySource source;
  std::vector<double> wave, gaps;
  for (int i = 0; i < 1440; ++i) {
    wave.push_back(2000 + 1500 * std::sin(i / 50.0));
    gaps.push_back(i % 90 < 60 ? 500 + i : absent);
  }
  source.add("wave", 0, 60, wave);
  source.add("gaps", 0, 60, gaps);
  source.add("empty", 0, 60, std::vector<double>(1440, absent));
  auto const drawn = [&](std::string const& query) {
    auto parameters = picture::test::parse_query(query);
    parameters.emplace("from", "0");
    parameters.emplace("until", "86400");
    auto const answer = render(parameters, 86400, source);
    INFO(query << (answer ? "" : answer.error().context));
    REQUIRE(answer);
    return answer->body;
  };
  std::ifstream in(DADVISOR_FIXTURES "/graphite/picture_parameters.tsv");
  std::size_t count = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    auto const tab = line.find('\t');
    auto const next = line.find('\t', tab + 1);
    REQUIRE(next != std::string::npos);
    auto const context = line.substr(next + 1);
    auto const parameter = line.substr(0, tab) + "=" + line.substr(tab + 1, next - tab - 1);
    INFO(parameter << " with " << context);
    CHECK(drawn(context) != drawn(context + "&" + parameter));
    ++count;
  }
  CHECK(count == 72);
}
