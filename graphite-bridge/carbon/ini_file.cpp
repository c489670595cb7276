#include "graphite-bridge/carbon/ini_file.hpp"

#include <algorithm>
#include <limits>

namespace dadvisor::graphite {
namespace {

constexpr std::string_view ini_blanks = " \t\v\f\r\n";

// Puts "%" for "%%"; false: another "%" is in it.
bool unescape_percent(std::string& value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '%' && (++i == value.size() || value[i] != '%')) return false;
    out += value[i];
  }
  value = std::move(out);
  return true;
}

class IniParser {
 public:
  explicit IniParser(std::string const& file) : file_(file) {}

  void line(std::size_t number, std::string_view line) {
    auto const text = trimmed(line);
    if (text.empty() || text.front() == '#' || text.front() == ';') return;
    auto const indent = line.find_first_not_of(ini_blanks);
    if (option_ && indent > indent_) {
      option_->value += '\n';
      option_->value += text;
      return;
    }
    indent_ = indent;
    auto const close = text.rfind(']');
    if (text.front() == '[' && close != std::string_view::npos && close > 1)
      return section(number, std::string(text.substr(1, close - 1)));
    option(number, text);
  }

  IniFile finish() {
    for (IniSection& section : made_.sections)
      for (IniOption& option : section.options)
        if (!unescape_percent(option.value))
          error(option.line, "a single % in the value of " + option.key + "; write %%");
    return std::move(made_);
  }

 private:
  void error(std::size_t number, std::string const& text) {
    made_.errors.push_back(config_error(file_, number, text));
  }

  void section(std::size_t number, std::string name) {
    option_ = nullptr;
    if (name == "DEFAULT")
      error(number, "[DEFAULT] would give its options to all sections; write [default]");
    if (std::ranges::any_of(made_.sections, [&](auto const& one) { return one.name == name; }))
      error(number, "section [" + name + "] is there twice; give one another name");
    made_.sections.push_back({std::move(name), number, {}});
  }

  void option(std::size_t number, std::string_view text) {
    option_ = nullptr;
    if (made_.sections.empty()) return error(number, "stands in no section; write [NAME] above it");
    auto const at = text.find_first_of("=:");
    if (at == std::string_view::npos)
      return error(number, "neither a [section] nor \"key = value\"");
    std::string key(trimmed(text.substr(0, at)));
    std::ranges::transform(key, key.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    auto& section = made_.sections.back();
    if (section.find(key) != nullptr)
      error(number, key + " is there twice in [" + section.name + "]; remove one");
    section.options.push_back({std::move(key), std::string(trimmed(text.substr(at + 1))), number});
    option_ = &section.options.back();
  }

  std::string const& file_;
  IniFile made_;
  IniOption* option_ = nullptr;  // that an indented line goes on with
  std::size_t indent_ = 0;       // of the last line that did not
};

}  // namespace

IniOption const* IniSection::find(std::string_view key) const {
  auto const found = std::ranges::find(options, key, &IniOption::key);
  return found == options.end() ? nullptr : &*found;
}

std::string_view trimmed(std::string_view text) {
  auto const first = text.find_first_not_of(ini_blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(ini_blanks) - first + 1);
}

std::string config_error(std::string const& file, std::size_t line, std::string_view text) {
  return file + ":" + std::to_string(line) + ": " + std::string(text);
}

IniFile parse_ini(std::string_view text, std::string const& file) {
  IniParser parser(file);
  each_line(text, [&](std::size_t number, std::string_view line) { parser.line(number, line); });
  return parser.finish();
}

}  // namespace dadvisor::graphite
