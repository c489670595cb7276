#pragma once
// What a series of ours is called in Prometheus: dadvisor_ and its metric, dots as underscores,
// with labels of its entity: app, cluster, host, instance, kind (app, host, instance, total),
// owner, and stat of what rolls others up. "dadvisor.bj.apps.shop_cart.p95.cpu.cores" is
// dadvisor_cpu_cores{app="/shop/cart",cluster="bj",kind="app",stat="p95"}. Pure, any thread.

#include <string>
#include <string_view>

#include "common/core/row.hpp"

namespace dadvisor::aggregator::sink {

// The labels that all series of an entity share, encoded but for the name and the stat: made once
// an entity, put together by prometheus_labels().
struct PrometheusEntity {
  explicit PrometheusEntity(Entity const& entity);
  std::string before_stat;  // by encode_labels()
  bool rolls_up = false;    // its leaves begin with a stat
};

// The labels of `leaf` ("cpu.cores", "p95.cpu.cores") of that entity, encoded and sorted.
std::string prometheus_labels(PrometheusEntity const& entity, std::string_view leaf);

}  // namespace dadvisor::aggregator::sink
