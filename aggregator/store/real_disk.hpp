#pragma once
// The Disk of a running aggregator: POSIX files. Nothing is inherited by children (O_CLOEXEC) and
// no symbolic link that somebody planted in the store's directory is followed (O_NOFOLLOW).

#include "aggregator/store/disk.hpp"

namespace dadvisor::aggregator::store {

// Stateless; any thread.
class RealDisk final : public Disk {
 public:
  Result<void> make_directory(std::string const& path) override;
  Result<std::vector<std::string>> list(std::string const& directory) override;
  Result<std::unique_ptr<WritableFile>> create(std::string const& path) override;
  Result<std::unique_ptr<ReadableFile>> open(std::string const& path) override;
  Result<void> rename(std::string const& from, std::string const& to) override;
  Result<void> remove(std::string const& path) override;
  Result<void> sync_directory(std::string const& path) override;
  Result<void> sync_file(std::string const& path) override;
  Result<std::uint64_t> free_bytes(std::string const& directory) override;
};

}  // namespace dadvisor::aggregator::store
