// Points of any age over the admin socket, and as queries then see them.

#include "aggregator/api/import_routes.hpp"

#include "importer.hpp"

namespace dadvisor::aggregator::api {
namespace {

std::string lines(std::string const& header, std::int64_t begin, std::vector<double> const& values,
                  std::string const& end = "\n") {
  std::string text = "=" + header + "\n";
  for (std::size_t i = 0; i < values.size(); ++i)
    text += fmt::format("{} {}{}", begin + 60 * static_cast<std::int64_t>(i), values[i], end);
  return text;
}

TEST_CASE("points of each age are found where queries look for them") {
  Importer importer;
  std::int64_t const young = import_time - one_hour, older = import_time - 10 * one_day,
                     oldest = import_time - 100 * one_day;
  std::vector<double> const ten{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  std::string const body = lines("web.load", young, {5, 6}) + lines("web.load", older, ten) +
                           lines("web.load", oldest, ten);
  for (int round = 0; round < 2; ++round) {
    auto const told = importer.imported(body);
    CHECK(told.at("points") == 22);
    CHECK(told.at("points_sum").to_number<double>() == 11 + 55 + 55);
    CHECK(told.at("values") == 22);
    CHECK(told.at("kept") == 0);
    CHECK(told.at("refused").as_object().empty());
    CHECK(importer.values("web.load", young - 60, young + 120) ==
          Values{{young, 5}, {young + 60, 6}});
    CHECK(importer.values("web.load", older - 600, older + 600) == Values{{older, 5.5}});
    CHECK(importer.values("web.load", oldest - 600, oldest + 600) == Values{{oldest, 5.5}});
  }
  auto const audit = importer.trial.store->audit();  // one line for both
  REQUIRE(audit);
  REQUIRE(audit->size() == 1);
  CHECK(audit->at(0).what == "import 44 points, the first of web.load");
  CHECK(audit->at(0).who.starts_with("unix uid "));
}

TEST_CASE("a coarser point is shown as it is, by mean and by sum") {
  Importer importer;
  std::int64_t const then = import_time - 100 * one_day;
  importer.imported(fmt::format("=web.load 60\n{} 7 600\n=web.hits 60\n{} 70 600\n", then, then));
  CHECK(importer.values("web.load", then - 600, then + 600) == Values{{then, 7}});
  CHECK(importer.values("web.hits", then - 600, then + 600) == Values{{then, 70}});
  // A young one, too: its slots hold it, the archive of minutes shows them.
  std::int64_t const young = import_time - one_hour;
  importer.imported(fmt::format("=web.load\n{} 7 120\n", young));
  CHECK(importer.values("web.load", young - 60, young + 120) ==
        Values{{young, 7}, {young + 60, 7}});
}

TEST_CASE("what is refused is counted by why, and the rest is taken") {
  Importer importer;
  auto const told = importer.imported(
      fmt::format("=a..b\n1 1\n=dadvisor.x\n{0} 1\n{0} 2\n=good\n{0} 3\n{1} 4\n{2} 5\n",
                  import_time - one_hour, import_time + one_day, import_time - 500 * one_day));
  CHECK(told.at("points") == 1);
  CHECK(told.at("points_sum").to_number<double>() == 3);
  auto const& refused = told.at("refused").as_object();
  CHECK(refused.at("bad_names") == 3);
  CHECK(refused.at("ahead") == 1);
  CHECK(refused.at("beyond_schema") == 1);
  CHECK(importer.send("=a\n1\n").status == 400);
}

}  // namespace
}  // namespace dadvisor::aggregator::api
