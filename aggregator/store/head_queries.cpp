// What queries take away of the head.

#include "aggregator/store/head.hpp"

namespace dadvisor::aggregator::store {

// Of thousands of entities each one's memory takes longer to come than to be read: while one is
// read, what the next ones have is on its way.
void Head::snapshot(std::span<EntityId const> ids, Selection const& selection, TickNs from,
                    TickNs until, std::span<HeadRows> out) const {
  constexpr std::size_t ahead = 3;
  std::array<Member const*, HeadRows::most> found;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    found[i] = members_.find(ids[i]);
    if (found[i] == nullptr) continue;
    auto const* const bytes = reinterpret_cast<char const*>(found[i]);
    for (std::size_t at = 0; at < sizeof(Member); at += 64) __builtin_prefetch(bytes + at);
  }
  for (std::size_t i = 0; i < ids.size() + ahead; ++i) {
    if (i < ids.size() && found[i] != nullptr) found[i]->tail.fetch();
    if (i < ahead) continue;
    Member const* const its = found[i - ahead];
    HeadRows& rows = out[i - ahead];
    rows.packed.clear();
    rows.open.clear();
    rows.of_one_tick.reset();
    if (its == nullptr) continue;
    its->tail.snapshot(selection, from, until, rows.packed, rows.open);
    rows.of_one_tick = its->of_one_tick();
  }
}

std::optional<OfOneTick> Head::of_one_tick(EntityId id) const {
  Member const* const found = members_.find(id);
  return found == nullptr ? std::nullopt : std::optional(found->of_one_tick());
}

bool Head::list(EntityId after, std::size_t limit, EntityList& out) const {
  auto at = members_.by_id().upper_bound(after);
  for (; at != members_.by_id().end() && limit > 0; ++at, --limit) {
    Member& member = *at->second;
    if (member.info.use_count() == 1) member.info->last_tick = member.last_tick;
    out.push_back(member.info);
  }
  return at != members_.by_id().end();
}

}  // namespace dadvisor::aggregator::store
