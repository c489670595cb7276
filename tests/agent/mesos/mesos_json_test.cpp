#include "agent/mesos/mesos_json.hpp"

#include <catch2/catch.hpp>

#include "tests/agent/mesos/documents.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::agent::mesos;
using namespace dadvisor::test;

namespace {

using Map = std::map<std::string, std::string>;

WantedKeys const wanted{
    [](std::string_view key) { return key == "owner" || key.starts_with("dadvisor."); },
    [](std::string_view) { return false; }};

}  // namespace

TEST_CASE("executors, pods, their nested tasks and what has ended have names") {
  auto const state = parse_state(mesos_state, wanted);
  REQUIRE(state);
  CHECK(state->cgroups_root == "/mesos");
  auto const& names = state->names;
  CHECK(names.size() == 5);
  auto const& task = names.at(cart);
  CHECK((task.id == cart && task.runtime == "mesos" && task.names_only));
  CHECK(task.name == "cart.shop");
  CHECK(task.image == "shop/cart:1.2");
  CHECK(task.labels == Map{{"owner", "ann,bob"}});  // no secret
  std::string const id = "shop_cart.36cc2b9f-7a05-11ea-9c0a-1f2e3d4c5b6a";
  CHECK(task.env == Map{{"MESOS_FRAMEWORK_ID", "F1"},
                        {"MESOS_FRAMEWORK_NAME", "marathon"},
                        {"MESOS_EXECUTOR_ID", id},
                        {"MESOS_TASK_ID", id}});
  // A pod is one thing, by its first task; each nested one has its own.
  CHECK(names.at(pod).env.at("MESOS_TASK_ID").ends_with(".web"));
  CHECK(names.at(web).name == "web");
  CHECK(names.at(web).env.at("MESOS_EXECUTOR_ID") == "instance-shop_pod.77");
  CHECK((names.at(over).name == "base.zdd" && names.at(over).image == "zdd:2"));
  // An executor of tasks of its own making goes by its own id.
  CHECK(names.at(spark).name == "Executor 3");
  CHECK_FALSE(names.at(spark).env.contains("MESOS_TASK_ID"));
  CHECK(names.at(spark).env.at("MESOS_FRAMEWORK_NAME") == "my-job");
  CHECK(names.at(spark).labels == Map{{"dadvisor.owner", "data"}});
}

TEST_CASE("what /state leaves out /containers tells, and nothing twice") {
  auto state = parse_state(mesos_state, wanted);
  REQUIRE(state);
  REQUIRE(add_containers(mesos_containers, state->names));
  CHECK(state->names.size() == 6);
  CHECK(state->names.at(cart).name == "cart.shop");
  auto const& probe = state->names.at("debug-1");
  CHECK((probe.name == "probe" && probe.names_only));
  CHECK(probe.env == Map{{"MESOS_FRAMEWORK_ID", "F3"}, {"MESOS_EXECUTOR_ID", "probe"}});
}

TEST_CASE("another cgroups_root is told, with slashes or without") {
  for (auto const* root : {"cluster/tasks", "/cluster/tasks/"}) {
    auto const state = parse_state(
        R"({"frameworks":[],"flags":{"cgroups_root":")" + std::string(root) + "\"}}", wanted);
    REQUIRE(state);
    CHECK(state->cgroups_root == "/cluster/tasks");
  }
  CHECK(parse_state(R"({"frameworks":[]})", wanted)->cgroups_root == "/mesos");
}

TEST_CASE("what is no such document is malformed, and odd parts of one are passed over") {
  for (auto const* bad : {"", "[]", "{}", "<html>", R"({"frameworks":[)"})
    CHECK_FALSE(parse_state(bad, wanted));
  for (auto const* odd :
       {R"({"frameworks":7,"flags":[]})", R"({"frameworks":[1,{"executors":{"a":1}}]})",
        R"({"frameworks":[{"executors":[{"container":3,"tasks":[null,{"statuses":[{}]}]}]}]})"}) {
    auto const state = parse_state(odd, wanted);
    REQUIRE(state);
    CHECK(state->names.empty());
  }
  Names names;
  CHECK_FALSE(add_containers("{}", names));
  CHECK(add_containers(R"([1,{"container_id":"x"}])", names));
  CHECK(names.empty());
  for (std::size_t size = 0; size < mesos_state.size(); size += 7)
    CHECK_FALSE(parse_state(std::string_view(mesos_state).substr(0, size), wanted));
}
