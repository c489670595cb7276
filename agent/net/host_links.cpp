#include "agent/net/host_links.hpp"

#include <linux/rtnetlink.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace dadvisor::agent {

namespace {

constexpr int attempts = 3;  // at a dump that links change in

void add(NetCounters const& end, NetCounters& sums) {
  sums.rx_bytes += end.tx_bytes;
  sums.rx_packets += end.tx_packets;
  sums.rx_errors += end.tx_errors;
  sums.rx_drops += end.tx_drops;
  sums.tx_bytes += end.rx_bytes;
  sums.tx_packets += end.rx_packets;
  sums.tx_errors += end.rx_errors;
  sums.tx_drops += end.rx_drops;
}

// From one side of a link to the other.
NetCounters swapped(NetCounters const& of) {
  NetCounters other;
  add(of, other);
  return other;
}

}  // namespace

bool HostLinks::usable(std::string const& proc_root) {
  std::error_code failed;
  auto const self = std::filesystem::read_symlink(proc_root + "/self", failed);
  return !failed && self == std::to_string(::getpid());
}

bool HostLinks::connect() {
  if (asking_) return true;
  if (refused_) return false;
  auto hearing = open_(RTMGRP_LINK);
  auto asking = open_(0);
  if (!hearing || !asking) {
    auto const& error = hearing ? asking.error() : hearing.error();
    refused_ = error.code != Errc::unavailable;  // of descriptors there may be some again
    return false;
  }
  hearing_.emplace(std::move(*hearing));
  asking_.emplace(std::move(*asking));
  stale_ = forget_ = true;
  return true;
}

void HostLinks::begin_tick() {
  counted_ = false;
  if (!connect()) return;
  auto done = hear();
  if (done && stale_) done = map_links();
  if (done && !spaces_.empty()) done = read_counters();
  if (done) return;
  ++failures_;
  // Part of an answer may be left: with new sockets all begins anew.
  if (done.error().code == Errc::unsupported) refused_ = true;
  stale_ = true;
  spaces_.clear();
  links_.clear();
  if (done.error().code == Errc::conflict) return;
  asking_.reset();
  hearing_.reset();
}

Result<void> HostLinks::hear() {
  auto const told = hearing_->told([this](NetlinkMessage const& message) {
    if (message.type != RTM_NEWLINK && message.type != RTM_DELLINK) return true;
    auto const link = scan_link(message.body);
    if (!link) return false;
    if (link->of_bridge) return true;
    stale_ = true;
    if (message.type == RTM_DELLINK) deleted_.push_back(link->index);
    // What left for a namespace without a veth to it is missed there until its file is read again.
    if (message.type == RTM_DELLINK && !link->veth) forget_ = true;
    return true;
  });
  if (told) return {};
  if (told.error().code != Errc::unavailable) return told.error();
  stale_ = forget_ = true;
  return {};
}

Result<void> HostLinks::dump(NetlinkRequest const& request, std::function<void()> const& begin,
                             std::function<bool(NetlinkMessage const&)> const& take) {
  Result<void> done;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    begin();
    done = asking_->ask(request, take);
    if (done || done.error().code != Errc::conflict) break;
  }
  return done;
}

Result<void> HostLinks::map_links() {
  std::map<std::int32_t, Space> found;
  auto const done = dump(
      ask_links(), [&] { found.clear(); },
      [&](NetlinkMessage const& message) {
        if (message.type != RTM_NEWLINK) return true;
        auto const link = scan_link(message.body);
        if (!link) return false;
        if (link->veth && link->peer_space && *link->peer_space >= 0)
          found[*link->peer_space].links.emplace_back(link->index, link->peer_index);
        return true;
      });
  if (!done) return done;
  mapped_version_ = ++version_;
  std::unordered_map<std::int32_t, Link> links;
  for (auto& [number, space] : found) {
    std::ranges::sort(space.links);
    auto const known = spaces_.find(number);
    bool const same = !forget_ && known != spaces_.end() && known->second.links == space.links &&
                      std::ranges::none_of(space.links, [&](auto const& link) {
                        return std::ranges::find(deleted_, link.first) != deleted_.end();
                      });
    space.version = same ? known->second.version : ++version_;
    for (auto const& link : space.links) links[link.first].space = &space;
  }
  spaces_ = std::move(found);  // a map's nodes stay where they are
  links_ = std::move(links);
  deleted_.clear();
  stale_ = forget_ = false;
  return {};
}

Result<void> HostLinks::read_counters() {
  auto const done = dump(
      ask_link_counters(),
      [this] {
        ++dump_;
        for (auto& [number, space] : spaces_) {
          space.sums = {};
          space.read = 0;
        }
      },
      [this](NetlinkMessage const& message) {
        if (message.type != RTM_NEWSTATS) return true;
        auto const counted = scan_link_counters(message.body);
        if (!counted) return false;
        if (auto const own = own_.find(counted->index); own != own_.end())
          own->second = {counted->counters, dump_};
        auto const link = links_.find(counted->index);
        if (link == links_.end()) return true;
        if (link->second.read_in == dump_) return false;  // twice in one dump
        link->second.read_in = dump_;
        add(counted->counters, link->second.space->sums);
        ++link->second.space->read;
        return true;
      });
  if (!done) return done;
  ++dumps_;
  counted_ = true;
  return {};
}

std::optional<NetCounters> HostLinks::own_counters(std::span<std::int32_t const> indexes) {
  NetCounters sums;
  bool whole = counted_;
  for (auto const index : indexes) {
    auto const own = own_.try_emplace(index).first;
    whole = whole && own->second.read_in == dump_;
    if (whole) add(own->second.counters, sums);
  }
  if (!whole) return std::nullopt;
  return swapped(sums);
}

std::optional<HostLinks::Ends> HostLinks::ends_of(std::int64_t pid) {
  if (!asking_ || stale_) return std::nullopt;
  std::optional<std::int32_t> number;
  auto const done = asking_->ask(ask_name_space(pid), [&](NetlinkMessage const& message) {
    number = scan_name_space(message.body);
    return number.has_value();
  });
  if (!done || !number) return std::nullopt;
  auto const space = spaces_.find(*number);
  if (*number < 0 || space == spaces_.end()) return Ends{*number, mapped_version_, 0};
  return Ends{*number, space->second.version, space->second.links.size()};
}

std::optional<NetCounters> HostLinks::counters(Ends const& ends) const {
  if (!asking_ || stale_) return std::nullopt;
  auto const space = spaces_.find(ends.name_space);
  if (space == spaces_.end()) {
    if (ends.version != mapped_version_) return std::nullopt;
    return NetCounters{};
  }
  if (!counted_ || space->second.version != ends.version ||
      space->second.read != space->second.links.size())
    return std::nullopt;
  return space->second.sums;
}

}  // namespace dadvisor::agent
