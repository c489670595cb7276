#include "graphite-bridge/carbon/hash_ring.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::graphite;

namespace {
using Places = std::vector<std::size_t>;
}

// What carbon 1.1.7's own ConsistentHashRing.get_nodes() says, asked of the Debian package.
TEST_CASE("paths go where carbon's ring has them") {
  HashRing const four({{"10.0.0.1", "a"}, {"10.0.0.2", "b"}, {"10.0.0.3", {}}, {"10.0.0.4", "d"}});
  CHECK(four.nodes_of("a", 4) == Places{0, 1, 3, 2});
  CHECK(four.nodes_of("dadvisor.bj.apps.shop_cart.p95.cpu.cores", 4) == Places{3, 0, 2, 1});
  CHECK(four.nodes_of("dadvisor.bj.hosts.h1.mem.available", 4) == Places{2, 1, 0, 3});
  CHECK(four.nodes_of("x.y.z", 4) == Places{0, 2, 1, 3});
  CHECK(four.nodes_of("m7", 4) == Places{3, 2, 1, 0});
  HashRing const two({{"127.0.0.1", "a"}, {"127.0.0.1", "b"}});
  CHECK(two.nodes_of("x.y.z", 1) == Places{1});
  CHECK(two.nodes_of("servers.web01.cpu", 2) == Places{0, 1});
}

TEST_CASE("as many nodes hold a path as are asked for, and there are") {
  HashRing const ring({{"10.0.0.1", "a"}, {"10.0.0.2", "b"}, {"10.0.0.3", {}}, {"10.0.0.4", "d"}});
  CHECK(ring.holds(2, "x.y.z", 2));
  CHECK_FALSE(ring.holds(1, "x.y.z", 2));
  CHECK(ring.nodes_of("x.y.z", 9).size() == 4);
  HashRing const one(std::vector<HashNode>{{"10.0.0.1", {}}});
  CHECK(one.nodes_of("x.y.z", 1) == Places{0});
}
