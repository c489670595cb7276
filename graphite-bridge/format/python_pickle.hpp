#pragma once
// Writes a Python pickle: what graphite-web speaks to the members of its cluster. Protocol 2,
// which Python 2.3 and everything since reads (Python's Lib/pickletools.py names the opcodes).
// There is no library for it; only lists, dictionaries, pairs, texts, numbers, booleans and None
// are written, none of which makes a reader execute anything. Not thread-safe; one pickle each.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dadvisor::graphite {

class PythonPickle {
 public:
  PythonPickle();

  // Values until the matching close, of a dictionary a key and a value in turn.
  void open_list();
  void close_list();
  void open_dictionary();
  void close_dictionary();
  void text(std::string_view text);  // bytes that are no UTF-8 become U+FFFD
  void integer(std::int64_t value);
  void real(double value);  // absent: None
  void boolean(bool value);
  void close_pair();  // makes a tuple of the two values before

  std::size_t size() const { return bytes_.size(); }  // of what is written by now
  std::string take();

 private:
  std::string bytes_;
};

}  // namespace dadvisor::graphite
