#include "aggregator/cli/check_config.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "agent/settings.hpp"
#include "aggregator/alert/rule_file.hpp"
#include "aggregator/notify/notify_file.hpp"
#include "aggregator/settings.hpp"

namespace dadvisor::aggregator::cli {

namespace {

namespace fs = std::filesystem;

bool is_yaml(fs::path const& path) {
  return path.extension() == ".yml" || path.extension() == ".yaml";
}

void add_directory(fs::path const& directory, bool deeper, std::set<std::string>& files) {
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::error_code unknown;
    if (it->is_directory(unknown) && deeper)
      add_directory(it->path(), false, files);
    else if (it->is_regular_file(unknown) && is_yaml(it->path()))
      files.insert(it->path().string());
  }
}

FileKind kind_of(std::string const& path) {
  static std::set<std::string> const rule_keys = {"rules", "groups"};
  static std::set<std::string> const notify_keys = {"receivers", "owners", "fallback",
                                                    "owner_domains"};
  auto const name = fs::path(path).filename().string();
  try {
    auto const document = YAML::LoadFile(path);
    if (document.IsMap())
      for (auto const& entry : document) {
        auto const key = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
        if (rule_keys.contains(key)) return FileKind::rules;
        if (notify_keys.contains(key)) return FileKind::notify;
        if (key == "aggregator" || key == "docker_socket" || key == "step") return FileKind::agent;
        if (key == "rules_dir" || key == "notify_file" || key == "mail" || key == "carbon")
          return FileKind::aggregator;
      }
  } catch (YAML::Exception const&) {
    // The reader of its kind says what is wrong with it.
  }
  if (name.find("agent") != std::string::npos) return FileKind::agent;
  if (name.find("notify") != std::string::npos) return FileKind::notify;
  if (name.find("aggregator") != std::string::npos) return FileKind::aggregator;
  return FileKind::rules;
}

// One problem a line, without the name of the program.
void add_output(std::string const& output, std::string const& program,
                std::vector<std::string>& problems) {
  for (std::size_t from = 0; from < output.size();) {
    auto const end = std::min(output.find('\n', from), output.size());
    auto line = output.substr(from, end - from);
    if (line.starts_with(program + ": ")) line.erase(0, program.size() + 2);
    if (!line.empty()) problems.push_back(std::move(line));
    from = end + 1;
  }
}

template <typename Settings, typename MakeTable>
void check_program(std::string const& program, std::string const& file, MakeTable const& make_table,
                   std::vector<std::string>& problems) {
  Settings settings;
  auto table = make_table(settings);
  char const* const arguments[] = {program.c_str(), "--config", file.c_str()};
  auto const loaded = table.load(3, arguments, "");
  if (!loaded.run) add_output(loaded.output, program, problems);
}

}  // namespace

char const* to_string(FileKind kind) {
  switch (kind) {
    case FileKind::agent:
      return "agent";
    case FileKind::aggregator:
      return "aggregator";
    case FileKind::rules:
      return "rules";
    case FileKind::notify:
      return "notify";
  }
  return "?";
}

CheckReport check_config(std::vector<std::string> const& paths) {
  CheckReport report;
  std::set<std::string> files;
  for (auto const& path : paths) {
    std::error_code error;
    auto const status = fs::status(path, error);
    if (fs::is_directory(status))
      add_directory(path, true, files);
    else if (fs::exists(status))
      files.insert(path);
    else
      report.unusable.push_back(path + ": there is no such file or directory");
  }
  std::vector<std::string> rule_files;
  std::optional<std::set<std::string>> receivers;
  for (auto const& file : files) {
    auto const kind = kind_of(file);
    report.files.push_back({file, kind, 0});
    switch (kind) {
      case FileKind::agent:
        check_program<agent::Settings>("dadvisor-agent", file, agent::settings_table,
                                       report.problems);
        break;
      case FileKind::aggregator:
        check_program<Settings>("dadvisor-aggregator", file, settings_table, report.problems);
        break;
      case FileKind::notify: {
        auto const loaded = notify::load_directory(file);
        report.problems.insert(report.problems.end(), loaded.errors.begin(), loaded.errors.end());
        if (!receivers) receivers.emplace();
        receivers->merge(loaded.directory.receiver_names());
        break;
      }
      case FileKind::rules:
        rule_files.push_back(file);
        break;
    }
  }
  auto const loaded = alert::load_rule_files(rule_files, receivers);
  report.problems.insert(report.problems.end(), loaded.errors.begin(), loaded.errors.end());
  for (auto const& rule : loaded.rules)
    for (auto& file : report.files) file.rules += file.path == rule.file;
  return report;
}

}  // namespace dadvisor::aggregator::cli
