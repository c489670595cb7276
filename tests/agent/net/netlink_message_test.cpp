#include "agent/net/netlink_message.hpp"

#include <catch2/catch.hpp>

#include "tests/agent/net/route_answers.hpp"

using namespace dadvisor::agent;
using namespace dadvisor::test;

TEST_CASE("messages and attributes are taken one by one, the padding between them skipped") {
  std::string const odd = message(7, 3, "abcde");  // 21 bytes: 3 of padding up to the next
  std::string const two = odd + std::string(3, '\0') + message(8, 0, "");
  std::string_view left = two;
  NetlinkMessage taken;
  REQUIRE(take_message(left, taken) == Taken::one);
  CHECK(taken.type == 7);
  CHECK(taken.flags == 3);
  CHECK(taken.body == "abcde");
  REQUIRE(take_message(left, taken) == Taken::one);
  CHECK(taken.type == 8);
  CHECK(taken.body.empty());
  CHECK(take_message(left, taken) == Taken::end);

  std::string const attributes = attribute(1 | NLA_F_NESTED, "xyz") + attribute(2, "");
  left = attributes;
  NetlinkAttribute one;
  REQUIRE(take_attribute(left, one) == Taken::one);
  CHECK(one.type == 1);
  CHECK(one.value == "xyz");
  REQUIRE(take_attribute(left, one) == Taken::one);
  CHECK(one.type == 2);
  CHECK(take_attribute(left, one) == Taken::end);
}

TEST_CASE("a length that is shorter than its header or longer than what is there is malformed") {
  std::string bytes = message(7, 0, "abcd");
  NetlinkMessage taken;
  for (std::uint32_t const wrong : {0u, 15u, 21u, 0xffffffffu}) {
    std::memcpy(bytes.data(), &wrong, sizeof wrong);
    std::string_view left = bytes;
    CHECK(take_message(left, taken) == Taken::malformed);
  }
  std::string_view left = std::string_view(bytes).substr(0, 15);
  CHECK(take_message(left, taken) == Taken::malformed);

  std::string one = attribute(1, "abcd");
  NetlinkAttribute attribute;
  for (int const number : {0, 3, 9, 0xffff}) {
    auto const wrong = static_cast<std::uint16_t>(number);
    std::memcpy(one.data(), &wrong, sizeof wrong);
    left = one;
    CHECK(take_attribute(left, attribute) == Taken::malformed);
  }
  left = std::string_view(one).substr(0, 3);
  CHECK(take_attribute(left, attribute) == Taken::malformed);
}

TEST_CASE("a request says its length, its sequence and that it is one") {
  std::string const bytes = NetlinkRequest(94, NLM_F_DUMP, "12345").with(8, 77).bytes(4711);
  std::string_view left = bytes;
  NetlinkMessage taken;
  REQUIRE(take_message(left, taken) == Taken::one);
  CHECK(left.empty());
  CHECK(taken.type == 94);
  CHECK(taken.flags == (NLM_F_DUMP | NLM_F_REQUEST));
  CHECK(taken.sequence == 4711);
  CHECK(taken.body.substr(0, 5) == "12345");
  std::string_view attributes = taken.body.substr(8);
  NetlinkAttribute one;
  REQUIRE(take_attribute(attributes, one) == Taken::one);
  std::uint32_t value = 0;
  CHECK(scan_u32(one.value, value));
  CHECK(value == 77);
  CHECK_FALSE(scan_u32(one.value.substr(1), value));
}
