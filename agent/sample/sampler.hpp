#pragma once
// One tick -> one batch: reads the host and every container, and makes rows of it.
//
// Counters go out raw and each row carries the nominal tick, though its files are read some
// milliseconds after it (a container's always about equally long after, so rates are hardly
// touched); a reading that would start more than half a step late is not taken. Containers come
// from the runtime's snapshot; those that only the cgroup tree shows get names of their own.
//
// A life is one run of a container: its cgroup's inode and its start. Each life has a slot that is
// not given again. What vanishes while it is read is left out of the batch, counted, and logged at
// debug: containers end all the time.
//
// The last row of a life holds its counters as they were when its last process ended, and of its
// gauges its peak of memory alone: the tick behind its end has it, however short the life was.
// Synchronous; one thread owns it. Nothing here waits or asks the runtime.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cgroup/cgroup_reader.hpp"
#include "agent/cgroup/cgroup_watch.hpp"
#include "agent/cgroup/container_walk.hpp"
#include "agent/cgroup/hierarchies.hpp"
#include "agent/fs/disk_walker.hpp"
#include "agent/host/descriptor_count.hpp"
#include "agent/host/host_reader.hpp"
#include "agent/net/host_links.hpp"
#include "agent/net/net_reader.hpp"
#include "agent/runtime/container.hpp"
#include "agent/runtime/runtime_event.hpp"
#include "agent/runtime/runtime_state.hpp"
#include "agent/sample/brief_lives.hpp"
#include "agent/sample/gone_cpu.hpp"
#include "agent/sample/row_layout.hpp"
#include "agent/sample/unaccounted_cpu.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/core/metric/rate.hpp"
#include "common/core/result.hpp"
#include "common/core/row.hpp"

namespace dadvisor::agent {

// systemd's *.service cgroups as instances.
enum class Services { when_no_runtime, always, never };

struct SamplerOptions {
  std::string agent_id;  // names the host in every key
  std::string cluster = "default";
  std::uint64_t epoch = 1;
  std::uint32_t first_slot = 0;  // the host's; an agent that keeps its epoch goes on from next_slot
  Nanoseconds step = std::chrono::seconds(10);
  Nanoseconds slow_pace = std::chrono::seconds(60);
  Nanoseconds walk_pace = std::chrono::seconds(60);
  // How long a cgroup may be without a container of the running runtime before it counts as a
  // container that the runtime does not know.
  Nanoseconds grace = naming_grace;
  Services services = Services::when_no_runtime;
  // Containers inside containers have their figures in the outer one's already: shown as rows of
  // their own they count twice in every sum.
  bool nested = false;
  // Where v1 does not count disk I/O, start it (start_counting).
  bool blkio_enable = false;
  DiskWalker* disks = nullptr;  // counts layers and volumes; outlives the sampler; nullptr: nobody
  HostOptions host;
  HierarchyOptions hierarchies;
  PathRules rules;
};

// What a batch does not say of a container.
struct KnownContainer {
  std::string const& cgroup;   // its path; empty until it was found
  Container const& container;  // without a runtime only id and name
};

struct SampleStats {                  // since start
  std::uint64_t late_ticks = 0;       // no reading at all was taken
  std::uint64_t late_readings = 0;    // containers left out of a batch for lateness
  std::uint64_t vanished = 0;         // containers that ended while they were read
  std::uint64_t unreadable = 0;       // cgroups that could not be opened for another reason
  std::uint64_t last_rows = 0;        // of lives whose end was caught
  std::uint64_t missed_ends = 0;      // lives of which nothing was read since the tick before
  std::uint64_t told_by_parents = 0;  // last rows whose CPU is what the parent's counter says
  std::uint64_t net_links = 0;        // networks read from the host's ends of their links
  std::uint64_t net_files = 0;        // and from a file of a process of theirs
  std::uint64_t io_processes = 0;     // containers' disk I/O read from processes' own accounts
  bool io_unaccounted = false;        // v1 does not count the disk I/O of containers here
};

// What the sending part knows of the agent.
struct SelfFigures {
  std::optional<std::int64_t> spool_bytes, dropped_rows, clock_offset_us;
};

class Sampler {
 public:
  // Nothing is read yet. `clock` must outlive the sampler.
  Sampler(SamplerOptions options, Clock const& clock, Log log);
  ~Sampler();

  // The rows of `tick`. `containers`: the runtimes' whole snapshot, running or not. `runtimes`:
  // which of them are up to date; without, the snapshot still names what it names, and other
  // cgroups count at once. The batch's sequence is left for the sender. Errors: timeout when it is
  // more than half a step after `tick`.
  // `events`: what befell containers since the last call, by the runtime's word.
  Result<Batch> sample(WallTime tick, std::span<Container const> containers,
                       RuntimeState const& runtimes, std::span<RuntimeEvent const> events = {});

  // Looks which containers began and ended in these moments and takes the last figures of those
  // that did. To be called when watch_descriptor() is readable; sample() calls it too.
  void attend();
  // Looks at what containers without a row yet have used, so that it is known though their end be
  // missed. When to call it again; nothing while there are none.
  std::optional<Nanoseconds> glance() { return briefs_.glance(); }
  // Whether the last sample() saw Mesos containers that nobody named, or may have.
  bool has_strangers() const { return strangers_; }
  int watch_descriptor() const { return watch_.descriptor(); }

  // Reads limits and other slow figures of a container at the next tick (a Docker update event).
  void refresh(std::string_view container_id);
  void set_self(SelfFigures const& figures) { self_ = figures; }

