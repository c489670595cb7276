#include "graphite-bridge/path_node.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "graphite-bridge/line.hpp"

using namespace dadvisor::graphite;

TEST_CASE("a Marathon id becomes one node, one-to-one") {
  CHECK(encode_marathon_id("/shop/cart") == "shop_cart");
  CHECK(encode_marathon_id("/shop.eu/cart") == "shop__eu_cart");
  CHECK(encode_marathon_id("shop/cart") == "shop_cart");
  CHECK(encode_marathon_id("/a/b.c-d") == "a_b__c-d");
}

TEST_CASE("what is no Marathon id keeps apart by a hash") {
  auto const underscore = encode_marathon_id("/shop_cart");
  CHECK(underscore != "shop_cart");
  CHECK(underscore.substr(0, 10) == "shop_cart-");
  CHECK(encode_marathon_id("") == "unknown");
  CHECK(encode_marathon_id("/") == "unknown");
}

TEST_CASE("names that are nodes already stay as they are") {
  CHECK(encode_node("nginx-1_A") == "nginx-1_A");
  CHECK(encode_node(std::string(64, 'x')) == std::string(64, 'x'));
}

TEST_CASE("other bytes become underscores and a hash tells names apart") {
  std::set<std::string> seen;
  for (char const* raw : {"a b", "a.b", "a*b", "a;b", "a\nb", "a\xc3\xb6"}) {
    auto const node = encode_node(raw);
    CAPTURE(node);
    CHECK(node.find_first_not_of("abcdef0123456789_-") == std::string::npos);
    CHECK(is_line_path(node));
    CHECK(seen.insert(node).second);
  }
  CHECK(encode_node("a b").substr(0, 4) == "a_b-");
  CHECK(encode_node("a b").size() == 10);
  CHECK(encode_node("a b") == "a_b-1ac7a9");  // paths live in dashboards: it never changes
  CHECK(encode_node("") == "unknown");
}

TEST_CASE("long names are cut to the limit with their hash") {
  auto const first = encode_node(std::string(80, 'x') + "1");
  auto const second = encode_node(std::string(80, 'x') + "2");
  CHECK(first.size() == max_node_bytes);
  CHECK(first.substr(0, 57) == std::string(57, 'x'));
  CHECK(first != second);
  CHECK(encode_marathon_id("/" + std::string(80, 'x')).size() == max_node_bytes);
}
