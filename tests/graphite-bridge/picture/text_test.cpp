#include "graphite-bridge/picture/text.hpp"

#include <catch2/catch.hpp>
#include <cmath>

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

TEST_CASE("a letter that a font lacks is taken from another that is installed") {
  auto const measure = cairo_text_width();
  Font mono;
  mono.name = "DejaVu Sans Mono";
  double const cell = measure("M", mono);  // all letters of that font, its box as well
  REQUIRE(measure("i", mono) == Approx(cell));
  std::string const alef = "\xD7\x90";  // in DejaVu Sans, not in its Mono
  double const alone = measure(alef, mono);
  CHECK(alone > 1);
  CHECK(std::abs(alone - cell) > 0.2);
  CHECK(measure("i" + alef + "i", mono) == Approx(2 * cell + alone).epsilon(0.01));
  CHECK(measure("i", mono) == Approx(cell));  // the font is the asked one again
  // What no font has is a box of the asked one.
  std::string const nowhere = "\xF3\xB0\x80\x80";  // for private use
  CHECK(measure(nowhere, mono) > 0);
}
