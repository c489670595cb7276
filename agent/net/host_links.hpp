#pragma once
// The host's ends of the containers' veths: one dump a tick tells the counters of all of them, at a
// fifth of what opening each container's /proc/PID/net/dev costs.
//
// Which ends belong to which namespace is asked anew (RTM_GETLINK) only when the kernel tells of a
// changed link. What does not fit together is not told: a dump that was interrupted thrice, ends
// that are missing, a link that came, went or came again since. Callers then read the process's own
// file, as they do on kernels before 4.7 and where this process may have no netlink socket.
// Not thread-safe; the sampler's thread owns it.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "agent/net/link_message.hpp"
#include "agent/net/route_socket.hpp"

namespace dadvisor::agent {

class HostLinks {
 public:
  // Which ends a namespace has, by a number that is never given to others.
  struct Ends {
    std::int32_t name_space = -1;
    std::uint64_t version = 0;
    std::size_t count = 0;
  };
  using Opener = std::function<Result<RouteSocket>(std::uint32_t groups)>;

  explicit HostLinks(Opener open = &RouteSocket::open) : open_(std::move(open)) {}
  HostLinks(HostLinks const&) = delete;
  HostLinks& operator=(HostLinks const&) = delete;

  // Whether the numbers of processes below `proc_root` are those that this process's netlink knows.
  static bool usable(std::string const& proc_root);

  // Reads what changed and the counters of now. They hold until the next call.
  void begin_tick();

  // The ends of the links into the namespace that process `pid` is in. nullopt: cannot be told,
  // also where it is no namespace of its own. To be trusted where the namespace has as many links
  // and no others (all but its loopback).
  std::optional<Ends> ends_of(std::int64_t pid);

  // The sums over these ends as this tick read them, as the namespace itself counts bytes and
  // packets: what the host's end sent, it received. Errors and drops are those of the host's ends,
  // which the namespace counts otherwise. nullopt where `ends` have changed or were not read.
  std::optional<NetCounters> counters(Ends const& ends) const;

  // The sums over links of this process's own namespace, as they count. nullopt where one of them
  // was not read in this tick, also where no dump was needed for containers.
  std::optional<NetCounters> own_counters(std::span<std::int32_t const> indexes);

  // Rises each time that it was asked which ends there are.
  std::uint64_t version() const { return mapped_version_; }
  std::uint64_t dumps() const { return dumps_; }  // of counters, that came whole
  // Ticks in which one should have come whole and did not.
  std::uint64_t failures() const { return failures_; }

 private:
  // Index, its peer.
  using Peers = std::vector<std::pair<std::int32_t, std::optional<std::int32_t>>>;
  struct Space {
    Peers links;  // by index
    std::uint64_t version = 0;
    NetCounters sums;
    std::size_t read = 0;  // links whose counters this tick's dump had
  };
  struct Link {
    Space* space = nullptr;
    std::uint64_t read_in = 0;  // which dump
  };

  bool connect();
  Result<void> hear();  // sets stale_
  Result<void> map_links();
  Result<void> read_counters();
  // Asks again where the links changed while they were dumped.
  Result<void> dump(NetlinkRequest const& request, std::function<void()> const& begin,
                    std::function<bool(NetlinkMessage const&)> const& take);

  Opener open_;
  bool refused_ = false;  // for good
  std::optional<RouteSocket> asking_, hearing_;
  bool stale_ = true;                             // links changed since they were mapped
  bool forget_ = true;                            // and it is not known which
  std::vector<std::int32_t> deleted_;             // since they were mapped
  std::map<std::int32_t, Space> spaces_;          // by number; those with links alone
  std::unordered_map<std::int32_t, Link> links_;  // by index
  struct Own {
    NetCounters counters;
    std::uint64_t read_in = 0;  // which dump
  };
  std::unordered_map<std::int32_t, Own> own_;  // links of our namespace that were asked for
  std::uint64_t version_ = 0;                  // the last given
  std::uint64_t mapped_version_ = 0;           // of namespaces without links: rises with any change
  bool counted_ = false;                       // this tick's dump is whole
  std::uint64_t dump_ = 0;
  std::uint64_t dumps_ = 0;
  std::uint64_t failures_ = 0;
};

}  // namespace dadvisor::agent
