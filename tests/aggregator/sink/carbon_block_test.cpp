#include "aggregator/sink/carbon_block.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "graphite-bridge/carbon/pickled_points.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::sink;

TEST_CASE("plaintext is a line a point") {
  CarbonBlock block(CarbonProtocol::plaintext);
  CHECK(block.take().empty());
  CHECK(block.add("a.b", 1.5, 60));
  CHECK_FALSE(block.add("a..b", 1, 60));
  CHECK_FALSE(block.add("a.b", std::nan(""), 60));
  CHECK(block.take() == "a.b 1.5 60\n");
  CHECK(block.take().empty());
}

TEST_CASE("a pickle is what carbon's receiver reads") {
  CarbonBlock block(CarbonProtocol::pickle);
  CHECK(block.take().empty());
  CHECK(block.add("a.b", 1.5, 1'480'294'860));
  CHECK_FALSE(block.add("a b", 1, 60));
  CHECK_FALSE(block.add("a.b", INFINITY, 60));
  CHECK(block.add("c", -2, 5'000'000'000));
  auto const message = block.take();
  REQUIRE(message.size() > graphite::pickle_header_bytes);
  CHECK(graphite::pickle_length(message) == message.size() - graphite::pickle_header_bytes);
  std::vector<std::string> seen;
  auto const read = graphite::read_pickled_points(
      std::string_view(message).substr(graphite::pickle_header_bytes),
      [&](graphite::Point const& point) {
        seen.push_back(std::string(point.path) + " " + std::to_string(point.value) + " " +
                       std::to_string(static_cast<long long>(point.time)));
      });
  REQUIRE(read);
  CHECK(read->unfit == 0);
  CHECK(seen == std::vector<std::string>{"a.b 1.500000 1480294860", "c -2.000000 5000000000"});
}

TEST_CASE("a pickle ends before it is too great for carbon") {
  CarbonBlock block(CarbonProtocol::pickle);
  std::size_t points = 0;
  for (; !block.full(); ++points)
    REQUIRE(block.add("dadvisor.cluster.apps." + std::string(300, 'x'), 1, 60));
  CHECK(points == 500);
  CHECK(block.take().size() < graphite::most_pickle_bytes);
}
