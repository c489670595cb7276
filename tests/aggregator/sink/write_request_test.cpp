#include "aggregator/sink/write_request.hpp"

#include <snappy.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <protozero/pbf_reader.hpp>

#include "aggregator/sink/prometheus_series.hpp"
#include "written.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::sink;
using test::written;

namespace {

Entity entity_of(EntityKind kind, std::string host, std::string id, Labels labels) {
  Entity out;
  out.key.kind = kind;
  out.key.host = std::move(host);
  out.key.container_id = std::move(id);
  out.labels = std::move(labels);
  return out;
}

std::string labels_of(Entity const& entity, std::string_view leaf) {
  auto const request = write_request({{prometheus_labels(PrometheusEntity(entity), leaf), {}}});
  return written(request).at(0).labels;
}

}  // namespace

TEST_CASE("a request is snappy around series with labels and samples") {
  auto const body = write_request({{encode_labels({{"__name__", "a"}, {"empty", ""}, {"x", "y"}}),
                                    {{1'480'294'860'000, 1.5}, {-1, -0.0}}},
                                   {encode_labels({{"__name__", "b"}}), {{5, stale_marker()}}}});
  auto const series = written(body);
  REQUIRE(series.size() == 2);
  CHECK(series[0].labels == "__name__=a,x=y");
  REQUIRE(series[0].samples.size() == 2);
  CHECK(series[0].samples[0].time_ms == 1'480'294'860'000);
  CHECK(series[0].samples[0].value == 1.5);
  CHECK(series[0].samples[1].time_ms == -1);
  CHECK(series[1].labels == "__name__=b");
  // Prometheus: model/value/value.go, StaleNaN.
  CHECK(std::bit_cast<std::uint64_t>(series[1].samples.at(0).value) == 0x7ff0000000000002);
  CHECK(written(write_request({})).empty());
}

TEST_CASE("a path's parts become a name and sorted labels") {
  CHECK(labels_of(entity_of(EntityKind::app, "bj", "/shop/cart", {{"owner", "ann"}}),
                  "p95.cpu.pct_limit") ==
        "__name__=dadvisor_cpu_pct_limit,app=/shop/cart,cluster=bj,kind=app,owner=ann,stat=p95");
  CHECK(labels_of(entity_of(EntityKind::host, "h1", "", {{"cluster", "bj"}}), "load.1m") ==
        "__name__=dadvisor_load_1m,cluster=bj,host=h1,kind=host");
  CHECK(labels_of(entity_of(EntityKind::container, "h1", "0123456789abcdef",
                            {{"app", "/shop/cart"}, {"cluster", "bj"}, {"dc", "x"}}),
                  "mem.rss") ==
        "__name__=dadvisor_mem_rss,app=/shop/cart,cluster=bj,host=h1,"
        "instance=0123456789ab,kind=instance");
  CHECK(labels_of(entity_of(EntityKind::total, "bj", "", {}), "sum.cpu.cores") ==
        "__name__=dadvisor_cpu_cores,cluster=bj,kind=total,stat=sum");
}

TEST_CASE("labels are UTF-8") {
  CHECK(labels_of(entity_of(EntityKind::host, "h\xff", "", {{"cluster", "c"}}), "a-b") ==
        "__name__=dadvisor_a_b,cluster=c,host=h\xef\xbf\xbd,kind=host");
}
