#include "graphite-bridge/picture/text.hpp"

#include <catch2/catch.hpp>

#include "letters.hpp"

using namespace dadvisor::graphite::picture;
using test::even_letters;

TEST_CASE("text that is not UTF-8 becomes what cairo takes") {
  CHECK(clean_text("plain \xC3\xA4 \xE4\xB8\xAD \xF0\x9F\x98\x80") ==
        "plain \xC3\xA4 \xE4\xB8\xAD \xF0\x9F\x98\x80");
  std::string const bad = "\xEF\xBF\xBD";
  CHECK(clean_text("a\xFFz") == "a" + bad + "z");
  CHECK(clean_text("\xC3") == bad);                      // cut short
  CHECK(clean_text("\xC0\x80") == bad + bad);            // overlong
  CHECK(clean_text("\xED\xA0\x80") == bad + bad + bad);  // a surrogate
  CHECK(clean_text(std::string("a\0b\tc\n", 6)) == "a b c ");
  CHECK(clean_text(std::string(5000, 'x')).size() == 1000);
}

TEST_CASE("text that is too wide keeps its beginning and its end") {
  Font font;
  font.size = 10;  // a letter is 6 wide
  CHECK(elided("abcdefghij", 60, font, even_letters) == "abcdefghij");
  CHECK(elided("abcdefghij", 36, font, even_letters) == "ab\xE2\x80\xA6hij");
  CHECK(elided("abcdefghij", 11, font, even_letters) == "");
  CHECK(elided("\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4", 18, font, even_letters) ==
        "\xE2\x80\xA6\xC3\xA4\xC3\xA4");
  CHECK(elided("", 0, font, even_letters) == "");
}

TEST_CASE("cairo measures with a font that is there") {
  auto const measure = cairo_text_width();
  Font font;
  CHECK(measure("", font) == 0);
  double const narrow = measure("iiii", font);
  CHECK(narrow > 4);
  CHECK(measure("MMMM", font) > narrow * 2);  // boxes of a missing font are all as wide
  font.size = 20;
  CHECK(measure("iiii", font) == Approx(narrow * 2).epsilon(0.02));
}
