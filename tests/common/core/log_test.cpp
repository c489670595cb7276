#include "common/core/log.hpp"

#include <catch2/catch.hpp>

using dadvisor::printable;

TEST_CASE("control bytes of a name cannot forge a log line") {
  CHECK(printable("a\nb\x1b[31m") == "a\\x0ab\\x1b[31m");
  CHECK(printable(std::string_view("a\0b", 3)) == "a\\x00b");
  CHECK(printable("\x7f") == "\\x7f");
}

TEST_CASE("valid UTF-8 is shown as it is, anything else byte by byte") {
  CHECK(printable("caf\xc3\xa9 \xe5\xba\x97 \xf0\x9f\x9a\x80") ==
        "caf\xc3\xa9 \xe5\xba\x97 \xf0\x9f\x9a\x80");
  CHECK(printable("\xc3(") == "\\xc3(");
  CHECK(printable("\xe5\xba") == "\\xe5\\xba");
  CHECK(printable("\xc0\xaf") == "\\xc0\\xaf");           // overlong
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate
  CHECK(printable("\xc2\x9b"
                  "1m") ==
        "\\xc2\\x9b"
        "1m");  // C1: a terminal's CSI
}

TEST_CASE("an overlong text is cut") {
  CHECK(printable(std::string(2000, 'x'), 10) == std::string(10, 'x') + "...");
}
