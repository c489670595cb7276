#pragma once
// carbon's storage-*.conf as Python's configparser reads them: [sections] with "key = value" or
// "key: value", comments by # or ; at a line's beginning, values that go on in indented lines, "%%"
// for "%". Pure; any thread.
//
// Refused although Python takes it: [DEFAULT], whose options every section would inherit, and
// "%(name)s". Nobody writes either in these files, and a pattern with a lone "%" stops carbon.

#include <string>
#include <string_view>
#include <vector>

namespace dadvisor::graphite {

struct IniOption {
  std::string key;  // in lower case
  std::string value;
  std::size_t line = 0;
};

struct IniSection {
  std::string name;
  std::size_t line = 0;
  std::vector<IniOption> options;
  // nullptr when there is none.
  IniOption const* find(std::string_view key) const;
};

struct IniFile {
  std::vector<IniSection> sections;  // in the file's order
  std::vector<std::string> errors;   // "FILE:LINE: what is wrong; what to do"
};

// `file`: its name, for errors.
IniFile parse_ini(std::string_view text, std::string const& file);

// "FILE:LINE: TEXT".
std::string config_error(std::string const& file, std::size_t line, std::string_view text);
// Without blanks at either end.
std::string_view trimmed(std::string_view text);
// Calls visit(line number, line) for each line, without its end.
template <typename Visit>
void each_line(std::string_view text, Visit const& visit) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto const end = text.find('\n');
    auto line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    visit(number, line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

}  // namespace dadvisor::graphite
