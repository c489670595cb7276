#include "aggregator/notify/notify_file_watch.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "notices_for_test.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::notify;
using namespace dadvisor::aggregator::notify::test;

namespace {

// As an editor does: a new file under the old name.
void write(std::string const& file, std::string const& text) {
  std::ofstream(file + ".new") << text;
  std::filesystem::permissions(file + ".new", std::filesystem::perms{0600});
  std::filesystem::rename(file + ".new", file);
}

std::string hook(std::string const& url) {
  return "receivers:\n  hook: {webhook: \"" + url + "\"}\n";
}

}  // namespace

TEST_CASE("a changed notify file is loaded again, a wrong one is not") {
  TemporaryDirectory directory;
  SetClock clock(1000);
  auto const file = directory.path() + "/notify.yml";
  write(file, hook("http://one"));
  NotifyFileWatch watched(file, clock, Log("test", LogLevel::error));
  CHECK(watched.load().errors.empty());
  CHECK_FALSE(watched.poll());

  clock.set(1100);
  write(file, hook("http://two"));
  auto const changed = watched.poll();
  REQUIRE(changed);
  CHECK(changed->receivers.at("hook").webhook.at(0).url == "http://two");
  CHECK_FALSE(watched.poll());

  clock.set(1200);
  write(file, hook("no URL"));
  CHECK_FALSE(watched.poll());
  CHECK_FALSE(watched.poll());
  std::filesystem::remove(file);
  CHECK_FALSE(watched.poll());
  CHECK(watched.reloads().refused == 2);  // once for each change
  CHECK(watched.reloads().taken == 1);
  CHECK(watched.reloads().last_taken == wall(1100));
  write(file, hook("http://three"));
  CHECK(watched.poll());
}

TEST_CASE("a changed secret is a change of the file that names it") {
  TemporaryDirectory directory;
  SystemClock const clock;
  auto const file = directory.path() + "/notify.yml", key = directory.path() + "/key";
  write(key, "one\n");
  write(file, "receivers: {chat: {wecom: {key_file: " + key + "}}}\n");
  NotifyFileWatch watched(file, clock, Log("test", LogLevel::error));
  CHECK(watched.load().errors.empty());
  CHECK_FALSE(watched.poll());
  write(key, "another\n");
  auto const changed = watched.poll();
  REQUIRE(changed);
  CHECK(changed->receivers.at("chat").robots.at(0).url.ends_with("?key=another"));
  write(key, "");
  CHECK_FALSE(watched.poll());
  CHECK(watched.reloads().refused == 1);
}

TEST_CASE("a notify file that comes later is loaded") {
  TemporaryDirectory directory;
  SystemClock const clock;
  auto const file = directory.path() + "/notify.yml";
  NotifyFileWatch watched(file, clock, Log("test", LogLevel::error));
  CHECK_FALSE(watched.poll());
  CHECK(watched.reloads().refused == 0);
  write(file, hook("http://one"));
  CHECK(watched.poll());
}
