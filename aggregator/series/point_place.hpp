#pragma once
// Where a figure that is read out of the store stands: its path and what the path is made of. Views
// into the reader: valid during the visit.

#include <functional>
#include <string_view>

#include "common/core/clock.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::series {

struct PointPlace {
  std::string_view path;         // "dadvisor.bj.apps.shop_cart.p95.cpu.cores"
  std::string_view entity_path;  // "dadvisor.bj.apps.shop_cart"
  std::string_view leaf;         // "p95.cpu.cores"
  Entity const& entity;          // the newest of that path
};
using PointVisitor = std::function<void(PointPlace const& place, double value, WallTime tick)>;

}  // namespace dadvisor::aggregator::series
