#include "aggregator/cli/day_files.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "common/core/fd.hpp"

namespace dadvisor::aggregator::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t point_bytes = 24;
constexpr std::size_t most_waiting = 64 << 20;
constexpr std::string_view ending = ".points";

void append_point(std::string& bytes, DayPoint const& point) {
  auto const put = [&](auto const& part) {
    bytes.append(reinterpret_cast<char const*>(&part), sizeof part);
  };
  put(point.series), put(point.span), put(point.time), put(point.value);
}

DayPoint point_at(char const* bytes) {
  DayPoint point;
  auto const take = [&](auto& part) {
    std::memcpy(&part, bytes, sizeof part);
    bytes += sizeof part;
  };
  take(point.series), take(point.span), take(point.time), take(point.value);
  return point;
}

Result<void> append_file(std::string const& path, std::string_view bytes) {
  auto const file = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
  if (!file) return file.error();
  if (auto done = write_all(*file, bytes); !done) return done.error().within(path);
  return {};
}

}  // namespace

Result<DayFiles> DayFiles::open(std::string directory, std::string source) {
  DayFiles files(std::move(directory), std::move(source));
  if (auto loaded = files.load(); !loaded) return loaded.error();
  return files;
}

Result<void> DayFiles::load() {
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error) return os_error(error.value(), directory_);
  std::vector<fs::path> ours;
  for (auto const& entry : fs::directory_iterator(directory_, error)) {
    auto const name = entry.path().filename().string();
    if (name != "series" && name != "complete" && !name.ends_with(ending))
      return Error{Errc::conflict, 0,
                   directory_ + ": has files that are of no import; name another directory"};
    ours.push_back(entry.path());
  }
  if (error) return os_error(error.value(), directory_);
  constexpr std::size_t most = std::size_t{4} << 30;
  auto const read = read_file(directory_ + "/complete", most);
  auto const series = read_file(directory_ + "/series", most);
  if (!read || !series || !whole(*read)) {
    for (auto const& path : ours) fs::remove(path, error);
    return {};
  }
  for (std::string_view left = *series; !left.empty();) {
    auto const line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(line.size() + 1, left.size()));
    auto const blank = line.rfind(' ');
    if (blank == std::string_view::npos) return Error{Errc::malformed, 0, directory_ + "/series"};
    DaySeries one{std::string(line.substr(0, blank)), 0};
    std::from_chars(line.data() + blank + 1, line.data() + line.size(), one.step);
    names_.push_back(std::move(one));
  }
  complete_ = true;
  return {};
}

// After a power cut a file may be shorter than it was.
bool DayFiles::whole(std::string_view complete) const {
  if (!complete.starts_with(source_) || !complete.ends_with('\n')) return false;
  complete.remove_prefix(source_.size());
  while (!complete.empty()) {
    auto const line = complete.substr(0, complete.find('\n'));
    complete.remove_prefix(line.size() + 1);
    auto const blank = line.find(' ');
    if (blank == std::string_view::npos) return false;
    std::uint64_t bytes = 0;
    std::from_chars(line.data() + blank + 1, line.data() + line.size(), bytes);
    std::error_code error;
    auto const size = fs::file_size(directory_ + "/" + std::string(line.substr(0, blank)), error);
    if (!error && size != bytes) return false;  // one that is not there is done
  }
  return true;
}

std::uint32_t DayFiles::series(std::string_view path, std::int64_t step) {
  if (auto const known = numbers_.find(path); known != numbers_.end()) return known->second;
  auto const number = static_cast<std::uint32_t>(names_.size());
  numbers_.emplace(path, number);
  names_.push_back({std::string(path), step});
  return number;
}

Result<void> DayFiles::add(DayPoint const& point) {
  append_point(waiting_[point.time / day_seconds], point);
  waiting_bytes_ += point_bytes;
  return waiting_bytes_ < most_waiting ? Result<void>() : flush();
}

Result<void> DayFiles::flush() {
  for (auto const& [day, bytes] : waiting_) {
    if (auto done = append_file(path_of(day), bytes); !done) return done;
    bytes_[day] += bytes.size();
  }
  waiting_.clear();
  waiting_bytes_ = 0;
  return {};
}

Result<void> DayFiles::finish() {
  if (auto done = flush(); !done) return done;
  std::string lines;
  for (DaySeries const& one : names_) lines += one.path + " " + std::to_string(one.step) + "\n";
  if (auto done = append_file(directory_ + "/series", lines); !done) return done;
  std::string complete = source_ + "series " + std::to_string(lines.size()) + "\n";
  for (auto const& [day, bytes] : bytes_)
    complete += fs::path(path_of(day)).filename().string() + " " + std::to_string(bytes) + "\n";
  if (auto done = append_file(directory_ + "/complete", complete); !done) return done;
  complete_ = true;
  return {};
}

std::string DayFiles::path_of(std::int64_t day) const {
  return directory_ + "/" + std::to_string(day) + std::string(ending);
}

std::vector<std::int64_t> DayFiles::days() const {
  std::vector<std::int64_t> all;
  std::error_code error;
  for (auto const& entry : fs::directory_iterator(directory_, error)) {
    auto const name = entry.path().filename().string();
    std::int64_t day = 0;
    auto const [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), day);
    if (wrong == std::errc() && std::string_view(end) == ending) all.push_back(day);
  }
  std::ranges::sort(all);
  return all;
}

Result<std::vector<DayPoint>> DayFiles::read(std::int64_t day) const {
  auto const bytes = read_file(path_of(day), std::size_t{64} << 30);
  if (!bytes) return bytes.error();
  std::vector<DayPoint> points;
  points.reserve(bytes->size() / point_bytes);
  for (std::size_t at = 0; at + point_bytes <= bytes->size(); at += point_bytes) {
    points.push_back(point_at(bytes->data() + at));
    if (points.back().series >= names_.size())
      return Error{Errc::malformed, 0, path_of(day) + ": names a series that is not there"};
  }
  std::ranges::stable_sort(points, {}, &DayPoint::series);
  return points;
}

Result<void> DayFiles::remove(std::int64_t day) {
  std::error_code error;
  fs::remove(path_of(day), error);
  if (error) return os_error(error.value(), path_of(day));
  return {};
}

void DayFiles::remove_all() {
  std::error_code error;
  fs::remove_all(directory_, error);
}

}  // namespace dadvisor::aggregator::cli
