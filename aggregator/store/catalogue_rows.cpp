#include "aggregator/store/catalogue_rows.hpp"

#include "common/core/frame/bytes.hpp"
#include "common/core/frame/crc32c.hpp"

namespace dadvisor::aggregator::store {

std::string columns_blob(std::vector<MetricId> const& columns) {
  std::string blob;
  ByteWriter writer(blob);
  for (MetricId const column : columns) writer.varint(column);
  return blob;
}

std::vector<MetricId> blob_columns(std::string_view blob) {
  std::vector<MetricId> columns;
  ByteReader reader(blob);
  while (reader.left() > 0) columns.push_back(static_cast<MetricId>(reader.varint(0xffff)));
  return columns;
}

std::int64_t row_crc(CatalogueEntity const& entity) {
  std::string bytes;
  ByteWriter writer(bytes);
  EntityInfo const& info = entity.info;
  writer.u32(info.id);
  writer.u8(static_cast<std::uint8_t>(info.entity.key.kind));
  writer.string(info.entity.key.host);
  writer.string(info.entity.key.container_id);
  writer.u64(static_cast<std::uint64_t>(info.entity.key.start_ns));
  writer.u8(entity.derived ? 1 : 0);
  writer.u64(static_cast<std::uint64_t>(info.step.count()));
  writer.u64(static_cast<std::uint64_t>(info.first_tick.time_since_epoch().count()));
  writer.u64(static_cast<std::uint64_t>(info.last_tick.time_since_epoch().count()));
  writer.string(info.entity.labels.bytes());
  writer.string(columns_blob(info.columns));
  return crc32c(bytes);
}

}  // namespace dadvisor::aggregator::store
