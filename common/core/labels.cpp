#include "common/core/labels.hpp"

#include <cstring>

#include "common/core/frame/bytes.hpp"

namespace dadvisor {

Labels Labels::pack(std::string_view bytes) {
  Labels made;
  if (bytes.empty()) return made;
  auto const size = static_cast<std::uint32_t>(bytes.size());
  auto packed = std::make_shared_for_overwrite<char[]>(sizeof size + size);
  std::memcpy(packed.get(), &size, sizeof size);
  std::memcpy(packed.get() + sizeof size, bytes.data(), size);
  made.packed_ = std::move(packed);
  return made;
}

std::size_t Labels::stored_size() const {
  std::uint32_t size = 0;
  std::memcpy(&size, packed_.get(), sizeof size);
  return size;
}

Labels::Labels(std::initializer_list<value_type> labels) {
  LabelsWriter writer;
  for (auto const& [key, value] : labels) writer.add(key, value);
  *this = writer.take();
}

std::optional<Labels> Labels::from_bytes(std::string_view bytes) {
  ByteReader reader(bytes);
  while (reader.left() > 0) {
    reader.string(bytes.size());
    reader.string(bytes.size());
  }
  // A key without its value ends in a failure too.
  if (!reader.ok()) return std::nullopt;
  return pack(bytes);
}

std::optional<std::string_view> Labels::find(std::string_view key) const {
  for (auto const& [name, value] : *this)
    if (name == key) return value;
  return std::nullopt;
}

Labels Labels::with(std::string_view key, std::string_view value) const {
  LabelsWriter writer;
  bool put = false;
  for (auto const& [name, its] : *this) {
    if (!put && key <= name) writer.add(key, value);
    put = put || key <= name;
    if (name != key) writer.add(name, its);
  }
  if (!put) writer.add(key, value);
  return writer.take();
}

void LabelsWriter::add(std::string_view key, std::string_view value) {
  ByteWriter writer(bytes_);
  writer.string(key);
  writer.string(value);
}

}  // namespace dadvisor
