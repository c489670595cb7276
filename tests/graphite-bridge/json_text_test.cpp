#include "graphite-bridge/json_text.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::graphite;

TEST_CASE("names of any bytes are valid JSON") {
  JsonText json;
  json.string("a\"\\\n\x01\x7f\xc3\xb6\xf0\x9f\x98\x80\xff\xc0\xaf\xed\xa0\x80");
  CHECK(
      json.take() ==
      "\"a\\\"\\\\\\n\\u0001\\u007f\\u00f6\\ud83d\\ude00\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"
      "\"");
}
