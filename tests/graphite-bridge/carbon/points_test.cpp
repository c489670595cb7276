#include <bit>
#include <catch2/catch.hpp>
#include <random>

#include "graphite-bridge/carbon/pickled_points.hpp"
#include "graphite-bridge/carbon/point_line.hpp"
#include "graphite-bridge/carbon/point_path.hpp"

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

std::string fault(std::string const& pickle) {
  std::size_t visited = 0;
  auto const read = read_pickled_points(pickle, [&](Point const&) { ++visited; });
  CHECK(visited == 0);
  if (read) return "";
  CHECK(read.error().code == Errc::malformed);
  return read.error().context;
}

}  // namespace

TEST_CASE("names that would be another's, or cannot be shown, are refused") {
  for (auto const* const bad :
       {"", "a..b", ".a", "a.", "a/b", "../etc", "/abs", "a\nb", "a\x1b[1m", "a\x7f", "a\xff",
        "a\xc0\xaf", "a\xed\xa0\x80", "a\xe4\xb8", "m;t=a\x01"}) {
    INFO(bad);
    auto const path = canonical_path(bad);
    REQUIRE_FALSE(path);
    CHECK(path.error().code == Errc::malformed);
  }
  // Without the tag "name", which is its own, it is a name like any other.
  for (char const* bad : {"a/b;name=c", "a..b;name=c", "~.a;name=c"})
    CHECK_FALSE(canonical_path(bad));
  CHECK(canonical_path("~a.b;name=c").value_or("refused") == "a.b");
  CHECK_FALSE(canonical_path(std::string("a\0b", 3)));
  // What these would be called reads as tags in braces.
  CHECK_FALSE(canonical_path("a;z=b{c\"};b=1"));
  CHECK_FALSE(canonical_path("a{b\"};name=c"));
  CHECK_FALSE(canonical_path("a;b=c;b=d{e=\"f\"}"));
  CHECK(canonical_path("a;b=b{c\"};z=1").value_or("refused") == "a;b=b{c\"};z=1");
}

TEST_CASE("names are bounded in bytes and nodes") {
  CHECK(canonical_path(std::string(200, 'n')));
  std::string nodes = "n";
  for (std::size_t i = 1; i < path_limit::nodes; ++i) nodes += ".n";
  CHECK(canonical_path(nodes));
  for (auto const& bad : {std::string(201, 'n'), nodes + ".n", "m;t=" + std::string(1021, 'v'),
                          std::string(1 << 20, 'a'), std::string(201, 'n') + ";t=v"}) {
    auto const path = canonical_path(bad);
    REQUIRE_FALSE(path);
    CHECK(path.error().code == Errc::too_large);
  }
}

TEST_CASE("odd names that carbon stores too are taken as they are") {
  for (auto const* const name : {"a b", "a.*", "h\xc3\xa9.\xe4\xb8\xad.\xf0\x9f\x98\x80", "a[0]",
                                 "x(y)", "m;path=/var/lib;q=a.b"})
    CHECK(canonical_path(name).value_or("refused") == name);
}

TEST_CASE("a path falls into parent and leaf and back") {
  for (auto const* const path : {"a.b.c", "a", "m.x;t=v.w;u=1"}) {
    auto const parts = split_path(path);
    CHECK(join_path(parts.parent, parts.leaf) == path);
  }
  CHECK(split_path("a.b.c").parent == "a.b");
  CHECK(split_path("a").parent == "");
  CHECK(split_path("m.x;t=v.w").leaf == "m.x");
}

TEST_CASE("a line of other than three words or without numbers is none") {
  for (auto const* const bad : {"", " ", "a", "a 1", "a 1 2 3", "a b 1", "a 1 b", "a 1 1_000"})
    CHECK_FALSE(parse_point_line(bad));
  CHECK(parse_point_line("a 5 -1\r")->time == -1);
}

