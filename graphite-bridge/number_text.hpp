#pragma once
// Numbers as text the way Python writes and reads them. Graphite's names, tags and JSON carry
// numbers as Python prints them ("42.0", "1e+300", "0.001"), and dashboards match on these names.
// Pure functions, any thread, independent of the process's locale.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dadvisor::graphite {

// repr(float): the shortest text that reads back as the same double; always with a point or an
// exponent; "inf", "-inf", "nan".
void append_repr(std::string& out, double value);
// The same to where `out` points and repr_size bytes have room; the end of it.
inline constexpr std::size_t repr_size = 32;
char* write_repr(char* out, double value);
std::string repr(double value);
// Whether it is a whole number, and not so large that a double leaves out others beside it.
bool is_whole(double value);
// repr(int) where `whole`: without ".0". What is_whole() refuses is shown as above all the same.
char* write_whole_repr(char* out, double value);
void append_repr(std::string& out, double value, bool whole);
std::string repr(double value, bool whole);
// "%g": six significant digits.
std::string general(double value);
// round(value, digits): the nearest decimal, exact ties to even.
double round_to(double value, int digits);
// float(text): decimal, exponent, "inf", "infinity", "nan", blanks around it. Absent when it is
// not a number.
std::optional<double> parse_float(std::string_view text);
// int(text): optional sign and digits, blanks around it. Absent when it is none or too large.
std::optional<std::int64_t> parse_integer(std::string_view text);

}  // namespace dadvisor::graphite
