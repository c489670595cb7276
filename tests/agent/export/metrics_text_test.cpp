#include "agent/export/metrics_text.hpp"

#include <catch2/catch.hpp>
#include <limits>

using namespace dadvisor;
using namespace dadvisor::agent;
using enum MetricsText::Type;

namespace {

std::string page(MetricsForm form) {
  MetricsText text(form);
  text.family("a_total", counter, "Of a.");
  text.series("", std::uint64_t{7});
  text.stamp(from_unix_seconds(1'795'390'000) + std::chrono::milliseconds(7));
  text.family("b", counter, "Of b.");
  text.series("{x=\"1\",", "y=\"2\"}", 1'500'000'000, 9);
  text.stamp(std::nullopt);
  text.family("c", gauge, "Of c.");
  text.series("{x=\"1\"}", 0.25);
  return text.take();
}

std::string decimal(std::int64_t value, unsigned digits) {
  MetricsText text(MetricsForm::prometheus);
  text.series("", "", value, digits);
  auto const line = text.take();
  return line.substr(1, line.size() - 2);
}

}  // namespace

TEST_CASE("one page in the two forms that Prometheus reads") {
  // https://prometheus.io/docs/instrumenting/exposition_formats: stamps in milliseconds.
  CHECK(page(MetricsForm::prometheus) ==
        "# HELP a_total Of a.\n# TYPE a_total counter\na_total 7\n"
        "# HELP b Of b.\n# TYPE b counter\nb{x=\"1\",y=\"2\"} 1.5 1795390000007\n"
        "# HELP c Of c.\n# TYPE c gauge\nc{x=\"1\"} 0.25\n");
  // https://github.com/OpenObservability/OpenMetrics: a counter's family is named without _total,
  // stamps are in seconds, and the page has an end.
  CHECK(page(MetricsForm::open_metrics) ==
        "# HELP a Of a.\n# TYPE a counter\na_total 7\n"
        "# HELP b Of b.\n# TYPE b unknown\nb{x=\"1\",y=\"2\"} 1.5 1795390000.007\n"
        "# HELP c Of c.\n# TYPE c gauge\nc{x=\"1\"} 0.25\n# EOF\n");
}

TEST_CASE("the form is the reader's wish") {
  CHECK(metrics_form(std::nullopt) == MetricsForm::prometheus);
  CHECK(metrics_form("*/*") == MetricsForm::prometheus);
  CHECK(metrics_form("text/plain;version=0.0.4;q=0.5,*/*;q=0.1") == MetricsForm::prometheus);
  CHECK(metrics_form("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                     "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1") ==
        MetricsForm::open_metrics);
}

TEST_CASE("stored integers are shown as decimal fractions, to the last digit") {
  CHECK(decimal(0, 9) == "0");
  CHECK(decimal(1, 9) == "0.000000001");
  CHECK(decimal(-1'500, 3) == "-1.5");
  CHECK(decimal(5'000'000'000, 9) == "5");
  CHECK(decimal(123'456'789'012, 6) == "123456.789012");
  CHECK(decimal(1'000'000, 0) == "1000000");
  CHECK(decimal(std::numeric_limits<std::int64_t>::max(), 9) == "9223372036.854775807");
  CHECK(decimal(std::numeric_limits<std::int64_t>::min(), 0) == "-9223372036854775808");
}

TEST_CASE("a label's value cannot leave its quotes nor spoil the page") {
  CHECK(escaped_label_value("shop/web:1") == "shop/web:1");
  CHECK(escaped_label_value("a\"b\\c") == "a\\\"b\\\\c");
  CHECK(escaped_label_value("a\nb") == "a\\\\x0ab");
  CHECK(escaped_label_value("\xff") == "\\\\xff");
  CHECK(escaped_label_value("\xc3\xa4") == "\xc3\xa4");
}
