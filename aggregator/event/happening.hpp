#pragma once
// What happened to a container, an app or a host, before it has a number: as tags for machines and
// a line for people. Pure; any thread.
//
// The identity is what makes a thing told twice (a batch sent again, a log replayed, an exit that
// the runtime told and that missing rows show as well) one event.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/clock.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::event {

struct Happening {
  std::string identity;
  WallTime when{};
  std::string what;
  std::string data;               // details of an exit; else mostly empty
  std::vector<std::string> tags;  // the kind first: start, restart, exit, oom, deploy, join or loss
  // A tag of an event of this identity that knows less: it takes that one's place. Empty: none.
  std::string replaces = {};
};

// How a life ended, as far as anybody knows.
struct Ending {
  std::optional<std::int64_t> code;
  bool oom_killed = false;
  std::string reason;  // the runtime's own words
};

// A life has one beginning: a restart when the same container lived before.
Happening begin_of(Entity const& life, bool restart);
Happening exit_of(Entity const& life, WallTime when, Ending const& ending);
// `which`: tells one kill of a life from the next.
Happening oom_of(Entity const& life, WallTime when, std::string_view which);
Happening deploy_of(Entity const& life, std::string_view image_before);
Happening join_of(Entity const& host, WallTime when);
// The agent of a host dropped ticks before they were here. At the first of them.
Happening loss_of(std::string_view host, Loss const& loss);

// "completed" (0), "oom", "signal" (128 + 1 to 64), "error", or "unknown" without a code.
std::string_view reason_of(Ending const& ending);

// The value of a label; empty when there is none.
std::string_view label_of(Entity const& entity, std::string_view key);

}  // namespace dadvisor::aggregator::event
