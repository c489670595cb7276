#include "aggregator/store/inspection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "aggregator/store/catalogue_copy.hpp"
#include "aggregator/store/frame_bases.hpp"
#include "aggregator/store/log_record.hpp"
#include "aggregator/store/spill_file.hpp"
#include "common/core/frame/frame.hpp"

namespace dadvisor::aggregator::store {
namespace {

// An entity stays in the catalogue for as long as any row of it may be kept, which is no less than
// this after its last one; rows of an older one may still stand in a file that has younger ones.
constexpr Nanoseconds least_kept = std::chrono::hours(48);

constexpr std::string_view group_remedy =
    "these values are lost; where a backup has the file, stop the aggregator and copy it back";
constexpr std::string_view file_remedy =
    "none of its rows are read; stop the aggregator and copy it back from a backup, or remove it";
constexpr std::string_view log_remedy =
    "these rows are lost and nothing is to be done: the file goes when its rows are spilled";
constexpr std::string_view catalogue_remedy =
    "stop the aggregator and restore the store from a backup (dadvisor store restore)";

struct NamedFile {
  std::string name;                   // below the store's directory
  std::optional<StoreFileKind> kind;  // nothing: a spill or a segment, as its footer says
};

class Inspector {
 public:
  Inspector(Disk& disk, std::string const& directory, InspectionOptions const& options)
      : disk_(disk), directory_(directory), options_(options) {}

  Result<StoreInspection> run() {
    std::vector<NamedFile> files;
    // The catalogue after the files: it knows whatever they name.
    for (auto const& [folder, kind] : folders_) {
      auto const names = disk_.list(directory_ + "/" + folder);
      if (!names && names.error().code != Errc::not_found) return names.error();
      if (!names) continue;
      for (std::string const& name : *names)
        if (kind == StoreFileKind::log ? log_file_number(name).has_value() : is_spill_name(name))
          files.push_back({folder + ("/" + name), kind});
    }
    auto catalogue = read_catalogue_copy(directory_);
    if (!catalogue) return catalogue.error();
    store_id_ = catalogue->store_id;
    next_entity_ = catalogue->content.next_entity;
    result_.catalogue_bytes = catalogue->bytes;
    dead_ = std::move(catalogue->dead);
    result_.entities = catalogue->content.entities.size() + dead_.size();
    for (CatalogueEntity& entity : catalogue->content.entities) {
      newest_ = std::max(newest_, tick_ns(entity.info.last_tick));
      entities_.emplace(entity.info.id, std::move(entity.info.entity.key));
    }
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (options_.progress) options_.progress(files[i].name, i + 1, files.size());
      if (files[i].kind == StoreFileKind::log)
        read_log(files[i].name);
      else
        read_rows(files[i]);
    }
    for (std::size_t kind = 0; kind < seen_.size(); ++kind)
      if (kind != static_cast<std::size_t>(StoreFileKind::log))
        result_.kinds[kind].entities = seen_[kind].size();
    kind_of(StoreFileKind::log).entities = logged_.size();
    return std::move(result_);
  }

 private:
  StoreFiles& kind_of(StoreFileKind kind) { return result_.kinds[static_cast<std::size_t>(kind)]; }

  static void widen(StoreFiles& files, TickNs first, TickNs last) {
    bool const none = files.first > files.last;
    files.first = none ? first : std::min(files.first, first);
    files.last = none ? last : std::max(files.last, last);
  }

  std::string entity_name(EntityId id) const {
    auto const found = entities_.find(id);
    if (found == entities_.end()) return fmt::format("entity {}", id);
    EntityKey const& key = found->second;
    static constexpr std::array kinds{"?", "host", "container", "app", "total", "foreign"};
    auto const kind = std::min<std::size_t>(static_cast<std::size_t>(key.kind), kinds.size() - 1);
    return fmt::format("entity {} ({} {}{}{})", id, kinds[kind], key.host,
                       key.container_id.empty() ? "" : " ", key.container_id);
  }

  std::string entity_names(SpillEntry const& group) const {
    auto const first = entity_name(group.first_entity);
    if (group.first_entity == group.last_entity) return first;
    return first + " to " + entity_name(group.last_entity);
  }

  void damaged(StoreDamage damage) {
    ++result_.damages;
    if (options_.damage) options_.damage(damage);
  }

