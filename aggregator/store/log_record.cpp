#include "aggregator/store/log_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/core/frame/bytes.hpp"
#include "common/core/frame/crc32c.hpp"
#include "common/core/frame/frame.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::string_view magic = "dAL1";
constexpr std::size_t guarded_bytes = 12;  // length, durable: in the CRC, as the frame is
constexpr std::size_t head_bytes = magic.size() + guarded_bytes + 4;
constexpr std::size_t window_bytes = 1 << 20;

}  // namespace

void append_record(std::string& out, std::string_view frame, std::uint64_t durable) {
  ByteWriter writer(out);
  writer.raw(magic);
  auto const guarded = out.size();
  writer.u32(static_cast<std::uint32_t>(frame.size()));
  writer.u64(durable);
  writer.u32(crc32c(frame, crc32c(std::string_view(out).substr(guarded))));
  writer.raw(frame);
}

std::uint64_t record_size(std::string_view frame) { return head_bytes + frame.size(); }

std::string log_file_name(std::uint64_t number) { return fmt::format("{:08}.log", number); }

std::optional<std::uint64_t> log_file_number(std::string const& name) {
  std::uint64_t number = 0;
  auto const* const end = name.data() + name.size();
  auto const [rest, error] = std::from_chars(name.data(), end, number);
  if (error != std::errc() || std::string_view(rest, end) != ".log") return std::nullopt;
  return number;
}

Result<bool> LogScanner::need(std::size_t bytes) {
  if (window_.size() - at_ >= bytes) return true;
  window_.erase(0, at_);
  at_ = 0;
  while (window_.size() < bytes) {
    auto more = file_.read(window_end_, std::max(window_bytes, bytes - window_.size()));
    if (!more) return more.error();
    if (more->empty()) return false;
    window_end_ += more->size();
    window_ += *more;
  }
  return true;
}

// The size of the whole and sound record at at_, if there is one.
Result<std::optional<std::size_t>> LogScanner::whole_record() {
  using Found = std::optional<std::size_t>;
  auto head = need(head_bytes);
  if (!head) return head.error();
  if (!*head || std::string_view(window_).substr(at_, magic.size()) != magic) return Found();
  ByteReader reader(std::string_view(window_).substr(at_ + magic.size()));
  std::size_t const length = reader.u32();
  reader.u64();
  auto const crc = reader.u32();
  if (length > frame_limit::frame_bytes) return Found();
  auto body = need(head_bytes + length);
  if (!body) return body.error();
  if (!*body) return Found();
  auto const record = std::string_view(window_).substr(at_, head_bytes + length);
  if (crc32c(record.substr(head_bytes), crc32c(record.substr(magic.size(), guarded_bytes))) != crc)
    return Found();
  return Found(record.size());
}

Result<std::optional<LogRecord>> LogScanner::next() {
  using Found = std::optional<LogRecord>;
  for (;;) {
    auto size = whole_record();
    if (!size) return size.error();
    if (*size) {
      LogRecord record;
      record.frame = std::string_view(window_).substr(at_ + head_bytes, **size - head_bytes);
      record.offset = window_end_ - window_.size() + at_;
      record.durable = ByteReader(std::string_view(window_).substr(at_ + magic.size() + 4)).u64();
      record.skipped_from = skipped_from_.value_or(record.offset);
      skipped_from_.reset();
      at_ += **size;
      return Found(record);
    }
    auto more = need(1);
    if (!more) return more.error();
    if (!*more) return Found();
    if (!skipped_from_) {
      ++damaged_;
      skipped_from_ = window_end_ - window_.size() + at_;
    }
    // To the next place where a magic may begin; its bytes may still lie across the window's end.
    auto const found = window_.find(magic.front(), at_ + 1);
    at_ = found == std::string::npos ? window_.size() : found;
  }
}

}  // namespace dadvisor::aggregator::store
