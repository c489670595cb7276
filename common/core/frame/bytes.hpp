#pragma once
// The primitives of our binary formats: little-endian integers, LEB128 varints, zigzag, strings
// with their length in front. The reader never reads past its end: after the first failure it
// stays failed and yields zeros, so that a decoder may check ok() once per element.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace dadvisor {

static_assert(std::endian::native == std::endian::little, "words are read as they are");

inline std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

// At `out`, which must have room for ten bytes; behind it.
inline char* put_varint(char* out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<char>(value | 0x80);
  *out++ = static_cast<char>(value);
  return out;
}

// The varint at `in`, where eight bytes must be readable, all at once: which of a frame's varints
// are long cannot be foretold. Returns how long it is; 0: it is longer than that, or than it need
// be.
inline std::size_t read_short_varint(char const* in, std::uint64_t& value) {
  std::uint64_t word = 0;
  std::memcpy(&word, in, sizeof word);
  std::uint64_t const ends = ~word & 0x8080'8080'8080'8080;
  if (ends == 0) return 0;
  auto const bits = static_cast<unsigned>(std::countr_zero(ends)) + 1;
  word &= ~std::uint64_t{0} >> (64 - bits);
  // Without a branch on how long it is, which cannot be foretold either.
  bool const overlong = static_cast<int>(word >> (bits - 8) == 0) & static_cast<int>(bits > 8);
  if (overlong) return 0;
  word = (word & 0x007f'007f'007f'007f) | (word & 0x7f00'7f00'7f00'7f00) >> 1;
  word = (word & 0x0000'3fff'0000'3fff) | (word & 0x3fff'0000'3fff'0000) >> 2;
  value = (word & 0x0fff'ffff) | (word & 0x0fff'ffff'0000'0000) >> 4;
  return bits / 8;
}

// Appends to a string that it does not own.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}
  void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u32(std::uint32_t value) { fixed(value, 4); }
  void u64(std::uint64_t value) { fixed(value, 8); }
  void varint(std::uint64_t value) {
    std::array<char, 10> bytes;
    out_.append(bytes.data(),
                static_cast<std::size_t>(put_varint(bytes.data(), value) - bytes.data()));
  }
  void raw(std::string_view bytes) { out_.append(bytes); }
  void string(std::string_view bytes) {
    varint(bytes.size());
    raw(bytes);
  }

 private:
  void fixed(std::uint64_t value, std::size_t size) {
    std::array<char, 8> bytes;
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
    out_.append(bytes.data(), size);
  }
  std::string& out_;
};

// Reads from bytes that must outlive it.
class ByteReader {
 public:
  // Reads many varints in a row with its place in a register. While there is one of a reader the
  // reader is not to be used.
  class Varints {
   public:
    explicit Varints(ByteReader& reader) : reader_(reader) { look(); }
    ~Varints() { settle(); }
    Varints(Varints const&) = delete;
    Varints& operator=(Varints const&) = delete;
    // As the reader's varint().
    std::uint64_t next() {
      std::uint64_t value = 0;
      if (end_ - at_ >= static_cast<std::ptrdiff_t>(sizeof value))
        if (auto const size = read_short_varint(at_, value); size > 0) {
          at_ += size;
          return value;
        }
      settle();
      value = reader_.varint_by_bytes();
      look();
      return value;
    }

   private:
    void look() {
      at_ = reader_.rest_.data();
      end_ = at_ + reader_.rest_.size();
    }
    void settle() {
      reader_.rest_.remove_prefix(reader_.rest_.size() - static_cast<std::size_t>(end_ - at_));
    }
    ByteReader& reader_;
    char const* at_ = nullptr;
    char const* end_ = nullptr;
  };

  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}
  bool ok() const { return ok_; }
  std::size_t left() const { return rest_.size(); }
  void fail() {
    ok_ = false;
    rest_ = {};
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(fixed(1)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(fixed(4)); }
  std::uint64_t u64() { return fixed(8); }
  // Fails on a varint that is longer than 64 bits or longer than it need be.
  std::uint64_t varint() {
    std::uint64_t value = 0;
    if (rest_.size() >= sizeof value)
      if (auto const size = read_short_varint(rest_.data(), value); size > 0) {
        rest_.remove_prefix(size);
        return value;
      }
    return varint_by_bytes();
  }
  // A varint that must not exceed `limit`.
  std::uint64_t varint(std::uint64_t limit) {
    auto const value = varint();
    if (value <= limit) return value;
    fail();
    return 0;
  }
  std::string_view raw(std::size_t size) {
    if (size > rest_.size()) {
      fail();
      return {};
    }
    auto const bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  std::string_view string(std::size_t limit) { return raw(varint(limit)); }

 private:
  std::uint64_t varint_by_bytes() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      auto const byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      if ((byte == 0 && shift > 0) || (shift == 63 && byte > 1)) break;
      return value;
    }
    fail();
    return 0;
  }
  std::uint64_t fixed(std::size_t size) {
    std::uint64_t value = 0;
    auto const bytes = raw(size);
    for (std::size_t i = 0; i < bytes.size(); ++i)
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return value;
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace dadvisor
