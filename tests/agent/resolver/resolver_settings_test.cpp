#include "agent/resolver/resolver_settings.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "common/core/fd.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;

TEST_CASE("the agent's file tells where the sockets are, whatever else stands in it") {
  auto const path = std::filesystem::temp_directory_path() /
                    ("dadvisor-resolver-" + std::to_string(getpid()) + ".yml");
  REQUIRE(replace_file(path.string(),
                       "aggregator: [http://a:1, http://b:1]\ndocker_socket: /elsewhere/d.sock\n"
                       "containerd_socket: \"\"\nlog_level: debug\nno_such_key: 1\n"));
  ResolverSettings settings;
  auto table = resolver_table(settings);
  char const* const argv[] = {"dadvisor-resolver", "--log-level", "error"};
  auto const loaded = table.load(3, argv, path.string());
  std::filesystem::remove(path);
  INFO(loaded.output);
  REQUIRE(loaded.run);
  CHECK(settings.docker_socket == "/elsewhere/d.sock");
  CHECK(settings.containerd_socket.empty());
  CHECK(settings.resolver_socket == "/run/dadvisor-resolver.sock");
  CHECK(log_level_of(settings) == LogLevel::error);
}