TEST_CASE("plain numbers are read as a whole line would be, to the last bit") {
  std::mt19937_64 random(1);
  auto const digits = [&](unsigned most) {
    std::string text;
    for (auto left = 1 + random() % most; left > 0; --left)
      text += static_cast<char>('0' + random() % 10);
    return text;
  };
  int plain = 0;
  PlainTime last;
  std::string time = digits(12);
  for (int i = 0; i < 20'000; ++i) {
    auto value = (random() % 4 == 0 ? "-" : "") + digits(9);
    if (random() % 2 == 0) value += "." + digits(9);
    if (random() % 3 == 0) time = random() % 2 == 0 ? "1700000" + digits(6) : digits(12);
    auto text = value + " " + time + "\n";
    // Sometimes what is not plain, and stays so whatever else stands in it.
    if (random() % 8 == 0) text[random() % text.size()] = " .-+e\r\tx_"[random() % 9];
    INFO(text);
    std::string const all = text + "rest";
    char const* at = all.data();
    double value_read = 0;
    std::int64_t time_read = 0;
    bool const read = parse_plain_numbers(at, all.data() + all.size(), last, value_read, time_read);
    auto const end = text.find('\n');
    if (!read || end == std::string::npos) continue;
    auto const line = parse_point_line("a " + text.substr(0, end));
    REQUIRE(line);
    CHECK(std::bit_cast<std::uint64_t>(value_read) == std::bit_cast<std::uint64_t>(line->value));
    CHECK(static_cast<double>(time_read) == line->time);
    CHECK(at == all.data() + end + 1);
    ++plain;
  }
  CHECK(plain > 10'000);
  for (std::string_view const other :
       {"", "1", "1 ", "1 2", "1 2\r\n", "1  2\n", " 1 2\n", "-0 2\n", "1. 2\n", ".5 2\n", "1 -1\n",
        "1 2.5\n", "1e3 2\n", "nan 2\n", "1234567890123456 2\n", "1 1234567890123456\n",
        "1 2 3\n"}) {
    INFO(other);
    char const* at = other.data();
    double value = 0;
    std::int64_t seconds = 0;
    CHECK_FALSE(parse_plain_numbers(at, other.data() + other.size(), last, value, seconds));
  }
}

TEST_CASE("a pickle of more than numbers, texts, lists and tuples executes nothing") {
  CHECK(fault("cos\nsystem\n(S'true'\ntR.") != "");  // GLOBAL
  CHECK(fault("(ios\nsystem\n.") != "");             // INST
  CHECK(fault("\x80\x02]q\x00(c__builtin__\nobject\nq\x01)\x81"
              "e.") != "");                                     // NEWOBJ
  CHECK(fault("\x80\x04\x8c\x02os\x8c\x06system\x93.") != "");  // STACK_GLOBAL
  CHECK(fault("}.") != "");                                     // a dict
  CHECK(fault("\x82\x01.") != "");                              // EXT1
  CHECK(fault("P1\n.") != "");                                  // PERSID
}

TEST_CASE("a pickle that is cut, wrong or too large is refused whole") {
  using namespace std::string_literals;
  auto const sound =
      "](X\x01\x00\x00\x00"
      "a(K\x01K\x02tta."s;
  std::size_t points = 0;
  auto const read = read_pickled_points(sound, [&](Point const& point) {
    ++points;
    CHECK(point.path == "a");
    CHECK(point.time == 1);
    CHECK(point.value == 2);
  });
  REQUIRE(read);
  CHECK(points == 1);
  for (std::size_t length = 0; length < sound.size(); ++length)
    CHECK(fault(sound.substr(0, length)) != "");
  for (auto const* const bad : {"a.", "e.", "t.", "0.", "g5\n.", "h\x05.", "N.", "(.", "](K\x01.",
                                "\x80\x09].", "S'a\n.", "Ix\n."})
    CHECK(fault(bad) != "");
  CHECK(fault(std::string("X\xff\xff\xff\xff"
                          "a.",
                          7)) != "");                           // a text of 4 GB
  CHECK(fault(std::string("\x8b\xff\xff\xff\x7f.", 6)) != "");  // a number of 2 GB
  CHECK(fault(std::string(1 << 20, ']')) != "");
  CHECK(fault(std::string(1 << 20, '(')) != "");
}

TEST_CASE("lists that hold themselves end") {
  std::size_t visited = 0;
  auto const read = read_pickled_points("]2a.", [&](Point const&) { ++visited; });
  REQUIRE(read);
  CHECK(read->unfit == 1);  // the list itself is no point
  CHECK(visited == 0);
}

TEST_CASE("the length of a pickle is big-endian") {
  CHECK(pickle_length(std::string("\x00\x01\x02\x03", 4)) == 0x00010203U);
  CHECK(pickle_length("\xff\xff\xff\xff") == 0xffffffffU);
}
