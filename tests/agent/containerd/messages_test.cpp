#include "agent/containerd/messages.hpp"

#include <catch2/catch.hpp>

#include "tests/agent/containerd/encoded.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::agent::containerd;
using namespace dadvisor::test;

namespace {

WantedKeys const wanted{
    [](std::string_view key) { return key == "owner" || key == "nerdctl/name"; },
    [](std::string_view key) { return key == "APP"; }};

std::string const hex(64, 'a');

std::vector<Container> containers_in(std::string const& message) {
  std::vector<Container> found;
  REQUIRE(parse_containers(message, "default", wanted, [&](std::string const&, Container one) {
    found.push_back(std::move(one));
  }));
  return found;
}

}  // namespace

TEST_CASE("a container is called what was chosen for it, and what is on no list is forgotten") {
  EncodedContainer const chosen{
      "web",
      {{"owner", "team"}, {"secret", "s"}},
      "docker.io/library/web:1",
      R"({"process":{"env":["APP=/a","PASSWORD=p","odd"]},"linux":{"cgroupsPath":"/default/web"}})"};
  EncodedContainer const generated{hex, {{"nerdctl/name", "cart-1"}}};
  auto const found = containers_in(
      list_message({chosen.bytes(), generated.bytes(), EncodedContainer{hex}.bytes()}));
  REQUIRE(found.size() == 3);
  CHECK(found[0].id == "default/web");
  CHECK(found[0].name == "web");
  CHECK(found[0].image == "docker.io/library/web:1");
  CHECK(found[0].labels == std::map<std::string, std::string>{{"owner", "team"}});
  CHECK(found[0].env == std::map<std::string, std::string>{{"APP", "/a"}});
  CHECK(found[0].cgroup == "/default/web");
  CHECK(found[0].runtime == "containerd");
  CHECK_FALSE(found[0].restart_count);  // it does not tell
  CHECK((found[1].id == hex && found[1].name == "cart-1"));
  CHECK((found[2].id == hex && found[2].name.empty()));
}

TEST_CASE("values are cut, and ids that are none are passed over") {
  EncodedContainer const long_label{"web", {{"owner", std::string(10'000, 'x')}}};
  auto const found = containers_in(list_message(
      {EncodedContainer{"a/b"}.bytes(), EncodedContainer{""}.bytes(), long_label.bytes()}));
  REQUIRE(found.size() == 1);
  CHECK(found[0].labels.at("owner").size() == 4096);
  for (auto const* good : {"a", "web", "k8s.io", "a-b_c.d", "A9"}) CHECK(is_identifier(good));
  for (auto const* bad : {"", "-a", "a-", ".", "a/b", "a b", "a\nb"})
    CHECK_FALSE(is_identifier(bad));
  CHECK_FALSE(is_identifier(std::string(77, 'a')));
}

TEST_CASE("tasks tell what runs and how the rest ended") {
  auto const tasks = parse_tasks(
      list_message({task_message("web", 77, 2), task_message("p", 78, 4),
                    task_message("x", 79, 3, 137, 1'500'000'000), task_message("n", 80, 9)}));
  REQUIRE(tasks);
  REQUIRE(tasks->size() == 4);
  CHECK(((*tasks)[0].id == "web" && (*tasks)[0].pid == 77));
  CHECK((*tasks)[0].status == Task::Status::running);
  CHECK((*tasks)[0].exited_ns == 0);
  CHECK((*tasks)[1].status == Task::Status::paused);
  CHECK(((*tasks)[2].status == Task::Status::stopped && (*tasks)[2].exit_code == 137));
  CHECK((*tasks)[2].exited_ns == 1'500'000'000);
  CHECK((*tasks)[3].status == Task::Status::unknown);
}

TEST_CASE("events name a container and, of an exit, whose it was and its code") {
  auto const read = [](std::string const& topic, std::string const& event) {
    auto const found = parse_event(envelope("k8s.io", topic, 5'000'000'007, event));
    REQUIRE(found);
    CHECK((found->name_space == "k8s.io" && found->topic == topic));
    CHECK(found->time_ns == 5'000'000'007);
    return *found;
  };
  auto const start = read("/tasks/start", start_event("web", 77));
  CHECK((start.id == "web" && start.pid == 77 && start.exec.empty() && !start.exit_code));
  auto const exit = read("/tasks/exit", exit_event("web", "web", 77, 3, 6'000'000'001));
  CHECK((exit.id == "web" && exit.pid == 77 && exit.exec.empty()));
  CHECK((exit.exit_code == 3 && exit.exited_ns == 6'000'000'001));
  // Zeros are not sent.
  CHECK(read("/tasks/exit", exit_event("web", "web", 77, 0, 1)).exit_code == 0);
  CHECK(read("/tasks/exit", exit_event("web", "shell", 79, 1, 1)).exec == "shell");
  auto const gone = read("/tasks/delete", delete_event("web", 77, 137, 9'000'000'000));
  CHECK((gone.id == "web" && gone.exit_code == 137 && gone.exec.empty() &&
         gone.exited_ns == 9'000'000'000));
  CHECK(read("/tasks/delete", delete_event("web", 77, 0, 9, "shell")).exec == "shell");
  CHECK(read("/tasks/oom", name_message("web")).id == "web");
  CHECK(read("/containers/delete", name_message("web")).id == "web");
  CHECK(read("/namespaces/create", name_message("k8s.io")).id == "k8s.io");
  CHECK(read("/images/create", "no message at all").id.empty());
}

TEST_CASE("what is cut off or of other types is malformed, and nothing worse") {
  auto const whole =
      envelope("default", "/tasks/exit", 1, exit_event("web", "web", 77, 3, 6'000'000'001));
  auto const list = list_message({EncodedContainer{"web", {{"owner", "o"}}, "i", "{}"}.bytes()});
  for (std::size_t size = 1; size < whole.size(); ++size)
    (void)parse_event(std::string_view(whole).substr(0, size));
  auto const take = [](std::string const&, Container) {};
  for (std::size_t size = 1; size < list.size(); ++size)
    CHECK_FALSE(parse_containers(std::string_view(list).substr(0, size), "n", wanted, take));
  // A number where a message is to be, eleven bytes of a number, a length beyond the end.
  for (std::string const& bad : {std::string("\x08\x01"), "\x0a\x02\x18" + std::string(10, '\xff'),
                                 std::string("\x0a\xff\xff\xff\x7f")}) {
    CHECK_FALSE(parse_tasks(bad));
    CHECK_FALSE(parse_containers(bad, "n", wanted, take));
  }
  CHECK_FALSE(parse_namespaces("\x0a\x02\x08\x01"));
  REQUIRE(parse_namespaces(list_message({name_message("default"), name_message("a b")})));
  CHECK(*parse_namespaces(list_message({name_message("default"), name_message("a b")})) ==
        std::vector<std::string>{"default"});
}
