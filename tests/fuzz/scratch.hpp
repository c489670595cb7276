#pragma once
// A directory of a fuzz target's own, in memory where there is any, gone at exit: for what is read
// by path.

#include <string>
#include <string_view>

namespace dadvisor::fuzz {

class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(Scratch const&) = delete;
  Scratch& operator=(Scratch const&) = delete;

  std::string const& path() const { return path_; }
  // A file below it, in place of one that is there; its directories are made.
  void put(std::string const& below, std::string_view bytes) const;
  // Everything below `below`, or the file of that name; all of it where that is empty.
  void clear(std::string const& below = {}) const;

 private:
  std::string path_;
};

}  // namespace dadvisor::fuzz
