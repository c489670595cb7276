// Sets of apps, a bit each.

#include "aggregator/rollup/app_set.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace dadvisor::aggregator::rollup;

namespace {

std::vector<AppNumber> numbers(AppSet const& set) {
  std::vector<AppNumber> all;
  for (AppNumber const app : set) all.push_back(app);
  return all;
}

}  // namespace

TEST_CASE("a set of apps gives its numbers ascending, each once") {
  AppSet set;
  CHECK(set.empty());
  CHECK(numbers(set).empty());
  std::vector<AppNumber> const given{700, 3, 64, 63, 3, 0, 128};
  set.insert(given);
  std::set<AppNumber> const expected(given.begin(), given.end());
  CHECK(numbers(set) == std::vector<AppNumber>(expected.begin(), expected.end()));
  CHECK(set.size() == expected.size());
  for (AppNumber app = 0; app < 800; ++app) CHECK(set.contains(app) == expected.contains(app));
}

TEST_CASE("what is erased from a set of apps is gone, and can be inserted again") {
  AppSet set;
  for (AppNumber app = 0; app < 200; ++app) set.insert(app);
  CHECK(set.erase(64));
  CHECK_FALSE(set.erase(64));
  CHECK_FALSE(set.erase(100'000));
  set.erase_if([](AppNumber app) { return app % 3 != 0; });
  std::vector<AppNumber> expected;
  for (AppNumber app = 0; app < 200; app += 3) expected.push_back(app);
  CHECK(numbers(set) == expected);
  CHECK(set.size() == expected.size());
  set.insert(64);
  CHECK(set.contains(64));
  set.erase_if([](AppNumber) { return true; });
  CHECK(set.empty());
  CHECK(set.begin() == set.end());
}
