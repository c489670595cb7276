#include "common/core/config/yaml_values.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <set>

#include "common/core/fd.hpp"
#include "common/core/log.hpp"

namespace dadvisor::config {
namespace {

constexpr std::size_t file_limit = 1 << 20;

class Flattening {
 public:
  explicit Flattening(std::string const& path) : path_(path) {}

  Result<void> section(YAML::Node const& map, std::string const& prefix) {
    for (auto const& pair : map) {
      int const line = pair.first.Mark().line + 1;
      if (!pair.first.IsScalar()) return wrong(line, "a key must be a plain word");
      std::string const key = prefix + pair.first.Scalar();
      if (!seen_.insert(key).second) {
        return wrong(line, fmt::format("{}: given twice; keep one of them", printable(key, 100)));
      }
      auto taken = value(pair.second, key, line);
      if (!taken) return taken;
    }
    return {};
  }
  std::vector<YamlValue> take() { return std::move(values_); }
  Error wrong(int line, std::string const& what) const {
    return Error{Errc::malformed, 0, fmt::format("{}:{}: {}", path_, line, what)};
  }

 private:
  Result<void> value(YAML::Node const& node, std::string const& key, int line) {
    if (node.IsMap()) return section(node, key + ".");
    YamlValue found;
    found.key = key;
    found.line = line;
    found.list = node.IsSequence();
    found.empty = node.IsNull();
    if (node.IsScalar()) found.values.push_back(node.Scalar());
    if (found.list) {
      for (auto const& item : node) {
        if (!item.IsScalar()) {
          return wrong(item.Mark().line + 1,
                       fmt::format("{}: each item must be a plain value", printable(key, 100)));
        }
        found.values.push_back(item.Scalar());
      }
    }
    values_.push_back(std::move(found));
    return {};
  }

  std::string const& path_;
  std::set<std::string> seen_;
  std::vector<YamlValue> values_;
};

}  // namespace

Result<std::vector<YamlValue>> read_yaml_values(std::string const& path) {
  auto const bytes = read_file(path, file_limit);
  if (!bytes) return bytes.error();
  Flattening flattening(path);
  try {
    auto const root = YAML::Load(*bytes);
    if (root.IsNull()) return std::vector<YamlValue>();
    if (!root.IsMap())
      return flattening.wrong(1, "the file must hold lines of the form 'key: value'");
    auto const flat = flattening.section(root, "");
    if (!flat) return flat.error();
  } catch (YAML::Exception const& exception) {
    return flattening.wrong(
        exception.mark.line + 1,
        fmt::format("not YAML: {}; write 'key: value', sections indented by blanks",
                    exception.msg));
  }
  return flattening.take();
}

}  // namespace dadvisor::config
