#include "agent/cgroup/cgroup_watch.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/agent/file_tree.hpp"

using namespace dadvisor::agent;
using dadvisor::test::FileTree;

namespace {

std::string const id = "fad130c3cfe3cae4d6a6c368b4ea6ba28c798f4d70ee80d0841629aeaf06063d";
std::string const other = "4f2a8c1e9b7d6035a1c2e3f405162738495a6b7c8d9e0f1a2b3c4d5e6f708192";

struct Told final : CgroupWatch::Listener {
  void populated(FoundContainer const& one, bool made) override {
    say(made ? "made" : "there", one);
  }
  void ending(FoundContainer const& one) override { say("ending", one); }
  void removed(FoundContainer const& one) override { say("removed", one); }
  void say(std::string const& what, FoundContainer const& one) {
    said.push_back(what + " " + one.container.id.substr(0, 2));
  }
  std::vector<std::string> take() { return std::exchange(said, {}); }
  std::vector<std::string> said;
};

using Said = std::vector<std::string>;
using Paths = std::vector<std::string>;

struct Watching {
  explicit Watching(FileTree const& tree, bool processes = false)
      : mount{tree.root(), "/", false, {"cpuacct"}}, watch(processes) {
    watch.begin(mount, {});
    walk();
    // What was made in a directory before that was watched: one walk more.
    CHECK(watch.take_changes().unknown);
    walk();
    CHECK_FALSE(watch.take_changes().any());
  }
  void walk() { watch.follow(walk_containers(mount, {}), told); }
  Said serve() {
    watch.serve(told);
    return told.take();
  }
  // Where containers came or went, all of them.
  std::vector<std::string> changed() {
    auto const changes = watch.take_changes();
    CHECK_FALSE(changes.unknown);
    return {changes.containers.begin(), changes.containers.end()};
  }
  bool readable(int wait_ms) const {
    pollfd one{watch.descriptor(), POLLIN, 0};
    return ::poll(&one, 1, wait_ms) == 1;
  }

  CgroupMount mount;
  CgroupWatch watch;
  Told told;
};

}  // namespace

TEST_CASE("a container is told when it is made, fills, empties and goes") {
  FileTree tree;
  tree.directory("docker");
  Watching watching(tree);
  CHECK(watching.serve().empty());
  CHECK_FALSE(watching.readable(0));
  tree.directory("docker/" + id);
  CHECK(watching.readable(1000));
  CHECK(watching.serve().empty());
  CHECK(watching.changed() == Paths{"/docker/" + id});
  CHECK(watching.changed().empty());
  tree.write("docker/" + id + "/cgroup.procs", "77\n");
  CHECK(watching.serve() == Said{"made fa"});
  tree.write("docker/" + id + "/memory.limit_in_bytes", "9\n");
  CHECK(watching.serve().empty());
  tree.write("docker/" + id + "/cgroup.procs", "");
  CHECK(watching.serve() == Said{"ending fa"});
  tree.write("docker/" + id + "/cgroup.procs", "78\n");
  CHECK(watching.serve() == Said{"made fa"});
  tree.remove("docker/" + id);
  CHECK(watching.serve() == Said{"removed fa"});
  CHECK(watching.changed() == Paths{"/docker/" + id});
  CHECK_FALSE(watching.watch.at("/docker/" + id));
}

TEST_CASE("what is in a directory before that is watched is found") {
  FileTree tree;
  tree.directory("elsewhere/kubepods/pod1/" + id);
  tree.write("elsewhere/kubepods/pod1/" + id + "/cgroup.procs", "77\n");
  FileTree mounted;
  Watching watching(mounted);
  std::filesystem::rename(tree.path("elsewhere/kubepods"), mounted.path("later"));
  // A rename is no making of a cgroup: only a walk finds it.
  CHECK(watching.serve().empty());
  CHECK(watching.watch.take_changes().unknown);
  watching.walk();
  CHECK(watching.told.take() == Said{"there fa"});
  mounted.directory("kubepods/pod2/" + other);
  mounted.write("kubepods/pod2/" + other + "/cgroup.procs", "78\n");
  CHECK(watching.serve() == Said{"made 4f"});
}

