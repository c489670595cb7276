#include "common/self/self_metrics.hpp"

#include <catch2/catch.hpp>

using dadvisor::self::SelfMetrics;

TEST_CASE("the page shows what the counters say when it is asked for") {
  double rows = 3;
  SelfMetrics metrics;
  metrics.counter("dadvisor_rows_total", "Rows applied.", [&] { return rows; });
  metrics.gauge("dadvisor_up", "Whether.", [] { return 1.0; });
  CHECK(metrics.text() ==
        "# HELP dadvisor_rows_total Rows applied.\n"
        "# TYPE dadvisor_rows_total counter\n"
        "dadvisor_rows_total 3\n"
        "# HELP dadvisor_up Whether.\n"
        "# TYPE dadvisor_up gauge\n"
        "dadvisor_up 1\n");
  rows = 4;
  CHECK(metrics.text().find("dadvisor_rows_total 4\n") != std::string::npos);
}

TEST_CASE("counters of one name are told apart by their labels") {
  SelfMetrics metrics;
  metrics.counter("dadvisor_refused_total", "Refused.", {{"limit", "time"}}, [] { return 5.0; });
  metrics.counter("dadvisor_refused_total", "Refused.", {{"limit", "series"}}, [] { return 7.0; });
  CHECK(metrics.text() ==
        "# HELP dadvisor_refused_total Refused.\n"
        "# TYPE dadvisor_refused_total counter\n"
        "dadvisor_refused_total{limit=\"time\"} 5\n"
        "dadvisor_refused_total{limit=\"series\"} 7\n");
}

TEST_CASE("gauges of one name are told apart by their labels") {
  SelfMetrics metrics;
  metrics.gauge("dadvisor_bytes", "Size.", {{"tier", "1m"}}, [] { return 5.0; });
  metrics.gauge("dadvisor_bytes", "Size.", {{"tier", "10m"}}, [] { return 7.0; });
  CHECK(metrics.text() ==
        "# HELP dadvisor_bytes Size.\n"
        "# TYPE dadvisor_bytes gauge\n"
        "dadvisor_bytes{tier=\"1m\"} 5\n"
        "dadvisor_bytes{tier=\"10m\"} 7\n");
  CHECK_THROWS_AS(metrics.gauge("dadvisor_bytes", "Size.", {{"tier", "1m"}}, [] { return 1.0; }),
                  std::invalid_argument);
  metrics.gauge("dadvisor_up", "Whether.", [] { return 1.0; });
  CHECK_THROWS_AS(metrics.gauge("dadvisor_bytes", "Size.", {{"tier", "1h"}}, [] { return 1.0; }),
                  std::invalid_argument);  // Prometheus wants them side by side
}

TEST_CASE("a name that Prometheus would refuse, or one given twice, is refused at once") {
  SelfMetrics metrics;
  metrics.gauge("dadvisor_up", "Whether.", [] { return 1.0; });
  CHECK_THROWS_AS(metrics.gauge("dadvisor_up", "Again.", [] { return 1.0; }),
                  std::invalid_argument);
  CHECK_THROWS_AS(metrics.gauge("not a name", "x", [] { return 1.0; }), std::invalid_argument);
}
