#include "common/core/config/yaml_text.hpp"

#include <yaml-cpp/yaml.h>

#include <set>
#include <string_view>

namespace dadvisor::config {
namespace {

// What could be taken for something else than text stands in quotes.
bool is_plain(std::string const& value) {
  static constexpr std::string_view letters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._:-";
  return !value.empty() && value.find_first_not_of(letters) == std::string::npos &&
         value.front() != ':' && value.front() != '-' && value.back() != ':';
}

void write(YAML::Emitter& out, std::string const& value) {
  if (!is_plain(value)) out << YAML::DoubleQuoted;
  out << value;
}

}  // namespace

std::string yaml_text(std::vector<YamlEntry> const& entries) {
  YAML::Emitter out;
  auto const write_entry = [&](YamlEntry const& entry, std::string const& key) {
    out << YAML::Key << key << YAML::Value;
    if (entry.list) {
      out << YAML::Flow << YAML::BeginSeq;
      for (auto const& value : entry.values) write(out, value);
      out << YAML::EndSeq;
    } else {
      write(out, entry.values.empty() ? std::string() : entry.values.front());
    }
    if (!entry.comment.empty()) out << YAML::Comment(entry.comment);
  };
  std::set<std::string> sections;
  out << YAML::BeginMap;
  for (auto const& entry : entries) {
    auto const dot = entry.key.find('.');
    if (dot == std::string::npos) {
      write_entry(entry, entry.key);
      continue;
    }
    auto const section = entry.key.substr(0, dot);
    if (!sections.insert(section).second) continue;
    out << YAML::Key << section << YAML::Value << YAML::BeginMap;
    for (auto const& one : entries)
      if (one.key.starts_with(section + ".")) write_entry(one, one.key.substr(dot + 1));
    out << YAML::EndMap;
  }
  out << YAML::EndMap;
  return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace dadvisor::config