  void read_rows(NamedFile const& named) {
    auto const file = SpillFile::open(disk_, directory_ + "/" + named.name);
    if (!file) {
      if (file.error().code == Errc::not_found) return;  // it went meanwhile
      damaged({named.name, "", 0, -1, to_string(file.error()), std::string(file_remedy)});
      return;
    }
    SpillInfo const& info = (*file)->info();
    StoreFileKind const kind = named.kind.value_or(
        info.first_number == info.number ? StoreFileKind::spill : StoreFileKind::segment);
    if (info.store_id != store_id_) {
      damaged({named.name, "", 0, -1, "it is of another store",
               "it is left out; move it away, or restore its own catalogue with it"});
      return;
    }
    StoreFiles& sum = kind_of(kind);
    auto& seen = seen_[static_cast<std::size_t>(kind)];
    ++sum.files;
    sum.bytes += (*file)->bytes();
    (*file)->check(
        options_.decode,
        [&](SpillFile::Block const& block) {
          sum.rows += block.rows;
          sum.values += block.values;
          widen(sum, block.first, block.last);
          seen.insert(block.entity);
          check_entity(named.name, block);
        },
        [&](std::optional<SpillEntry> const& entry, std::string const& what) {
          damaged({named.name, entry ? entity_names(*entry) : "", entry ? entry->first : 0,
                   entry ? entry->last : -1, what, std::string(group_remedy)});
        });
  }

  void check_entity(std::string const& file, SpillFile::Block const& block) {
    if (entities_.contains(block.entity) || std::ranges::binary_search(dead_, block.entity)) return;
    if (block.entity < next_entity_ && block.last < newest_ - least_kept.count()) {
      ++result_.expired;
      return;
    }
    damaged({file, entity_name(block.entity), block.first, block.last,
             "the catalogue lacks this entity", std::string(catalogue_remedy)});
  }

  void read_log(std::string const& name) {
    auto const file = disk_.open(directory_ + "/" + name);
    if (!file) {
      if (file.error().code != Errc::not_found)
        damaged({name, "", 0, -1, to_string(file.error()), std::string(log_remedy)});
      return;
    }
    StoreFiles& sum = kind_of(StoreFileKind::log);
    ++sum.files;
    sum.bytes += (*file)->size();
    LogScanner scanner(**file);
    FrameBases bases;
    TickNs last_tick = 0;  // of the record before; 0: there is none
    struct Stretch {
      std::uint64_t from, until;
      TickNs before, behind;
    };
    std::vector<Stretch> open;  // may be torn writes
    for (;;) {
      auto const record = scanner.next();
      if (!record || !*record) {
        if (!record)
          damaged({name, "", last_tick, -1, to_string(record.error()), std::string(log_remedy)});
        break;
      }
      auto const header = peek_frame((*record)->frame);
      TickNs const tick = header ? tick_ns(header->tick) : last_tick;
      if ((*record)->skipped_from < (*record)->offset)
        open.push_back(
            {(*record)->skipped_from, (*record)->offset, last_tick ? last_tick : tick, tick});
      std::erase_if(open, [&](Stretch const& stretch) {
        bool const synced = stretch.from < (*record)->durable;
        if (synced)
          damaged({name, "", stretch.before, stretch.behind,
                   fmt::format("bytes {} to {} are damaged", stretch.from, stretch.until - 1),
                   std::string(log_remedy)});
        return synced;
      });
      last_tick = tick;
      if (!read_frame((*record)->frame, header, bases, sum))
        damaged({name, "", tick, tick,
                 header ? "a batch of " + header->stream.agent + " lacks the one it builds on"
                        : "a frame cannot be read",
                 std::string(log_remedy)});
    }
    result_.torn_ends += open.size() + (scanner.at_damage() ? 1 : 0);
  }

  bool read_frame(std::string_view frame, Result<FrameHeader> const& header, FrameBases& bases,
                  StoreFiles& sum) {
    if (!header) return false;
    StreamLane const lane{header->stream, header->lane};
    auto batch = decode_frame(frame, header->base ? bases.find(lane, *header->base) : nullptr);
    if (!batch) return false;
    sum.rows += batch->rows.size();
    for (Row const& row : batch->rows) sum.values += row.cells.count();
    for (SlotEntity const& each : batch->entities) logged_.insert(each.entity.key);
    widen(sum, tick_ns(batch->tick), tick_ns(batch->tick));
    bases.keep(lane, std::move(*batch));
    return true;
  }

  Disk& disk_;
  std::string const& directory_;
  InspectionOptions const& options_;
  static inline std::array<std::pair<std::string, std::optional<StoreFileKind>>, 5> const folders_{{
      {"log", StoreFileKind::log},
      {"spill", std::nullopt},
      {"tier/1m-instances", StoreFileKind::minute_instances},
      {"tier/1m", StoreFileKind::minute},
      {"tier/10m", StoreFileKind::ten_minutes},
  }};
  std::uint64_t store_id_ = 0;
  EntityId next_entity_ = 0;
  TickNs newest_ = std::numeric_limits<TickNs>::min() + least_kept.count();
  std::map<EntityId, EntityKey> entities_;
  std::vector<EntityId> dead_;
  std::array<std::set<EntityId>, store_file_kind_names.size()> seen_;
  std::set<EntityKey> logged_;
  StoreInspection result_;
};

}  // namespace

Result<StoreInspection> inspect_store(Disk& disk, std::string const& directory,
                                      InspectionOptions const& options) {
  return Inspector(disk, directory, options).run();
}

}  // namespace dadvisor::aggregator::store
