#include "aggregator/store/catalogue_copy.hpp"

#include <stdlib.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <tuple>

namespace dadvisor::aggregator::store {
namespace {

namespace fs = std::filesystem;

constexpr int most_attempts = 10;
constexpr std::array parts{"catalogue.db", "catalogue.db-wal"};

class CopyDirectory {
 public:
  CopyDirectory() {
    std::error_code error;
    path_ = (fs::temp_directory_path(error) / "dadvisor-catalogue-XXXXXX").string();
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~CopyDirectory() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  CopyDirectory(CopyDirectory const&) = delete;
  CopyDirectory& operator=(CopyDirectory const&) = delete;
  std::string const& path() const { return path_; }

 private:
  std::string path_;
};

// What changes when somebody writes to the database: the files' sizes and times.
using Stamp = std::array<std::tuple<off_t, std::time_t, long>, parts.size()>;

Stamp stamp_of(std::string const& directory) {
  Stamp stamp;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    struct stat status {};
    if (::stat((directory + "/" + parts[i]).c_str(), &status) == 0)
      stamp[i] = {status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
    else
      stamp[i] = {-1, 0, 0};
  }
  return stamp;
}

Result<void> copy_parts(std::string const& from, std::string const& to) {
  for (char const* const part : parts) {
    auto const source = fs::path(from) / part;
    std::error_code error;
    fs::remove(fs::path(to) / part, error);
    if (!fs::exists(source, error) && part != parts.front()) continue;
    fs::copy_file(source, fs::path(to) / part, error);
    if (error) return os_error(error.value(), source.string());
  }
  return {};
}

}  // namespace

Result<CatalogueCopy> read_catalogue_copy(std::string const& store_directory) {
  CopyDirectory const directory;
  if (directory.path().empty()) return os_error(errno, "a directory for the catalogue's copy");
  if (std::error_code error; !fs::exists(store_directory + "/" + parts.front(), error))
    return Error{Errc::not_found, 0, store_directory + ": no catalogue.db in it; it is no store"};
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    Stamp const before = stamp_of(store_directory);
    if (auto copied = copy_parts(store_directory, directory.path()); !copied) return copied.error();
    if (stamp_of(store_directory) != before) continue;
    auto catalogue = Catalogue::open(directory.path() + "/" + parts.front());
    if (!catalogue) return catalogue.error();
    if (auto sound = catalogue->check(); !sound) return sound.error();
    auto content = catalogue->load();
    if (!content) return content.error();
    auto dead = catalogue->dead().ids();
    if (!dead) return dead.error();
    CatalogueCopy copy{std::move(*content), std::move(*dead), catalogue->store_id(), 0};
    for (auto const& [size, seconds, nanoseconds] : before)
      if (size > 0) copy.bytes += static_cast<std::uint64_t>(size);
    return copy;
  }
  return Error{Errc::unavailable, 0, "the catalogue is being written all the time; try again"};
}

}  // namespace dadvisor::aggregator::store
