#include "aggregator/series/lost_figures.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "aggregator/series/entity_path.hpp"

namespace dadvisor::aggregator::series {
namespace {

constexpr std::int64_t joined = 60;  // seconds
constexpr std::string_view host_tag = "host:";
constexpr std::string_view thinned_tag = "reason:thinned";

using Times = std::vector<graphite::Lost>;

std::optional<graphite::Lost> times_of(std::string_view data) {
  graphite::Lost out;
  auto const read = [&](std::string_view name, std::int64_t& into) {
    if (!data.starts_with(name)) return false;
    data.remove_prefix(name.size());
    auto const [end, error] = std::from_chars(data.data(), data.data() + data.size(), into);
    data.remove_prefix(static_cast<std::size_t>(end - data.data()));
    return error == std::errc();
  };
  if (!read("first ", out.first) || !read(", last ", out.last)) return std::nullopt;
  return out;
}

std::map<std::string, Times, std::less<>> by_host(std::span<graphite::Event const> losses) {
  std::map<std::string, Times, std::less<>> hosts;
  for (auto const& event : losses) {
    auto const tag = std::ranges::find_if(
        event.tags, [](std::string const& its) { return its.starts_with(host_tag); });
    auto times = times_of(event.data);
    if (times) times->thinned = std::ranges::find(event.tags, thinned_tag) != event.tags.end();
    if (tag != event.tags.end() && times) hosts[tag->substr(host_tag.size())].push_back(*times);
  }
  return hosts;
}

// What is shown, by what a host may have to do with it.
struct Shown {
  std::set<std::string, std::less<>> hosts, clusters;
  std::set<std::pair<std::string, std::string>> apps;  // cluster, name

  explicit Shown(std::span<MembersPtr const> shown) {
    for (auto const& members : shown) {
      for (store::EntityInfo const& info : members->entities) {
        auto const& key = info.entity.key;
        if (key.kind == EntityKind::app)
          apps.emplace(key.host, key.container_id);
        else if (key.kind == EntityKind::total)
          clusters.insert(key.host);
        else if (key.kind != EntityKind::foreign)
          hosts.insert(key.host);
      }
    }
  }
};

}  // namespace

Times lost_figures(std::span<graphite::Event const> losses, std::span<MembersPtr const> shown,
                   store::EntityList const& entities) {
  auto const hosts = by_host(losses);
  Times all;
  if (hosts.empty()) return all;
  Shown const what(shown);
  std::set<std::string_view> concerned;
  for (auto const& [host, times] : hosts)
    if (what.hosts.contains(host)) concerned.insert(host);
  for (store::EntityInfo const& info : entities) {
    auto const& entity = info.entity;
    auto const its = hosts.find(entity.key.host);
    if (its == hosts.end() || rolled_up(entity.key.kind)) continue;
    auto const labels = entity_labels(entity);
    auto const cluster = labels.at("cluster");
    auto const app = labels.find("app");
    if (what.clusters.contains(cluster) ||
        (app != labels.end() && what.apps.contains({cluster, app->second})))
      concerned.insert(its->first);
  }
  for (auto const host : concerned) {
    auto const& times = hosts.find(host)->second;
    all.insert(all.end(), times.begin(), times.end());
  }
  std::ranges::sort(all, {}, &graphite::Lost::first);
  Times out;
  for (bool const thinned : {false, true}) {
    auto const begun = out.size();
    for (auto const& one : all) {
      if (one.thinned != thinned) continue;
      if (out.size() > begun && one.first - out.back().last <= joined)
        out.back().last = std::max(out.back().last, one.last);
      else
        out.push_back(one);
    }
  }
  std::ranges::stable_sort(out, {}, &graphite::Lost::first);
  return out;
}

}  // namespace dadvisor::aggregator::series
