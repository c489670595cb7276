#include "graphite-bridge/format/python_pickle.hpp"

#include <bit>
#include <limits>
#include <utility>

#include "graphite-bridge/format/utf8.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite {
namespace {

// Opcodes, as pickletools calls them.
constexpr char proto = '\x80', stop = '.', mark = '(';
constexpr char empty_list = ']', appends = 'e', empty_dictionary = '}', set_items = 'u';
constexpr char none = 'N', new_true = '\x88', new_false = '\x89';
constexpr char tuple_2 = '\x86';
constexpr char binary_integer = 'J', long_1 = '\x8a', binary_float = 'G', binary_unicode = 'X';

void append_little(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

}  // namespace

PythonPickle::PythonPickle() : bytes_{proto, '\x02'} {}

void PythonPickle::open_list() { bytes_ += {empty_list, mark}; }

void PythonPickle::close_list() { bytes_ += appends; }

void PythonPickle::open_dictionary() { bytes_ += {empty_dictionary, mark}; }

void PythonPickle::close_dictionary() { bytes_ += set_items; }

void PythonPickle::text(std::string_view text) {
  auto const sound = valid_utf8(text);
  bytes_ += binary_unicode;
  append_little(bytes_, sound.size(), 4);
  bytes_ += sound;
}

void PythonPickle::integer(std::int64_t value) {
  using Small = std::numeric_limits<std::int32_t>;
  bool const small = value >= Small::min() && value <= Small::max();
  if (small) {
    bytes_ += binary_integer;
  } else {
    bytes_ += {long_1, '\x08'};
  }
  append_little(bytes_, static_cast<std::uint64_t>(value), small ? 4 : 8);
}

void PythonPickle::real(double value) {
  if (is_absent(value)) {
    bytes_ += none;
    return;
  }
  bytes_ += binary_float;
  auto const bits = std::bit_cast<std::uint64_t>(value);
  for (int byte = 7; byte >= 0; --byte) bytes_ += static_cast<char>(bits >> (8 * byte) & 0xff);
}

void PythonPickle::boolean(bool value) { bytes_ += value ? new_true : new_false; }

void PythonPickle::close_pair() { bytes_ += tuple_2; }

std::string PythonPickle::take() {
  bytes_ += stop;
  return std::move(bytes_);
}

}  // namespace dadvisor::graphite
