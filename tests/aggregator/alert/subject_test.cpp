#include "aggregator/alert/subject.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::aggregator::alert;

namespace {

LabelMap labels_of(std::string const& path) {
  if (path.starts_with("d.c.hosts.h1.")) return {{"host", "h1"}, {"kind", "host"}};
  if (path.starts_with("d.c.hosts.h2.")) return {{"host", "h2"}, {"kind", "host"}};
  return {};
}

LabelMap subject(std::string const& name, std::vector<std::string> const& fetched = {}) {
  graphite::Series series;
  series.name = name;
  return subject_of(series, fetched, labels_of);
}

}  // namespace

TEST_CASE("a series is about what its name is, or what the paths within it agree in") {
  LabelMap const h1{{"host", "h1"}, {"kind", "host"}};
  CHECK(subject("d.c.hosts.h1.load.1m") == h1);
  std::vector<std::string> const both = {"d.c.hosts.h1.mem.used", "d.c.hosts.h2.mem.used"};
  CHECK(subject("asPercent(d.c.hosts.h1.mem.used,d.c.hosts.h1.mem.total)", both) == h1);
  CHECK(subject("scale(d.c.hosts.h1.cpu.cores,0.5)", both) == h1);
  CHECK(subject("diffSeries(d.c.hosts.h1.a,d.c.hosts.h2.a)", both) == LabelMap{{"kind", "host"}});
  CHECK(subject("h1", both) == h1);  // by a node of what was fetched
  CHECK(subject("sumSeries(d.c.hosts.*.mem.used)", both) == LabelMap{{"kind", "host"}});
}
