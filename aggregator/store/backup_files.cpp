#include "aggregator/store/backup_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <set>

#include "common/core/fd.hpp"

namespace dadvisor::aggregator::store {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::string_view manifest_name = "backup.json";
constexpr std::int64_t manifest_version = 1;
constexpr std::size_t copied_at_once = 1 << 20;

Result<void> sync_path(std::string const& path, int flags) {
  auto const fd = open_file(path, O_RDONLY | flags);
  if (!fd) return fd.error();
  if (::fsync(fd->get()) != 0) return os_error(errno, path);
  return {};
}

Result<void> make_one(std::string const& path) {
  if (::mkdir(path.c_str(), 0750) != 0) return os_error(errno, path);
  return {};
}

// A synced copy. Returns its size.
Result<std::uint64_t> copy_synced(std::string const& from, std::string const& to,
                                  std::function<bool()> const& stopping = {}) {
  auto const source = open_file(from, O_RDONLY | O_NOFOLLOW);
  if (!source) return source.error();
  auto const target = open_file(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
  if (!target) return target.error();
  std::string bytes(copied_at_once, '\0');
  std::uint64_t size = 0;
  for (;;) {
    if (stopping && stopping()) return Error{Errc::gone, 0, "stopping"};
    ssize_t const n = ::read(source->get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error(errno, from);
    if (n == 0) break;
    auto const part = static_cast<std::size_t>(n);
    if (auto done = write_all(*target, std::string_view(bytes).substr(0, part)); !done)
      return done.error().within(to);
    size += part;
  }
  if (::fsync(target->get()) != 0) return os_error(errno, to);
  return size;
}

Result<std::uint64_t> size_of(std::string const& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return os_error(errno, path);
  if (!S_ISREG(status.st_mode)) return Error{Errc::malformed, 0, path + ": no regular file"};
  return static_cast<std::uint64_t>(status.st_size);
}

Result<void> write_synced(std::string const& path, std::string_view text) {
  auto const file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
  if (!file) return file.error();
  if (auto done = write_all(*file, text); !done) return done.error().within(path);
  if (::fsync(file->get()) != 0) return os_error(errno, path);
  return {};
}

struct Manifest {
  WallTime time{};
  std::vector<BackupFile> files;
};

// Below the directory, whoever wrote the manifest.
bool stays_below(std::string const& path) {
  fs::path const each(path);
  return !path.empty() && each.is_relative() &&
         std::ranges::none_of(each, [](fs::path const& node) { return node == ".."; });
}

Result<Manifest> read_manifest(std::string const& backup) {
  auto const path = backup + "/" + std::string(manifest_name);
  auto const text = read_file(path, std::size_t{1} << 30);
  if (!text && text.error().code == Errc::not_found)
    return Error{Errc::malformed, 0,
                 backup + ": no whole backup: it has no " + std::string(manifest_name) +
                     ", which is written last"};
  if (!text) return text.error();
  Error const wrong{Errc::malformed, 0, path + ": not what `dadvisor store backup` writes"};
  boost::system::error_code error;
  auto const parsed = json::parse(*text, error);
  if (error || !parsed.is_object()) return wrong;
  auto const& object = parsed.get_object();
  auto const* const version = object.if_contains("version");
  auto const* const time = object.if_contains("time_ns");
  auto const* const files = object.if_contains("files");
  if (version == nullptr || *version != manifest_version || time == nullptr || !time->is_int64() ||
      files == nullptr || !files->is_array())
    return wrong;
  Manifest manifest;
  manifest.time = from_tick_ns(time->get_int64());
  for (auto const& each : files->get_array()) {
    if (!each.is_object()) return wrong;
    auto const* const name = each.get_object().if_contains("path");
    auto const* const bytes = each.get_object().if_contains("bytes");
    if (name == nullptr || !name->is_string() || bytes == nullptr || !bytes->is_int64())
      return wrong;
    std::string const below(name->get_string());
    if (!stays_below(below)) return wrong;
    manifest.files.push_back({below, static_cast<std::uint64_t>(bytes->get_int64())});
  }
  return manifest;
}

}  // namespace

Result<void> BackupWriter::begin(std::vector<std::string> const& below) {
  if (!fs::path(directory_).is_absolute())
    return Error{Errc::malformed, 0, directory_ + ": give an absolute path"};
  if (::mkdir(directory_.c_str(), 0750) != 0)
    return errno == EEXIST ? Error{Errc::conflict, EEXIST,
                                   directory_ +
                                       ": is there already; name "
                                       "a directory that is not"}
                           : os_error(errno, directory_);
  begun_ = true;
  below_ = below;
  for (auto const& each : below_)
    if (auto made = make_one(directory_ + "/" + each); !made) return made;
  return {};
}

bool BackupWriter::has(std::string const& path) const {
  return std::ranges::any_of(files_, [&](BackupFile const& file) { return file.path == path; });
}

Result<void> BackupWriter::add(std::string const& source, std::string const& path) {
  if (stopping_ && stopping_()) return Error{Errc::gone, 0, "stopping"};
  auto const target = directory_ + "/" + path;
  if (::link(source.c_str(), target.c_str()) == 0) {
    auto const size = size_of(target);
    if (!size) return size.error();
    files_.push_back({path, *size});
    ++linked_;
    return {};
  }
  if (errno != EXDEV && errno != EPERM && errno != EMLINK && errno != EOPNOTSUPP)
    return os_error(errno, source + " to " + target);
  auto const copied = copy_synced(source, target, stopping_);
  if (!copied) return copied.error();
  files_.push_back({path, *copied});
  return {};
}

Result<void> BackupWriter::add_made(std::string const& path) {
  auto const target = directory_ + "/" + path;
  auto const size = size_of(target);
  if (!size) return size.error();
  files_.push_back({path, *size});
  return sync_path(target, 0);
}

Result<BackupMade> BackupWriter::finish(WallTime time, std::uint64_t store_id) {
  json::array files;
  BackupMade made{time, files_.size(), linked_, 0};
  for (BackupFile const& file : files_) {
    made.bytes += file.bytes;
    files.push_back({{"path", file.path}, {"bytes", file.bytes}});
  }
  for (auto const& each : below_)
    if (auto synced = sync_path(directory_ + "/" + each, O_DIRECTORY); !synced)
      return synced.error();
  json::object const manifest{{"version", manifest_version},
                              {"time_ns", tick_ns(time)},
                              {"store_id", store_id},
                              {"files", std::move(files)}};
  auto const path = directory_ + "/" + std::string(manifest_name);
  if (auto done = write_synced(path + ".new", json::serialize(manifest) + "\n"); !done)
    return done.error();
  if (std::rename((path + ".new").c_str(), path.c_str()) != 0) return os_error(errno, path);
  for (auto const& each : {directory_, fs::path(directory_).parent_path().string()})
    if (auto synced = sync_path(each, O_DIRECTORY); !synced) return synced.error();
  return made;
}

void BackupWriter::abandon() {
  std::error_code error;
  if (begun_) fs::remove_all(directory_, error);
}

Result<BackupMade> restore_backup(std::string const& backup, std::string const& data_directory) {
  auto const manifest = read_manifest(backup);
  if (!manifest) return manifest.error();
  for (BackupFile const& file : manifest->files) {
    auto const size = size_of(backup + "/" + file.path);
    if (!size) return size.error().within("the backup lacks a file");
    if (*size != file.bytes)
      return Error{Errc::malformed, 0,
                   fmt::format("{}/{}: has {} bytes and had {} when the backup was made", backup,
                               file.path, *size, file.bytes)};
  }
  auto const store = data_directory + "/store", fresh = data_directory + "/store.restoring";
  std::error_code error;
  if (fs::exists(fs::symlink_status(store, error)))
    return Error{Errc::conflict, 0,
                 store + ": there is a store already; move it away, or name another directory"};
  fs::create_directories(data_directory, error);
  if (!error) fs::remove_all(fresh, error);  // what an earlier restore left that was killed
  if (error) return os_error(error.value(), data_directory);
  BackupMade restored{manifest->time, manifest->files.size(), 0, 0};
  std::set<std::string> directories{fresh};
  for (BackupFile const& file : manifest->files)
    for (auto each = fs::path(fresh + "/" + file.path).parent_path();
         each.string().size() > fresh.size(); each = each.parent_path())
      directories.insert(each.string());
  for (auto const& each : directories)
    if (auto made = make_one(each); !made) return made.error();
  for (BackupFile const& file : manifest->files) {
    auto const copied = copy_synced(backup + "/" + file.path, fresh + "/" + file.path);
    if (!copied) return copied.error();
    restored.bytes += *copied;
  }
  for (auto const& each : directories)
    if (auto synced = sync_path(each, O_DIRECTORY); !synced) return synced.error();
  if (std::rename(fresh.c_str(), store.c_str()) != 0) return os_error(errno, store);
  if (auto synced = sync_path(data_directory, O_DIRECTORY); !synced) return synced.error();
  return restored;
}

}  // namespace dadvisor::aggregator::store
