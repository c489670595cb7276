#include "aggregator/event/happening.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dadvisor::aggregator::event {
namespace {

constexpr std::size_t id_digits = 12;

// Graphite splits tags at blanks; a tag is a name and a value behind a colon.
void add_tag(std::vector<std::string>& tags, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  std::string tag = fmt::format("{}:{}", name, value);
  std::ranges::replace_if(
      tag, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; }, '_');
  tags.push_back(std::move(tag));
}

std::vector<std::string> tags_of(std::string_view kind, Entity const& entity) {
  std::vector<std::string> tags{std::string(kind)};
  for (auto const* name : {"app", "cluster", "host", "instance", "image", "owner"})
    add_tag(tags, name, label_of(entity, name));
  if (label_of(entity, "host").empty()) add_tag(tags, "host", entity.key.host);
  if (entity.key.kind == EntityKind::container)
    add_tag(tags, "container", std::string_view(entity.key.container_id).substr(0, id_digits));
  return tags;
}

// "shop_web 3b906becfc08"
std::string subject(Entity const& life) {
  auto app = label_of(life, "app");
  auto instance = label_of(life, "instance");
  if (instance.empty()) instance = std::string_view(life.key.container_id).substr(0, id_digits);
  if (app.empty()) return std::string(instance);
  return fmt::format("{} {}", app, instance);
}

std::string life_identity(std::string_view kind, Entity const& life) {
  auto const& key = life.key;
  return fmt::format("{}|{}|{}|{}", kind, key.host, key.container_id, key.start_ns);
}

WallTime begun(Entity const& life) { return WallTime(Nanoseconds(life.key.start_ns)); }

}  // namespace

std::string_view label_of(Entity const& entity, std::string_view key) {
  for (auto const& [name, value] : entity.labels)
    if (name == key) return value;
  return {};
}

std::string_view reason_of(Ending const& ending) {
  if (ending.oom_killed) return "oom";
  if (!ending.code) return "unknown";
  if (*ending.code == 0) return "completed";
  return *ending.code > 128 && *ending.code <= 128 + 64 ? "signal" : "error";
}

Happening begin_of(Entity const& life, bool restart) {
  Happening out;
  out.identity = life_identity("begin", life);
  out.when = begun(life);
  out.what =
      fmt::format("{} {} on {}", subject(life), restart ? "restarted" : "started", life.key.host);
  out.tags = tags_of(restart ? "restart" : "start", life);
  return out;
}

Happening exit_of(Entity const& life, WallTime when, Ending const& ending) {
  Happening out;
  out.identity = life_identity("exit", life);
  out.when = when;
  auto const reason = reason_of(ending);
  out.what = fmt::format("{} on {} ended", subject(life), life.key.host);
  if (ending.oom_killed) out.what += ": killed for its memory";
  if (reason == "signal") out.what += fmt::format(": by signal {}", *ending.code - 128);
  if (ending.code) out.what += fmt::format(" (exit code {})", *ending.code);
  out.data = ending.reason;
  if (reason == "unknown" && out.data.empty()) out.data = "nobody told how; its figures ended";
  out.tags = tags_of("exit", life);
  add_tag(out.tags, "reason", reason);
  // Missing rows may have told the end before the runtime's word of it came.
  if (reason != "unknown") out.replaces = "reason:unknown";
  if (ending.code) add_tag(out.tags, "code", std::to_string(*ending.code));
  return out;
}

Happening oom_of(Entity const& life, WallTime when, std::string_view which) {
  Happening out;
  out.identity = fmt::format("{}|{}", life_identity("oom", life), which);
  out.when = when;
  out.what =
      fmt::format("{} on {} ran out of memory: a process was killed", subject(life), life.key.host);
  out.tags = tags_of("oom", life);
  return out;
}

Happening deploy_of(Entity const& life, std::string_view image_before) {
  Happening out;
  auto const app = label_of(life, "app"), image = label_of(life, "image");
  out.identity =
      fmt::format("deploy|{}|{}|{}|{}", label_of(life, "cluster"), app, image, life.key.start_ns);
  out.when = begun(life);
  out.what = fmt::format("{}: {} -> {}", app, image_before, image);
  out.data = fmt::format("first on {}", life.key.host);
  out.tags = {"deploy"};
  for (auto const* name : {"app", "cluster", "image", "owner"})
    add_tag(out.tags, name, label_of(life, name));
  return out;
}

Happening join_of(Entity const& host, WallTime when) {
  Happening out;
  out.identity = fmt::format("join|{}|{}", host.key.host, when.time_since_epoch().count());
  out.when = when;
  out.what = fmt::format("host {} joined", host.key.host);
  out.tags = tags_of("join", host);
  return out;
}

Happening loss_of(std::string_view host, Loss const& loss) {
  static constexpr std::array names{"full", "old", "damaged", "unwritable", "thinned"};
  static constexpr std::array whys{
      "the spool of its agent was full", "they were too old to be kept",
      "the spool of its agent was damaged", "its agent could not write its spool",
      "the spool of its agent was full, and one a minute is kept"};
  auto const which = static_cast<std::size_t>(loss.reason) - 1;
  auto const first = unix_seconds(loss.first), last = unix_seconds(loss.last);
  Happening out;
  out.identity = fmt::format("loss|{}|{}|{}|{}", host, names[which], first, last);
  out.when = loss.first;
  out.what = loss.batches == 0
                 ? fmt::format("ticks of host {} may be lost: {}", host, whys[which])
                 : fmt::format("{} ticks of host {} are lost: {}", loss.batches, host, whys[which]);
  out.data = fmt::format("first {}, last {}", first, last);
  out.tags = {"loss"};
  add_tag(out.tags, "host", host);
  add_tag(out.tags, "reason", names[which]);
  return out;
}

}  // namespace dadvisor::aggregator::event
