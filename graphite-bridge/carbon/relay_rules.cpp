#include "graphite-bridge/carbon/relay_rules.hpp"

#include <algorithm>
#include <array>

#include "graphite-bridge/carbon/ini_file.hpp"
#include "graphite-bridge/carbon/name_pattern.hpp"

namespace dadvisor::graphite {
namespace {

std::vector<std::string> parts_of(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    auto const comma = list.find(',');
    if (auto const one = trimmed(list.substr(0, comma)); !one.empty()) out.emplace_back(one);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return out;
}

// configparser's booleans.
std::optional<bool> boolean_of(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  static constexpr std::array<std::string_view, 4> yes{"1", "yes", "true", "on"},
      no{"0", "no", "false", "off"};
  if (std::ranges::find(yes, text) != yes.end()) return true;
  if (std::ranges::find(no, text) != no.end()) return false;
  return std::nullopt;
}

class Parser {
 public:
  explicit Parser(std::string const& file) : file_(file) {}

  void take(IniSection const& section) {
    auto const* const pattern = section.find("pattern");
    auto const* const usual = section.find("default");
    auto const* const destinations = section.find("destinations");
    RelayRule rule;
    if (destinations != nullptr) rule.destinations = parts_of(destinations->value);
    if (rule.destinations.empty())
      return error(section.line,
                   "[" + section.name + "] has no destinations; add \"destinations = HOST:PORT\"");
    if (pattern != nullptr && usual != nullptr)
      return error(usual->line, "[" + section.name + "] has a pattern too; leave one of them out");
    if (pattern != nullptr) return take_pattern(section, *pattern, std::move(rule));
    // As carbon does: a section with neither, or with "default = false", is as if it were not
    // there.
    if (usual == nullptr || !flag(*usual)) return;
    if (usual_) return error(usual->line, "there is another default; leave one of them out");
    usual_ = std::move(rule);
  }
  LoadedRelayRules finish(bool any_section) {
    if (usual_) {
      loaded_.rules.push_back(std::move(*usual_));
    } else if (any_section && loaded_.errors.empty()) {
      error(1, "there is no section with \"default = true\"; add one");
    }
    return std::move(loaded_);
  }

 private:
  void take_pattern(IniSection const& section, IniOption const& pattern, RelayRule rule) {
    auto regex = name_pattern("(?i)" + pattern.value);
    if (!regex) return error(pattern.line, regex.error().context);
    rule.pattern = std::move(*regex);
    auto const* const go_on = section.find("continue");
    rule.go_on = go_on != nullptr && flag(*go_on);
    loaded_.rules.push_back(std::move(rule));
  }
  bool flag(IniOption const& option) {
    auto const value = boolean_of(option.value);
    if (!value) error(option.line, option.key + " = " + option.value + ": must be true or false");
    return value.value_or(false);
  }
  void error(std::size_t line, std::string const& why) {
    loaded_.errors.push_back(config_error(file_, line, why));
  }

  std::string const& file_;
  LoadedRelayRules loaded_;
  std::optional<RelayRule> usual_;
};

}  // namespace

bool relayed(RelayRules const& rules, std::string_view path, std::string_view destination) {
  for (RelayRule const& rule : rules) {
    if (rule.pattern && !rule.pattern->matches(path)) continue;
    if (std::ranges::find(rule.destinations, destination) != rule.destinations.end()) return true;
    if (!rule.go_on) return false;
  }
  return false;
}

LoadedRelayRules parse_relay_rules(std::string_view text, std::string const& file) {
  auto ini = parse_ini(text, file);
  Parser parser(file);
  for (IniSection const& section : ini.sections) parser.take(section);
  auto loaded = parser.finish(!ini.sections.empty());
  loaded.errors.insert(loaded.errors.begin(), ini.errors.begin(), ini.errors.end());
  return loaded;
}

}  // namespace dadvisor::graphite
