// The pictures of fixtures/picture, each of which a person has looked at, are drawn as they were.
// Where one differs, the new picture and one with the differing pixels in red lie in
// picture-differences/ beside bin/. The first line of queries.tsv there tells how what was meant to
// change is renewed.

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "../memory_source.hpp"
#include "corpus_queries.hpp"
#include "graphite-bridge/render.hpp"
#include "pixels.hpp"

using namespace dadvisor::graphite;
using namespace dadvisor::graphite::picture::test;

namespace {

std::string const golden = DADVISOR_FIXTURES "/picture/";

std::string read_file(std::string const& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

void write_file(std::string const& path, std::string const& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string drawn(std::string const& query, SeriesSource const& source) {
  auto parameters = parse_query(query);
  parameters.emplace("format", "png");
  auto const now = std::to_string(corpus_now);
  if (!parameters.contains("now")) parameters.emplace("now", now);
  if (!parameters.contains("until")) parameters.emplace("until", now);
  if (!parameters.contains("tz")) parameters.emplace("tz", "UTC");
  auto const answer = render(parameters, corpus_now, source);
  INFO(query);
  REQUIRE(answer);
  REQUIRE(answer->content_type == "image/png");
  return answer->body;
}

test::MemorySource corpus() {
  return test::MemorySource::load(DADVISOR_FIXTURES "/graphite/series.txt");
}

// Where a picture that differs is kept.
std::filesystem::path differences() {
  auto const out = std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() /
                   "picture-differences";
  std::filesystem::create_directories(out);
  return out;
}

}  // namespace

TEST_CASE("pictures are as they were looked at") {
  bool const renew = std::getenv("DADVISOR_RENEW_PICTURES") != nullptr;
  auto const source = corpus();
  std::ifstream file(golden + "queries.tsv");
  auto const queries = read_queries(file);
  REQUIRE(queries.size() >= 12);
  for (auto const& [name, query] : queries) {
    auto const path = golden + name + ".png";
    auto const png = drawn(query, source);
    if (renew) write_file(path, png);
    Pixels const now(png), before(read_file(path));
    INFO(name << ": " << query);
    REQUIRE(now.width() == before.width());
    REQUIRE(now.height() == before.height());
    auto const differing = difference(before, now);
    if (differing.size() <= tolerated(now)) continue;
    auto const beside = (differences() / name).string();
    write_file(beside + ".new.png", png);
    now.write_with_marks(beside + ".diff.png", differing);
    FAIL_CHECK(differing.size() << " pixels differ, " << tolerated(now) << " may: see " << beside
                                << ".new.png and .diff.png, before: " << path);
  }
}

TEST_CASE("a moved axis, a lost curve and a word more are seen in a picture") {
  auto const source = corpus();
  std::string const web = "target=aliasByNode(app.web.host*.cpu.user,2)&from=-6h&yMin=0&yMax=80";
  for (std::string const size : {"", "&width=600&height=300", "&width=1600&height=600"}) {
    INFO(size);
    Pixels const whole(drawn(web + size, source));
    CHECK(difference(whole, whole).empty());
    auto const changed = [&](std::string const& query) {
      Pixels const other(drawn(query + size, source));
      return difference(whole, other).size() > tolerated(whole);
    };
    CHECK(changed(web + "&margin=12"));  // by two pixels
    CHECK(changed("target=aliasByNode(app.web.host*.cpu.user,2)&from=-6h&yMin=0&yMax=82"));
    CHECK(
        changed("target=aliasByNode(app.web.host[124].cpu.user,2)&from=-6h&yMin=0&yMax=80"
                "&colorList=0072b2,d55e00,e275b0"));
    CHECK(changed(web + "&title=word"));
  }
}
