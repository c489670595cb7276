// What queries take away of the head.

#include "aggregator/store/head.hpp"

namespace dadvisor::aggregator::store {

// Of thousands of entities each one's memory takes longer to come than to be read: while one is
// read, what the next ones have is on its way, in three stages of which each says where that of the
// next one lies. More than some dozens of cache lines on their way hold each other up.
void Head::snapshot(std::span<EntityId const> ids, Selection const& selection, TickNs from,
                    TickNs until, std::span<HeadRows> out) const {
  constexpr std::size_t to_steps = 3, to_selection = 6, to_member = 12;
  std::array<Member const*, HeadRows::most> found;
  for (std::size_t i = 0; i < ids.size(); ++i) found[i] = members_.find(ids[i]);
  // As many rounds more in front as the longest way takes.
  for (std::size_t round = 0; round < ids.size() + to_member; ++round) {
    auto const at = [&](std::size_t ahead) -> Member const* {
      std::size_t const i = round - (to_member - ahead);
      return i < ids.size() ? found[i] : nullptr;
    };
    if (auto const* const member = at(to_member)) member->tail.expect();
    if (auto const* const member = at(to_selection)) member->tail.expect_selection(selection);
    if (auto const* const member = at(to_steps)) member->tail.expect_steps(selection);
    if (round < to_member) continue;
    std::size_t const i = round - to_member;
    Member const* const its = found[i];
    HeadRows& rows = out[i];
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

EntityPtr Head::find(EntityId id) const {
  Member const* const found = members_.find(id);
  return found ? found->info : nullptr;
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
