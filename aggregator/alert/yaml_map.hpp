#pragma once
// One mapping of a YAML file, read with care: every slip becomes one line
// "FILE:LINE: key: what is wrong; how to mend it", and reading goes on, so that one run names all
// of them. For rule files and the notify file; start-up only, one thread.

#include <yaml-cpp/yaml.h>

#include <chrono>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dadvisor::aggregator::alert {

// The slips found in one file.
class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}
  void add(YAML::Node const& at, std::string_view key, std::string_view what,
           std::string_view remedy);
  void add_line(int line, std::string_view key, std::string_view what, std::string_view remedy);
  std::string const& file() const { return file_; }
  std::vector<std::string> const& lines() const { return lines_; }

 private:
  std::string file_;
  std::vector<std::string> lines_;
};

// The word of `known` nearest to `word`, if it is near enough to be meant.
std::optional<std::string> nearest(std::string_view word, std::vector<std::string> const& known);

class YamlMap {
 public:
  // `path` is how the mapping is called in messages ("groups[0].rules[2]"), empty at the top.
  // A key that is not in `known`, or is there twice, is a problem.
  YamlMap(Problems& problems, YAML::Node node, std::string path,
          std::initializer_list<char const*> known);

  bool has(char const* key) const;
  YAML::Node node(char const* key) const;  // undefined if the key is not there
  YAML::Node const& self() const { return node_; }
  std::string key_path(std::string_view key) const;

  // nullopt if the key is not there, or is there but wrong (then a problem was added).
  std::optional<std::string> text(char const* key);
  std::string required_text(char const* key, std::string_view remedy);
  std::optional<std::chrono::milliseconds> duration(char const* key);
  std::optional<std::int64_t> integer(char const* key, std::int64_t least, std::int64_t most);
  // A list of texts, or one text alone.
  std::optional<std::vector<std::string>> texts(char const* key);
  std::map<std::string, std::string> text_map(char const* key);

  void problem(std::string_view key, std::string_view what, std::string_view remedy);

 private:
  Problems& problems_;
  YAML::Node node_;
  std::string path_;
};

// The file's document, or one problem that says why not.
std::optional<YAML::Node> load_yaml(Problems& problems);

}  // namespace dadvisor::aggregator::alert