  SampleStats const& stats() const { return stats_; }
  // The container of an id; nullopt once it has ended. Holds until the next sample().
  std::optional<KnownContainer> find(std::string_view id) const;
  // The first slot not given yet.
  std::uint32_t next_slot() const { return next_slot_; }
  CgroupMode cgroup_mode() const;
  // Whether containers' io.* have what they write by way of the page cache: v1 charges that to no
  // container. nullopt while no cgroups are found.
  std::optional<bool> io_buffered_writes() const;

 private:
  struct Life;
  struct PendingNet;

  // Which lives there are (sampler_lives.cpp).
  void discover();
  void walk_when_due(bool services, RuntimeState const& runtimes);
  void see_changes(CgroupMount const& mount, CgroupWatch::Changes const& changes);
  bool is_found(std::string const& path) const;
  void reconcile(std::span<Container const> containers, RuntimeState const& runtimes);
  void adopt(Container const& container);
  void adopt(FoundContainer const& found, RuntimeState const& runtimes);
  Life& begin(std::string const& id);
  std::unique_ptr<Life> new_life(std::string const& id);
  void name_unknown(Life& life, ContainerPath const& container);
  // What who knows names alone calls it; nullptr: nobody does.
  Container const* name_of(FoundContainer const& found) const;
  void give_name(Life& life, Container const& name);
  void set_labels(Life& life);
  bool open(Life& life, WallTime tick, bool runtime);
  void vanish(Life& life);

  // How they end (sampler_ends.cpp).
  BriefLives::Sampling brief_sampling();
  Life* life_of(FoundContainer const& container) const;
  void ending_life(FoundContainer const& container);
  void retire(std::unique_ptr<Life> life);
  void end_brief_lives(std::span<Container const> containers, RuntimeState const& runtimes,
                       std::span<RuntimeEvent const> events);
  std::optional<Container> take_ended(BriefLife const& brief,
                                      std::span<Container const> containers);
  void give_last_rows(Batch& batch, std::vector<Life*>& lives, std::vector<Row>& rows);

  // What is known of ends that were missed (sampler_missed_ends.cpp).
  void removed_life(FoundContainer const& container);
  // What the containers below a root have used that are there, and the root itself, of one moment;
  // nullopt when one of them is not readable any more, or the root is not followed.
  std::optional<GoneCpu::Sums> cpu_sums(std::string const& root);
  void follow_gone(std::string const& root);
  void follow_gone_anew();
  // Gives those whose end was missed what their parents' counters say. `at_last`: what cannot be
  // known now will not be.
  void settle_missed(bool at_last);
  void settle_readable(bool at_last);
  void settle_missed(std::string const& root, std::vector<BriefLife*> const& briefs,
                     std::vector<Life*> const& lives, GoneCpu::Sums const& sums);

  // What they say (sampler.cpp).
  bool late(WallTime tick) const;
  void account(Life& life, std::optional<std::int64_t> cpu_usage, WallTime tick);
  HostFacts read_host(HostReading& reading);
  void see_io_accounting();
  void add_process_io(Life& life, CgroupReading& reading);
  std::optional<Row> read(Life& life, WallTime tick, bool runtime, HostFacts const& facts,
                          std::vector<PendingNet>& pending);
  void fill_state(Life const& life, WallTime tick, HostFacts const& facts, Row& row) const;
  void want_disks();
  void read_disks(Life& life, Row& row) const;
  static std::string const& belongs_to(Life const& life);
  void read_net(Life& life, bool slow, std::vector<PendingNet>& pending);
  void give_net(Batch& batch, std::vector<PendingNet>& pending);
  Row host_row(HostReading const& reading) const;
  SlotEntity host_entity() const;

  SamplerOptions options_;
  Clock const& clock_;
  Log log_;
  RowLayout host_layout_;
  RowLayout container_layout_;
  HostReader host_;
  DescriptorCount descriptors_;
  ReadBuffer buffer_;
  std::optional<Hierarchies> hierarchies_;
  HostFacts facts_;
  std::optional<HostLinks> links_;  // where processes' numbers are our own
  CgroupWatch watch_;
  BriefLives briefs_;
  UnaccountedCpu unaccounted_;
  GoneCpu gone_cpu_;
  std::map<std::string, MonotonicTime> last_begun_;  // by root: of containers below it
  std::size_t missed_ = 0;                           // ends to be settled
  bool walking_ = false;
  PathRules walk_rules_;
  std::vector<FoundContainer> found_;                   // by path
  std::map<std::string_view, Container const*> names_;  // of names_only, during a sample()
  bool strangers_ = false;
  bool other_root_ = false;  // directories shaped as Mesos' own, in no place that is known for it
  std::map<std::string, MonotonicTime> first_found_;  // cgroups that the runtime does not know
  std::map<std::string, std::unique_ptr<Life>, std::less<>> lives_;  // by container id
  std::vector<std::unique_ptr<Life>> ended_;  // since the last tick, with a last reading
  std::vector<std::pair<Container, MonotonicTime>> exits_told_;  // by the runtime, lately
  std::optional<WallTime> last_tick_;
  std::set<std::string, std::less<>> refresh_;
  std::optional<MonotonicTime> slow_due_, walk_due_, discover_due_;
  bool disks_changed_ = false;  // what is to be counted, since want_disks()
  bool disks_counted_ = false;  // something, since the tick before
  std::uint64_t disks_version_ = 0;
  bool io_accounted_ = true;
  std::uint64_t host_name_space_ = 0;
  std::uint32_t host_slot_;
  std::uint32_t next_slot_;
  bool first_ = true;
  std::int64_t starts_ = 0;
  std::int64_t exits_ = 0;
  SelfFigures self_;
  SampleStats stats_;
  bool told_unreadable_ = false;
  bool told_blkio_ = false;
};

}  // namespace dadvisor::agent
