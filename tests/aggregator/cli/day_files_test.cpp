// Points sorted by days on disk, and lines of text files.

#include "aggregator/cli/day_files.hpp"

#include <stdlib.h>
#include <zlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "aggregator/cli/text_lines.hpp"

namespace dadvisor::aggregator::cli {
namespace {

namespace fs = std::filesystem;

class Place {
 public:
  Place() {
    auto name = (fs::temp_directory_path() / "import-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Place() { fs::remove_all(path_); }
  Place(Place const&) = delete;
  std::string operator/(char const* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::vector<double> values(std::vector<DayPoint> const& points) {
  std::vector<double> all;
  for (DayPoint const& point : points) all.push_back(point.value);
  return all;
}

constexpr std::int64_t day = 86'400;

DayFiles filled(std::string const& directory) {
  auto files = DayFiles::open(directory, "source\n");
  REQUIRE(files);
  REQUIRE_FALSE(files->complete());
  auto const a = files->series("a", 60), b = files->series("b c", 0);
  CHECK(files->series("a", 60) == a);
  for (DayPoint const& point : {DayPoint{b, 5 * day, 1, 0},
                                {a, 5 * day + 60, 2, 300},
                                {a, 3 * day, 3, 0},
                                {a, 5 * day, 4, 0},
                                {b, 6 * day - 1, 5, 0}})
    REQUIRE(files->add(point));
  REQUIRE(files->finish());
  return std::move(*files);
}

TEST_CASE("points come back day by day, by series, in their order") {
  Place const place;
  auto files = filled(place / "work");
  CHECK(files.days() == std::vector<std::int64_t>{3, 5});
  auto const points = files.read(5);
  REQUIRE(points);
  CHECK(values(*points) == std::vector<double>{2, 4, 1, 5});
  CHECK(points->at(0).span == 300);
  CHECK(points->at(0).time == 5 * day + 60);
  CHECK(files.name(points->at(0).series).path == "a");
  CHECK(files.name(points->at(0).series).step == 60);
  files.remove_all();
  CHECK_FALSE(fs::exists(place / "work"));
}

TEST_CASE("a directory that was left goes on with the days that are left, of the same source") {
  Place const place;
  REQUIRE(filled(place / "work").remove(3));
  auto const again = DayFiles::open(place / "work", "source\n");
  REQUIRE(again);
  CHECK(again->complete());
  CHECK(again->days() == std::vector<std::int64_t>{5});
  auto const points = again->read(5);
  REQUIRE(points);
  CHECK(again->name(points->back().series).path == "b c");
  auto const other = DayFiles::open(place / "work", "another\n");
  REQUIRE(other);
  CHECK_FALSE(other->complete());
  CHECK(other->days().empty());
}

TEST_CASE("a directory that lost bytes begins anew") {
  Place const place;
  for (char const* const file : {"work/5.points", "work/series"}) {
    filled(place / "work");
    fs::resize_file(place / file, fs::file_size(place / file) - 1);
    auto const again = DayFiles::open(place / "work", "source\n");
    REQUIRE(again);
    CHECK_FALSE(again->complete());
    CHECK(again->days().empty());
  }
}

TEST_CASE("a directory with other files is left alone") {
  Place const place;
  fs::create_directory(place / "work");
  std::ofstream(place / "work/precious") << "x";
  auto const files = DayFiles::open(place / "work", "source\n");
  REQUIRE_FALSE(files);
  CHECK(files.error().code == Errc::conflict);
  CHECK(fs::exists(place / "work/precious"));
}

std::vector<std::string> lines_of(std::string const& path) {
  auto lines = TextLines::open(path);
  REQUIRE(lines);
  std::vector<std::string> all;
  for (;;) {
    auto const line = lines->next();
    REQUIRE(line);
    if (!*line) return all;
    all.emplace_back(**line);
  }
}

TEST_CASE("lines are read from plain files and from those of gzip") {
  Place const place;
  std::string const text = "one\n\ntwo " + std::string(3 << 20, 'x') + "\nthe last";
  std::ofstream(place / "plain") << text;
  gzFile const packed = gzopen((place / "packed").c_str(), "wb");
  REQUIRE(gzwrite(packed, text.data(), static_cast<unsigned>(text.size())) > 0);
  gzclose(packed);
  auto const lines = lines_of(place / "plain");
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "one");
  CHECK(lines[1].empty());
  CHECK(lines[2].size() == 64 << 10);  // cut off to that
  CHECK(lines[3] == "the last");
  CHECK(lines_of(place / "packed") == lines);
  CHECK_FALSE(TextLines::open(place / "none"));
  // One that ends too early is no file of fewer lines.
  fs::resize_file(place / "packed", fs::file_size(place / "packed") - 9);
  auto cut = TextLines::open(place / "packed");
  REQUIRE(cut);
  auto line = cut->next();
  while (line && *line) line = cut->next();
  CHECK_FALSE(line);
}

}  // namespace
}  // namespace dadvisor::aggregator::cli
