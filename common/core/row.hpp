#pragma once
// What one tick of one agent says: entities, and a row of figures for each. The shape of the
// wire, the log and the head alike; the encoded form of a Batch is a frame (core/frame/).

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/core/cells.hpp"
#include "common/core/clock.hpp"
#include "common/core/labels.hpp"
#include "common/core/metric/metric.hpp"

namespace dadvisor {

// The ordered metric ids of a row. Rows of one kind of entity share one.
struct Schema {
  std::vector<MetricId> metrics;
  bool operator==(Schema const&) const = default;
};

// app and total are made by rollups and never travel; foreign (foreign.hpp) is in the log alone.
enum class EntityKind : std::uint8_t { host = 1, container = 2, app = 3, total = 4, foreign = 5 };

// Which entity: (host, container id, start). A restart of a container is another life, hence
// another key. Never a path. An app: host is the cluster, container_id the app's raw name; a
// total: host is the cluster. A foreign one: see foreign.hpp.
struct EntityKey {
  EntityKind kind = EntityKind::host;
  std::string host;           // agent id of the host
  std::string container_id;   // empty for a host
  std::int64_t start_ns = 0;  // the life's start, wall clock; a host: 0
  auto operator<=>(EntityKey const&) const = default;
};

// Label keys in use: "app", "instance", "owner", "host", "cluster", "image", "name", "runtime",
// "task"; raw values, not path nodes.
struct Entity {
  EntityKey key;
  Labels labels;
  bool operator==(Entity const&) const = default;
};

// What befell a container between two ticks and no row can tell: its runtime said so. It names the
// life whole, for that may have been too short for any row. Its identity is (kind, entity key) of
// an exit, and with the time of an oom: told twice it is the same event.
enum class ContainerEventKind : std::uint8_t { exit = 1, oom = 2 };
struct ContainerEvent {
  ContainerEventKind kind = ContainerEventKind::exit;
  Entity entity;
  std::int64_t time_ns = 0;               // wall clock of the host; 0: not known
  std::optional<std::int64_t> exit_code;  // of an exit, as far as it is known
  bool oom_killed = false;                // of an exit: the kernel killed it for its memory
  std::string reason;                     // the runtime's own words; mostly empty
  bool operator==(ContainerEvent const&) const = default;
};

// Ticks of a stream of which no rows will come: its agent had to drop their batches unsent. Of what
// was thinned those between the first and the last that were kept come all the same.
enum class LossReason : std::uint8_t {
  full = 1,        // the spool reached its greatest size
  old = 2,         // ... or its greatest age
  damaged = 3,     // what was written could not be read again
  unwritable = 4,  // the disk took nothing, and memory holds the newest few alone
  thinned = 5,     // the spool was full: of each minute between the two one batch is kept
};
struct Loss {
  LossReason reason = LossReason::full;
  WallTime first{}, last{};   // ticks, both among the lost
  std::uint64_t batches = 0;  // 0: how many is not known, nor that there were any
  bool operator==(Loss const&) const = default;
};

// All figures of one entity at one tick. `slot` numbers the entity within its stream (agent and
// epoch): the agent gives each life a slot that it never gives again in that epoch.
struct Row {
  std::uint32_t slot = 0;
  std::uint32_t schema = 0;  // index into Batch::schemas
  Cells cells;               // as many as the schema has metrics
  bool operator==(Row const&) const = default;
};

struct SlotEntity {
  std::uint32_t slot = 0;
  Entity entity;
  bool operator==(SlotEntity const&) const = default;
};

// The entities of a batch, by slot ascending. Copies share one list until one of them is edited:
// the batches of a stream have the same entities for hours, and whoever keeps something by their
// places sees by is() that it still holds. A list that is shared must not be edited by one thread
// while another copies or drops it through the same object; else as a std::vector.
class SlotEntities {
 public:
  using List = std::vector<SlotEntity>;
  using value_type = SlotEntity;
  using const_iterator = List::const_iterator;

  SlotEntities() = default;
  SlotEntities(List list) : list_(std::make_shared<List>(std::move(list))) {}
  SlotEntities(std::initializer_list<SlotEntity> list) : SlotEntities(List(list)) {}

  const_iterator begin() const { return list().begin(); }
  const_iterator end() const { return list().end(); }
  std::size_t size() const { return list().size(); }
  bool empty() const { return list().empty(); }
  SlotEntity const& operator[](std::size_t at) const { return list()[at]; }
  List const& list() const {
    static List const none;
    return list_ ? *list_ : none;
  }

  void reserve(std::size_t size) { edit().reserve(size); }
  void push_back(SlotEntity entity) { edit().push_back(std::move(entity)); }
  // Its own list, that of no other.
  List& edit() {
    if (!list_)
      list_ = std::make_shared<List>();
    else if (list_.use_count() > 1)
      list_ = std::make_shared<List>(*list_);
    return *list_;
  }

  // Whether they share one list; none is shared with nobody.
  bool is(SlotEntities const& other) const { return list_ && list_ == other.list_; }
  bool operator==(SlotEntities const& other) const {
    return list_ == other.list_ || list() == other.list();
  }

 private:
  std::shared_ptr<List> list_;
};

// Two lanes per stream, each with its own sequence: fresh ticks, and the backlog behind them.
enum class Lane : std::uint8_t { fresh = 0, backlog = 1 };

struct StreamId {
  std::string agent;        // the agent's id (host name unless configured)
  std::uint64_t epoch = 0;  // rises only when the agent's spool was lost
  auto operator<=>(StreamId const&) const = default;
};

// The rows that one agent took at one tick.
struct Batch {
  StreamId stream;
  Lane lane = Lane::fresh;
  std::uint64_t sequence = 0;  // 1, 2, 3, ... per stream and lane, without holes
  WallTime tick{};             // nominal: a multiple of step
  Nanoseconds step{};
  std::vector<Schema> schemas;
  SlotEntities entities;               // every entity that has a row, by slot ascending
  std::vector<Row> rows;               // by slot ascending, at most one per slot
  std::vector<ContainerEvent> events;  // since the batch before, in the order of their coming
  std::vector<Loss> losses;            // told by this batch
  bool operator==(Batch const&) const = default;
};

}  // namespace dadvisor
