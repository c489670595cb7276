#include "aggregator/alert/record_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "common/core/frame/bytes.hpp"
#include "common/core/frame/crc32c.hpp"

namespace dadvisor::aggregator::alert {

void append_record(std::string& out, std::string_view payload) {
  std::string length;
  ByteWriter(length).u32(static_cast<std::uint32_t>(payload.size()));
  out += length;
  // The length is under the checksum too: a run of zero bytes is no record.
  ByteWriter(out).u32(crc32c(payload, crc32c(length)));
  out += payload;
}

Result<RecordsRead> parse_records(std::string_view bytes) {
  if (!bytes.starts_with(record_magic))
    return Error{Errc::malformed, 0, "does not begin with " + std::string(record_magic)};
  bytes.remove_prefix(record_magic.size());
  RecordsRead read;
  while (!bytes.empty()) {
    ByteReader reader(bytes);
    auto const length_bytes = bytes.substr(0, 4);
    auto const length = reader.u32();
    auto const crc = reader.u32();
    auto const payload = reader.raw(length);
    if (!reader.ok() || crc32c(payload, crc32c(length_bytes)) != crc) {
      read.torn = true;
      return read;
    }
    read.records.emplace_back(payload);
    bytes.remove_prefix(8 + payload.size());
  }
  return read;
}

Result<RecordsRead> read_records(std::string const& path) {
  auto const bytes = read_file(path, std::size_t{4} << 30);
  if (!bytes) return bytes.error();
  auto read = parse_records(*bytes);
  if (!read) return read.error().within(path);
  return read;
}

Result<RecordWriter> RecordWriter::create(std::string const& path,
                                          std::vector<std::string> const& first) {
  std::string bytes(record_magic);
  for (auto const& record : first) append_record(bytes, record);
  if (auto done = replace_file(path, bytes); !done) return done.error();
  auto fd = open_file(path, O_WRONLY | O_APPEND);
  if (!fd) return fd.error();
  return RecordWriter(std::move(*fd), bytes.size());
}

Result<void> RecordWriter::append(std::string_view payload) {
  if (payload.size() > record_limit)
    return Error{Errc::too_large, 0, "a record of more than 1 GiB"};
  std::string bytes;
  append_record(bytes, payload);
  if (auto done = write_all(fd_, bytes); !done) return done;
  size_ += bytes.size();
  return {};
}

Result<void> RecordWriter::sync() {
  if (::fdatasync(fd_.get()) != 0) return os_error(errno, "fdatasync");
  return {};
}

}  // namespace dadvisor::aggregator::alert