TEST_CASE("a walk ends what is gone and what has another inode") {
  FileTree tree;
  tree.directory("docker/" + id);
  tree.write("docker/" + id + "/cgroup.procs", "77\n");
  Watching watching(tree);
  CHECK(watching.told.take() == Said{"there fa"});
  std::filesystem::rename(tree.path("docker/" + id), tree.path("away"));
  tree.directory("docker/" + id);
  tree.write("docker/" + id + "/cgroup.procs", "78\n");
  watching.walk();
  CHECK(watching.told.take() == Said{"removed fa", "there fa"});
}

TEST_CASE("containers in containers are not followed") {
  FileTree tree;
  tree.directory("docker/" + id + "/docker/" + other);
  tree.write("docker/" + id + "/docker/" + other + "/cgroup.procs", "78\n");
  Watching watching(tree);
  // The outer one has no process itself: that below it is one of its own.
  CHECK(watching.told.take() == Said{"there fa"});
}

TEST_CASE("the end of a process is told at once, and of another one behind it too") {
  FileTree tree;
  tree.directory("docker/" + id);
  pid_t children[2];
  for (auto& child : children) {
    child = ::fork();
    if (child == 0) {
      ::pause();
      ::_exit(0);
    }
  }
  auto const procs = "docker/" + id + "/cgroup.procs";
  tree.write(procs, std::to_string(children[0]) + "\n" + std::to_string(children[1]) + "\n");
  Watching watching(tree, true);
  CHECK(watching.told.take() == Said{"there fa"});
  CHECK_FALSE(watching.readable(0));
  auto const end = [&](pid_t child, std::string const& left) {
    // cgroup.procs lists no zombies; a rewritten file would be a notice of its own.
    ::kill(child, SIGKILL);
    REQUIRE(watching.readable(5000));
    tree.write(procs, left);
  };
  end(children[0], std::to_string(children[1]) + "\n");
  CHECK(watching.serve() == Said{"ending fa"});
  CHECK_FALSE(watching.readable(0));
  end(children[1], "");
  // By the process, and by the empty list.
  CHECK(watching.serve() == Said{"ending fa", "ending fa"});
  for (auto const child : children) ::waitpid(child, nullptr, 0);
}

TEST_CASE("what came and went leaves the watch with what a walk finds") {
  FileTree tree;
  tree.directory("docker");
  Watching watching(tree);
  auto const same = [&] {
    watching.serve();
    auto const walked = walk_containers(watching.mount, {});
    auto parents = walked.parents;
    std::ranges::sort(parents);
    CHECK(watching.watch.parents() == parents);
    Paths outer;
    for (auto const& found : walked.containers)
      if (found.container.parent.empty()) {
        outer.push_back(found.container.path);
        auto const* there = watching.watch.at(found.container.path);
        REQUIRE(there);
        CHECK(there->inode == found.inode);
        CHECK(there->container == found.container);
      }
    return outer;
  };
  auto const in_docker = "/docker/" + id, in_pod = "/kubepods/pod1/" + other;
  tree.directory("docker/" + id);
  tree.directory("kubepods/pod1/" + other + "/inner/" + id);
  CHECK(same() == Paths{in_docker, in_pod});
  CHECK(watching.changed() == Paths{in_docker, in_pod});
  // Made, removed and made again in one go: another directory of the same name.
  tree.remove("docker/" + id);
  tree.directory("docker/" + id);
  tree.remove("kubepods/pod1");
  tree.directory("empty");
  CHECK(same() == Paths{in_docker});
  CHECK(watching.changed() == Paths{in_docker, in_pod});
  CHECK_FALSE(watching.watch.at(in_pod));
  tree.remove("docker");
  CHECK(same().empty());
  CHECK(watching.changed() == Paths{in_docker});
  // Of a directory that no container is in, no container is told.
  tree.remove("kubepods");
  watching.serve();
  auto const changes = watching.watch.take_changes();
  CHECK(changes.parents);
  CHECK_FALSE(changes.unknown);
  CHECK(changes.containers.empty());
}

TEST_CASE("where not every directory can be watched a walk must tell") {
  FileTree tree;
  for (int i = 0; i < 300; ++i) tree.directory("slice" + std::to_string(i));
  CgroupWatch watch(false);
  CgroupMount const mount{tree.root(), "/", false, {"cpuacct"}};
  Told told;
  watch.begin(mount, {});
  watch.follow(walk_containers(mount, {}), told);
  watch.follow(walk_containers(mount, {}), told);
  (void)watch.take_changes();
  tree.directory(id);
  watch.serve(told);
  CHECK(watch.take_changes().unknown);
}
