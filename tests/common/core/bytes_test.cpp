// Varints, which are read eight bytes at once where there are as many.

#include "common/core/frame/bytes.hpp"

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <limits>
#include <string>

using namespace dadvisor;

TEST_CASE("a varint of each length comes back, at the end of the bytes and before it") {
  for (std::size_t const behind : {0, 3, 20}) {
    for (unsigned bits = 0; bits <= 64; ++bits) {
      std::uint64_t const most =
          bits == 0 ? 0 : std::numeric_limits<std::uint64_t>::max() >> (64 - bits);
      for (std::uint64_t const value : {most, most - most / 3}) {
        std::string bytes;
        ByteWriter(bytes).varint(value);
        CHECK(bytes.size() == std::max(1U, (static_cast<unsigned>(std::bit_width(value)) + 6) / 7));
        bytes.append(behind, '\x85');
        ByteReader reader(bytes);
        CHECK(reader.varint() == value);
        CHECK(reader.ok());
        CHECK(reader.left() == behind);
      }
    }
  }
}

TEST_CASE("a varint that is longer than it need be fails, wherever it stands") {
  for (std::size_t const behind : {0, 3, 20})
    for (std::size_t size = 2; size <= 12; ++size) {
      std::string bytes(size - 1, '\x81');
      bytes += '\0';
      bytes.append(behind, '\0');
      ByteReader reader(bytes);
      CHECK(reader.varint() == 0);
      CHECK_FALSE(reader.ok());
      CHECK(reader.left() == 0);
    }
}

TEST_CASE("a varint of more than 64 bits, or one that is cut short, fails") {
  for (std::string const& bytes :
       {std::string(9, '\xff') + '\x02', std::string(10, '\xff') + '\x01', std::string(7, '\xff'),
        std::string(8, '\xff'), std::string(9, '\xff'), std::string()}) {
    ByteReader reader(bytes);
    CHECK(reader.varint() == 0);
    CHECK_FALSE(reader.ok());
  }
  std::string const greatest = std::string(9, '\xff') + '\x01';
  ByteReader reader(greatest);
  CHECK(reader.varint() == std::numeric_limits<std::uint64_t>::max());
  CHECK(reader.ok());
}

TEST_CASE("zigzag is undone by its inverse") {
  for (auto const value :
       {std::int64_t(0), std::int64_t(-1), std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max()})
    CHECK(unzigzag(zigzag(value)) == value);
  CHECK(zigzag(-1) == 1);
  CHECK(zigzag(1) == 2);
}
