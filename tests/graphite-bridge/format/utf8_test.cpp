#include "graphite-bridge/format/utf8.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::graphite;

TEST_CASE("UTF-8 stays, and each byte that begins no character is replaced") {
  CHECK(valid_utf8("") == "");
  CHECK(valid_utf8("a\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80") ==
        "a\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(valid_utf8("\xef\xbf\xbd") == "\xef\xbf\xbd");
  CHECK(valid_utf8("x\xffy") == "x\xef\xbf\xbdy");
  CHECK(valid_utf8("\xed\xa0\x80") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // half a surrogate
  CHECK(valid_utf8("\xe2\x82") == "\xef\xbf\xbd\xef\xbf\xbd");                  // cut
}
