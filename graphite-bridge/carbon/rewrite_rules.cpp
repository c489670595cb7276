#include "graphite-bridge/carbon/rewrite_rules.hpp"

#include <algorithm>

#include "graphite-bridge/carbon/ini_file.hpp"
#include "graphite-bridge/carbon/name_pattern.hpp"

namespace dadvisor::graphite {
namespace {

RewriteRules* rewrite_section(LoadedRewriteRules& loaded, std::string_view heading) {
  std::string name(heading);
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (name == "pre") return &loaded.pre;
  return name == "post" ? &loaded.post : nullptr;
}

}  // namespace

std::string rewritten(RewriteRules const& rules, std::string_view path) {
  std::string name(path);
  for (RewriteRule const& rule : rules)
    if (auto other = rule.pattern.replace(name, rule.replacement)) name = std::move(*other);
  return name;
}

LoadedRewriteRules parse_rewrite_rules(std::string_view text, std::string const& file) {
  LoadedRewriteRules loaded;
  RewriteRules* section = nullptr;
  each_line(text, [&](std::size_t number, std::string_view raw) {
    auto const line = trimmed(raw);
    auto const error = [&](std::string const& why) {
      loaded.errors.push_back(config_error(file, number, why));
    };
    if (line.empty() || line.front() == '#') return;
    if (line.front() == '[' && line.back() == ']') {
      section = rewrite_section(loaded, line.substr(1, line.size() - 2));
      if (section == nullptr) return error("carbon uses no such section; write [pre] or [post]");
      section->clear();  // as carbon does: a second heading begins anew
      return;
    }
    auto const equals = line.find('=');
    if (equals == std::string_view::npos) return error("no rule; write REGEX = REPLACEMENT");
    if (section == nullptr) return error("stands in no section; write [pre] or [post] above it");
    auto regex = name_pattern(trimmed(line.substr(0, equals)));
    if (!regex) return error(regex.error().context);
    std::string replacement(trimmed(line.substr(equals + 1)));
    if (auto const tried = regex->replace("", replacement); !tried)
      return error(tried.error().context);
    section->push_back({std::move(*regex), std::move(replacement)});
  });
  return loaded;
}

}  // namespace dadvisor::graphite
