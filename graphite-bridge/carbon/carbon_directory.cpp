#include "graphite-bridge/carbon/carbon_directory.hpp"

#include <sys/stat.h>

#include <array>

#include "common/core/fd.hpp"

namespace dadvisor::graphite {
namespace {

constexpr std::array carbon_names{"storage-schemas.conf",   "storage-aggregation.conf",
                                  "aggregation-rules.conf", "rewrite-rules.conf",
                                  "relay-rules.conf",       "whitelist.conf",
                                  "blacklist.conf"};
constexpr std::size_t most_file_bytes = 4 << 20;

// Parses a file of the directory, if it is there, and adds its errors.
template <typename Parse>
auto load_one(std::string const& directory, std::string const& name, Parse const& parse,
              std::vector<std::string>& errors) {
  auto const path = directory + "/" + name;
  std::string text;
  if (auto read = read_file(path, most_file_bytes))
    text = std::move(*read);
  else if (read.error().code != Errc::not_found)
    errors.push_back(to_string(read.error()));
  auto loaded = parse(text, path);
  errors.insert(errors.end(), loaded.errors.begin(), loaded.errors.end());
  return loaded;
}

}  // namespace

LoadedCarbonFiles load_carbon_files(std::string const& directory) {
  LoadedCarbonFiles loaded;
  auto files = std::make_shared<CarbonFiles>();
  if (!directory.empty()) {
    auto const load = [&](std::string const& name, auto const& parse) {
      return load_one(directory, name, parse, loaded.errors);
    };
    struct stat info {};
    if (::stat(directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
      loaded.errors.push_back(directory + ": no such directory; name the one with carbon's files");
    files->schemas = load("storage-schemas.conf", parse_storage_schemas).schemas;
    files->aggregations = load("storage-aggregation.conf", parse_storage_aggregation).aggregations;
    files->rules = load("aggregation-rules.conf", parse_aggregation_rules).rules;
    auto rewrites = load("rewrite-rules.conf", parse_rewrite_rules);
    files->pre = std::move(rewrites.pre);
    files->post = std::move(rewrites.post);
    files->relay = load("relay-rules.conf", parse_relay_rules).rules;
    files->white = load("whitelist.conf", parse_name_list).names;
    files->black = load("blacklist.conf", parse_name_list).names;
  }
  loaded.files = std::move(files);
  return loaded;
}

CarbonDirectory::CarbonDirectory(std::string directory, CarbonFilesPtr files, Log log)
    : directory_(std::move(directory)),
      log_(std::move(log)),
      seen_(look()),
      files_(std::move(files)) {}

std::map<std::string, CarbonDirectory::Stamp> CarbonDirectory::look() const {
  std::map<std::string, Stamp> found;
  if (directory_.empty()) return found;
  for (std::string const name : carbon_names) {
    struct stat info {};
    if (::stat((directory_ + "/" + name).c_str(), &info) != 0) continue;
    found[name] = {info.st_ino, info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec,
                   static_cast<std::uint64_t>(info.st_size)};
  }
  return found;
}

bool CarbonDirectory::poll() {
  auto now = look();
  if (now == seen_) return false;
  seen_ = std::move(now);
  auto loaded = load_carbon_files(directory_);
  if (!loaded.errors.empty()) {
    for (auto const& error : loaded.errors)
      log_.error("carbon's files stay as they were: {}", error);
    return false;
  }
  log_.info("carbon's files are read again from {}", directory_);
  std::lock_guard const lock(mutex_);
  files_ = std::move(loaded.files);
  return true;
}

CarbonFilesPtr CarbonDirectory::files() const {
  std::lock_guard const lock(mutex_);
  return files_;
}

}  // namespace dadvisor::graphite
