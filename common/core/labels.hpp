#pragma once
// The labels of an entity: pairs of key and value, sorted by key, keys unique; who makes them sees
// to the order. Packed in one piece of memory that never changes, which copies share: the same
// description stands in batches, in the store, in its lists and in their indexes. Views of keys and
// values last as long as any copy. As thread-safe as an int.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace dadvisor {

class Labels {
 public:
  using value_type = std::pair<std::string_view, std::string_view>;

  class Iterator {
   public:
    using value_type = Labels::value_type;
    using difference_type = std::ptrdiff_t;
    using reference = value_type;
    using pointer = void;
    using iterator_category = std::input_iterator_tag;
    using iterator_concept = std::forward_iterator_tag;
    Iterator() = default;
    explicit Iterator(char const* at) : at_(at) {}
    value_type operator*() const {
      char const* at = at_;
      auto const key = read(at);
      return {key, read(at)};
    }
    Iterator& operator++() {
      read(at_);
      read(at_);
      return *this;
    }
    Iterator operator++(int) {
      auto const before = *this;
      ++*this;
      return before;
    }
    bool operator==(Iterator const&) const = default;

   private:
    // The text that begins with its length at `at`, which moves behind it.
    static std::string_view read(char const*& at) {
      std::size_t size = 0;
      for (unsigned shift = 0;; shift += 7) {
        auto const byte = static_cast<unsigned char>(*at++);
        size |= std::size_t{byte & 0x7fU} << shift;
        if (byte < 0x80) break;
      }
      std::string_view const text(at, size);
      at += size;
      return text;
    }
    char const* at_ = nullptr;
  };
  using const_iterator = Iterator;

  Labels() = default;
  Labels(std::initializer_list<value_type> labels);
  // Of bytes(); nothing when they are no labels.
  static std::optional<Labels> from_bytes(std::string_view bytes);

  Iterator begin() const { return Iterator(bytes().data()); }
  Iterator end() const { return Iterator(bytes().data() + bytes().size()); }
  bool empty() const { return !packed_; }
  std::size_t size() const { return static_cast<std::size_t>(std::distance(begin(), end())); }
  value_type front() const { return *begin(); }  // not of none
  // The value of a key; nothing when it is missing.
  std::optional<std::string_view> find(std::string_view key) const;
  // The same but for the value of this key, which need not be there.
  Labels with(std::string_view key, std::string_view value) const;

  // As files have them: each key and each value with its length in front, a varint.
  std::string_view bytes() const {
    return packed_ ? std::string_view(packed_.get() + sizeof(std::uint32_t), stored_size())
                   : std::string_view();
  }
  // Whether they share their memory; none is shared with nobody.
  bool is(Labels const& other) const { return packed_ && packed_ == other.packed_; }
  bool operator==(Labels const& other) const {
    return packed_ == other.packed_ || bytes() == other.bytes();
  }

 private:
  friend class LabelsWriter;
  static Labels pack(std::string_view bytes);
  std::size_t stored_size() const;

  std::shared_ptr<char const[]> packed_;  // the size of what follows, a u32, and bytes()
};

// Makes labels, one after the other.
class LabelsWriter {
 public:
  void add(std::string_view key, std::string_view value);
  Labels take() const { return Labels::pack(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace dadvisor
