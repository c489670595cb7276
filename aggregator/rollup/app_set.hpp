#pragma once
// A set of apps, which are numbered without holes: a bit each. A value.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "aggregator/rollup/host_window.hpp"

namespace dadvisor::aggregator::rollup {

class AppSet {
 public:
  // Its numbers, ascending.
  class Iterator {
   public:
    using value_type = AppNumber;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    Iterator() = default;
    Iterator(std::span<std::uint64_t const> words, std::size_t word) : words_(words), word_(word) {
      go_on(word < words.size() ? words[word] : 0);
    }
    AppNumber operator*() const {
      return static_cast<AppNumber>(word_ * 64 + static_cast<std::size_t>(std::countr_zero(bits_)));
    }
    Iterator& operator++() {
      go_on(bits_ & (bits_ - 1));
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(Iterator const& other) const {
      return word_ == other.word_ && bits_ == other.bits_;
    }

   private:
    void go_on(std::uint64_t bits) {
      while (bits == 0 && word_ < words_.size())
        if (++word_ < words_.size()) bits = words_[word_];
      bits_ = bits;
    }
    std::span<std::uint64_t const> words_;
    std::size_t word_ = 0;
    std::uint64_t bits_ = 0;
  };

  Iterator begin() const { return {words_, 0}; }
  Iterator end() const { return {words_, words_.size()}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool contains(AppNumber app) const {
    return app / 64 < words_.size() && (words_[app / 64] & bit(app)) != 0;
  }

  void insert(AppNumber app) {
    if (app / 64 >= words_.size()) words_.resize(app / 64 + 1);
    std::uint64_t& word = words_[app / 64];
    size_ += (word & bit(app)) == 0 ? 1 : 0;
    word |= bit(app);
  }
  void insert(std::span<AppNumber const> apps) {
    for (AppNumber const app : apps) insert(app);
  }
  // Whether it was there.
  bool erase(AppNumber app) {
    if (!contains(app)) return false;
    words_[app / 64] &= ~bit(app);
    --size_;
    return true;
  }
  template <typename Condition>
  void erase_if(Condition const& condition) {
    for (auto app = begin(); app != end();) {
      AppNumber const number = *app;
      ++app;
      if (condition(number)) erase(number);
    }
  }

 private:
  static std::uint64_t bit(AppNumber app) { return std::uint64_t{1} << (app % 64); }

  std::vector<std::uint64_t> words_;
  std::size_t size_ = 0;
};

}  // namespace dadvisor::aggregator::rollup
