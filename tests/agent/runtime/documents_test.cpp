#include "agent/runtime/documents.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::agent::documents;

namespace {

Container everything() {
  Container its;
  its.id = std::string(64, 'a');
  its.name = "web";
  its.image = "nginx:1";
  its.pid = 4711;
  its.running = true;
  its.paused = true;
  its.started_ns = 1'700'000'000'123'456'789;
  its.restart_count = 0;
  its.finished_ns = 5;
  its.exit_code = -1;
  its.oom_killed = true;
  its.error = "no \"x\"\n";
  its.network_mode = "host";
  its.layer = "/var/lib/docker/overlay2/x/diff";
  its.volumes = {"/v/1", "/v/2"};
  its.labels = {{"owner", "me"}, {"dadvisor.app", std::string("\xff\x01 \0z", 5)}};
  its.env = {{"MARATHON_APP_ID", "/shop/web"}};
  its.runtime = "containerd";
  its.cgroup = "/a/b";
  its.names_only = true;
  return its;
}

// What a reader makes of it, fed by pieces of that many bytes.
std::vector<Document> read(std::string const& text, std::size_t piece) {
  Reader reader;
  std::vector<Document> documents;
  for (std::size_t at = 0; at < text.size(); at += piece)
    REQUIRE(reader.feed(std::string_view(text).substr(at, piece),
                        [&](Document document) { documents.push_back(std::move(document)); }));
  return documents;
}

}  // namespace

TEST_CASE("whatever is told is heard, however it is cut") {
  RuntimeEvent exit{RuntimeEvent::Kind::exit, everything(), 77, 137, true};
  RuntimeEvent oom{RuntimeEvent::Kind::oom, everything(), 78, std::nullopt, false};
  RuntimeReport report;
  report.docker = {true, true, std::nullopt, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}};
  report.containerd.asked = true;
  report.containerd.trouble = Error{Errc::denied, 13, "/run/c: Permission denied"};
  report.namespaces = {"default", "k8s.io"};
  report.dropped = 11;
  auto const text = line_of(Hello{1, "run"}) + line_of(everything()) + line_of(Container{}) +
                    line_of(Gone{"x"}) + line_of(Updated{"y"}) + line_of(Told{1, exit}) +
                    line_of(Told{2, oom}) + line_of(report);
  for (std::size_t const piece : {std::size_t{1}, std::size_t{7}, text.size()}) {
    auto const heard = read(text, piece);
    REQUIRE(heard.size() == 8);
    CHECK(std::get<Hello>(heard[0]).run == "run");
    CHECK(std::get<Hello>(heard[0]).format == 1);
    CHECK(std::get<Container>(heard[1]) == everything());
    CHECK(std::get<Container>(heard[2]) == Container{});
    CHECK(std::get<Gone>(heard[3]).id == "x");
    CHECK(std::get<Updated>(heard[4]).id == "y");
    CHECK(std::get<Told>(heard[5]).number == 1);
    CHECK(std::get<Told>(heard[5]).event == exit);
    CHECK(std::get<Told>(heard[6]).event == oom);
    auto const& told = std::get<RuntimeReport>(heard[7]);
    CHECK((told.docker.asked && told.docker.up && !told.docker.trouble));
    CHECK(told.docker.counters.starts == 1);
    CHECK(told.docker.counters.duplicate_events == 5);
    CHECK(told.docker.counters.dropped == 10);
    REQUIRE(told.containerd.trouble);
    CHECK(told.containerd.trouble->code == Errc::denied);
    CHECK(told.containerd.trouble->os_error == 13);
    CHECK(told.containerd.trouble->context == "/run/c: Permission denied");
    CHECK_FALSE(told.containerd.up);
    CHECK(told.namespaces == report.namespaces);
    CHECK(told.dropped == 11);
  }
}

TEST_CASE("kinds and members of a newer resolver are passed over") {
  auto const heard = read(
      "{\"weather\":{\"sun\":true}}\n"
      "{\"container\":{\"id\":\"c\",\"mood\":[1,{}],\"pid\":\"7\",\"labels\":{\"a\":1,\"b\":\"x\"}}"
      "}\n"
      "{\"hello\":{}}\n",
      1000);
  REQUIRE(heard.size() == 2);
  auto const& its = std::get<Container>(heard[0]);
  CHECK(its.id == "c");
  CHECK(its.pid == 0);  // no number was told
  CHECK(its.labels == std::map<std::string, std::string>{{"b", "x"}});
  CHECK(std::get<Hello>(heard[1]).format == 0);
}

TEST_CASE("what is no line is refused and the reader can begin anew") {
  Reader reader;
  int heard = 0;
  auto const feed = [&](std::string_view text) {
    return reader.feed(text, [&](Document const&) { ++heard; });
  };
  for (std::string_view const bad :
       {"\n", "nonsense\n", "{\"gone\":{\"id\":\"x\"}\n", "[]\n", "{}\n", "{\"a\":1,\"b\":2}\n",
        "{\"a\":[[[[[[[[[[[[1]]]]]]]]]]]]}\n", "{\"gone\":{\"id\":\"x\"}} {\n"}) {
    INFO(bad);
    auto const fed = feed(bad);
    REQUIRE_FALSE(fed);
    CHECK(fed.error().code == Errc::malformed);
    reader.reset();
  }
  CHECK(heard == 0);
  // A line that never ends costs a bounded amount.
  std::string const piece(64 << 10, ' ');
  Result<void> fed;
  int pieces = 0;
  for (; fed && pieces < 100; ++pieces) fed = feed(piece);
  CHECK(pieces == 17);  // 1 MiB and one more
  CHECK(fed.error().code == Errc::too_large);
  reader.reset();
  CHECK(feed("{\"gone\":{\"id\":\"x\"}}\n"));
  CHECK(heard == 1);
}

TEST_CASE("a container that would make too long a line is told without what makes it long") {
  auto its = everything();
  for (int i = 0; i < 300; ++i)
    its.labels.emplace("dadvisor." + std::to_string(i), std::string(4096, 'x'));
  bool cut = false;
  auto const line = line_of(its, &cut);
  CHECK(cut);
  CHECK(line.size() < 4096);
  auto const told = std::get<Container>(read(line, line.size()).at(0));
  CHECK(told.labels.empty());
  CHECK(told.name == "web");
  CHECK(told.started_ns == its.started_ns);
  cut = false;
  CHECK(line_of(everything(), &cut).size() < 4096);
  CHECK_FALSE(cut);
}
