#include "agent/settings.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "common/core/fd.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace std::chrono_literals;

namespace {

struct Loaded {
  Settings settings;
  config::OptionTable table = settings_table(settings);
  config::Loaded loaded;
};

// The Settings must not move once the table is bound to them.
std::unique_ptr<Loaded> load(std::vector<char const*> flags) {
  auto result = std::make_unique<Loaded>();
  flags.insert(flags.begin(), "dadvisor-agent");
  result->loaded = result->table.load(static_cast<int>(flags.size()), flags.data(), "/nonexistent");
  return result;
}

std::string completion_error(std::vector<char const*> flags) {
  auto const it = load(std::move(flags));
  REQUIRE(it->loaded.run);
  auto const done = complete(it->settings, it->table);
  return done ? "" : done.error().context;
}

Result<std::string> token_of(Loaded const& loaded) {
  auto const credentials =
      read_credentials(loaded.settings, loaded.table, Log("test", LogLevel::none));
  if (!credentials) return credentials.error();
  return credentials->token;
}

class Folder {
 public:
  Folder() { std::filesystem::create_directory(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path const path =
      std::filesystem::temp_directory_path() / ("dadvisor-settings-" + std::to_string(getpid()));
};

}  // namespace

TEST_CASE("the agent runs with no setting at all") {
  auto const it = load({});
  REQUIRE(it->loaded.run);
  REQUIRE(complete(it->settings, it->table));
  CHECK(it->settings.step == 10s);
  CHECK_FALSE(it->settings.agent_id.empty());  // the host's name
  CHECK(it->settings.spool_bytes == 268435456);
}

TEST_CASE("once, its form, and every key as a flag") {
  auto const it = load({"once", "-o", "json", "--step", "1s", "--docker-socket", "", "--services",
                        "never", "--spool-bytes", "64MiB", "--cgroup-prefix", "/host"});
  REQUIRE(it->loaded.run);
  CHECK(it->loaded.verb == "once");
  CHECK(it->settings.output == "json");
  CHECK(it->settings.docker_socket.empty());
  CHECK(it->settings.services == "never");
  CHECK(it->settings.cgroup_prefix == "/host");
  CHECK(load({"--output", "xml"})->loaded.exit_code == 2);
  CHECK(load({"--step", "100ms"})->loaded.exit_code == 2);
}

TEST_CASE("what only the agent can judge is told by key and remedy") {
  CHECK(completion_error({"--aggregator", "ftp://a"}).starts_with("--aggregator: "));
  CHECK(completion_error({"--mesos-agent", "5051"}).starts_with("--mesos-agent: "));
  CHECK(completion_error({"--mesos-agent", "https://a"}).find("http://") != std::string::npos);
  CHECK(completion_error({"--mesos-agent", ""}).empty());
  CHECK(completion_error({"--aggregator", "https://a", "--tls-ca", "/ca"}).empty());
  CHECK(completion_error({"--aggregator", "http://a", "--tls-ca", "/ca"})
            .ends_with("no aggregator is asked by TLS; write aggregator: https://..."));
  CHECK(
      completion_error({"--aggregator", "http://a", "--aggregator", "https://b", "--tls-ca", "/ca"})
          .empty());
  CHECK(completion_error({"--aggregator", "http://a", "--aggregator", "http://a"})
            .starts_with("--aggregator: http://a stands there twice"));
  CHECK(completion_error({"--aggregator", "https://a", "--tls-key", "/key"})
            .starts_with("--tls-key: a certificate and its key belong together"));
  CHECK(completion_error({"--aggregator", "localhost:8686"}).find("http://HOST:PORT") !=
        std::string::npos);
  CHECK(completion_error({"--step", "1500ms"}) ==
        "--step: no whole number of seconds; write 1s, 5s or 10s");
  CHECK(completion_error({"--cluster", ""}).starts_with("--cluster: empty"));
  std::string const long_name(256, 'x');
  CHECK(completion_error({"--agent-id", long_name.c_str()}).starts_with("--agent-id: longer"));
}

TEST_CASE(
    "the data directory is made; a named one that cannot be is refused, the default replaced") {
  Folder const folder;
  auto const file = (folder.path / "file").string();
  REQUIRE(replace_file(file, "x"));
  auto const made = (folder.path / "a/b").string();
  auto const it = load({"--data-dir", made.c_str()});
  REQUIRE(settle_data_dir(it->settings, it->table));
  CHECK(std::filesystem::is_directory(made));

  auto const below_file = file + "/x";
  auto const named = load({"--data-dir", below_file.c_str()});
  auto const refused = settle_data_dir(named->settings, named->table);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().context.starts_with("--data-dir: " + below_file));
  CHECK(refused.error().context.ends_with("; name a directory that this user may write"));

  auto const not_named = load({});
  not_named->settings.data_dir = below_file;  // as /var/lib is to an ordinary user
  ::setenv("XDG_STATE_HOME", folder.path.c_str(), 1);
  REQUIRE(settle_data_dir(not_named->settings, not_named->table));
  ::unsetenv("XDG_STATE_HOME");
  CHECK(not_named->settings.data_dir == (folder.path / "dadvisor/agent").string());
}

TEST_CASE("a token file that others may read is refused") {
  Folder const folder;
  auto const path = (folder.path / "token").string();
  REQUIRE(replace_file(path, "s3cret\nsecond line\n"));
  auto const it = load({"--token-file", path.c_str()});
  ::chmod(path.c_str(), 0640);
  auto const open_to_group = token_of(*it);
  REQUIRE_FALSE(open_to_group);
  CHECK(open_to_group.error().context.find("chmod 600") != std::string::npos);
  ::chmod(path.c_str(), 0600);
  CHECK(token_of(*it).value() == "s3cret");
  for (auto const* bad : {"", "\nx", "a b\n", "a\tb"}) {
    REQUIRE(replace_file(path, bad));
    ::chmod(path.c_str(), 0600);
    auto const refused = token_of(*it);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().context.find("s3cret") == std::string::npos);
  }
  auto const missing = load({"--token-file", "/nonexistent"});
  CHECK_FALSE(token_of(*missing));
  CHECK(token_of(*load({}))->empty());
}
