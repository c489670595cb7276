#include "aggregator/notify/notifier.hpp"

#include <catch2/catch.hpp>
#include <future>

#include "notices_for_test.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::notify;
using namespace dadvisor::aggregator::notify::test;
using curl::Delivery;
using curl::Outcome;
using namespace std::chrono_literals;

namespace {

using Kinds = std::vector<std::string>;

// Answers as it is told; hangs in deliver() while `hold` is set.
class TestChannel final : public Channel {
 public:
  TestChannel(std::vector<std::string> kinds, std::shared_ptr<TestChannel*> self, Pace pace = {})
      : kinds_(std::move(kinds)), pace_(pace) {
    *self = this;
  }
  Pace pace() const override { return pace_; }
  std::vector<std::string> const& kinds() const override { return kinds_; }
  Delivery deliver(Batch const& batch, std::stop_token const& stop) override {
    std::unique_lock lock(mutex_);
    entered_ = true;
    changed_.notify_all();
    changed_.wait(lock, stop, [&] { return !hold_; });
    if (hold_) return {Outcome::retry, 0, "stopped"};
    got_.push_back(batch);
    changed_.notify_all();
    if (batch.receiver.starts_with(refused_)) return {Outcome::permanent, 0, "refused"};
    return {Outcome::sent, 250, {}};
  }
  void hold(bool on) {
    std::lock_guard const lock(mutex_);
    hold_ = on;
    changed_.notify_all();
  }
  // What is refused for good from now on: receivers whose keys begin so.
  void refuse(std::string start) {
    std::lock_guard const lock(mutex_);
    refused_ = std::move(start);
  }
  void wait_entered() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return entered_; });
  }
  // All messages, once they hold `count` notices: how those are grouped is a matter of timing.
  std::vector<Batch> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return notices() >= count; });
    return got_;
  }
  std::size_t count() {
    std::lock_guard const lock(mutex_);
    return notices();
  }

 private:
  std::size_t notices() const {
    std::size_t all = 0;
    for (auto const& batch : got_) all += batch.notices.size();
    return all;
  }
  std::vector<std::string> const kinds_;
  Pace pace_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool hold_ = false;
  bool entered_ = false;
  std::string refused_ = "(none)";
  std::vector<Batch> got_;
};

class StandingClock final : public Clock {
 public:
  WallTime wall() const override { return WallTime(std::chrono::hours(480'000) + passed_.load()); }
  MonotonicTime monotonic() const override { return MonotonicTime(passed_.load()); }
  void advance(Nanoseconds by) { passed_ = passed_.load() + by; }

 private:
  std::atomic<Nanoseconds> passed_{Nanoseconds::zero()};
};

struct House {
  TemporaryDirectory directory;
  SystemClock running;
  Clock const& clock;
  std::shared_ptr<TestChannel*> mail = std::make_shared<TestChannel*>();
  std::shared_ptr<TestChannel*> hook = std::make_shared<TestChannel*>();
  std::shared_ptr<TestChannel*> robot = std::make_shared<TestChannel*>();
  std::unique_ptr<Notifier> notifier;

  House() : clock(running) { open(); }
  explicit House(Clock const& its_clock) : clock(its_clock) { open(); }
  void open() {
    notifier.reset();
    Directory who;
    who.owners["pay"] = {"pay@example.com", "hook"};
    who.receivers["hook"].webhook.push_back({"http://127.0.0.1:1/", "", "", {}});
    who.owners["chat"] = {"group"};
    who.receivers["group"].robots.emplace_back();
    std::vector<std::unique_ptr<Channel>> channels;
    channels.push_back(std::make_unique<TestChannel>(Kinds{"email:"}, mail));
    channels.push_back(std::make_unique<TestChannel>(Kinds{"webhook:hook"}, hook));
    channels.push_back(std::make_unique<TestChannel>(Kinds{"wecom:group", "wecom-picture:group"},
                                                     robot, Pace{2, 50ms}));
    OutboxOptions options;
    options.path = directory.path() + "/outbox";
    auto opened =
        Notifier::open(options, who, std::move(channels), {}, clock, Log("test", LogLevel::error));
    REQUIRE(opened);
    notifier = std::move(*opened);
  }
};

}  // namespace

TEST_CASE("a notice reaches the owner's address and webhook") {
  House house;
  house.notifier->start();
  REQUIRE(house.notifier->deliver({fired("01A")}));
  auto const mails = (*house.mail)->wait_for(1);
  REQUIRE(mails.size() == 1);
  CHECK(mails[0].receiver == "email:pay@example.com");
  REQUIRE((*house.hook)->wait_for(1).size() == 1);
  house.notifier->stop();
  CHECK(house.notifier->counters().messages_sent == 2);
  CHECK(house.notifier->counters().outbox.waiting == 0);
}

TEST_CASE("a hanging mail server holds up neither webhooks nor the caller") {
  House house;
  (*house.mail)->hold(true);
  house.notifier->start();
  REQUIRE(house.notifier->deliver({fired("01A")}));
  (*house.mail)->wait_entered();
  REQUIRE(house.notifier->deliver({fired("01B")}));
  (*house.hook)->wait_for(2);
  CHECK((*house.hook)->count() == 2);
  CHECK((*house.mail)->count() == 0);
  (*house.mail)->hold(false);
  (*house.mail)->wait_for(2);
  CHECK((*house.mail)->count() == 2);
}

TEST_CASE("a stop breaks off what hangs, and the next start sends it") {
  House house;
  (*house.mail)->hold(true);
  house.notifier->start();
  REQUIRE(house.notifier->deliver({fired("01A")}));
  (*house.mail)->wait_entered();
  house.notifier->stop();
  auto const entries = house.notifier->entries();
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].phase == Phase::retry);
  house.open();
  CHECK(house.notifier->counters().outbox.waiting >= 1);
}

TEST_CASE("a notice that leads to nobody is counted") {
  House house;
  auto what = fired("01A");
  what.state.labels["owner"] = "nobody";
  REQUIRE(house.notifier->deliver({what}));
  CHECK(house.notifier->counters().unroutable == 1);
  CHECK(house.notifier->entries().empty());
}

TEST_CASE("a robot gets what comes too fast as one digest") {
  StandingClock clock;
  House house(clock);
  std::vector<Transition> storm;
  for (int i = 0; i < 30; ++i) {
    storm.push_back(fired("01" + std::to_string(i)));
    storm.back().rule = "rule" + std::to_string(i);
    storm.back().state.labels["owner"] = "chat";
  }
  REQUIRE(house.notifier->deliver(storm));
  house.notifier->start();
  // The bucket begins with one message, which is the last for a while: so it tells of all. Then
  // comes a picture for all of them.
  REQUIRE((*house.robot)->wait_for(30).size() == 1);
  clock.advance(50ms);
  auto const messages = (*house.robot)->wait_for(60);
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].receiver == "wecom:group");
  CHECK(messages[0].notices.size() == 30);
  CHECK(messages[1].receiver == "wecom-picture:group");
  CHECK(messages[1].notices.size() == 30);
}

TEST_CASE("what waits for a receiver that is no more is failed, not kept for ever") {
  House house;
  auto what = fired("01A");
  what.notify = {"hook"};
  REQUIRE(house.notifier->deliver({what}));
  std::vector<std::unique_ptr<Channel>> none;
  OutboxOptions options;
  options.path = house.directory.path() + "/outbox";
  house.notifier.reset();
  auto opened =
      Notifier::open(options, {}, std::move(none), {}, house.clock, Log("test", LogLevel::error));
  REQUIRE(opened);
  (*opened)->start();
  CHECK((*opened)->counters().outbox.waiting == 0);
  REQUIRE((*opened)->entries().size() == 1);
  CHECK((*opened)->entries()[0].phase == Phase::failed);
  CHECK((*opened)->entries()[0].detail == "no such receiver any more");
}

TEST_CASE("a picture fails by itself, and what had no picture is resolved without one") {
  House house;
  (*house.robot)->refuse("wecom-picture:");
  auto what = fired("01A");
  what.state.labels["owner"] = "chat";
  REQUIRE(house.notifier->deliver({what}));
  house.notifier->start();
  (*house.robot)->wait_for(2);
  auto const phases = [&] {
    std::map<std::string, Phase> out;
    for (auto const& entry : house.notifier->entries()) out[entry.receiver] = entry.phase;
    return out;
  };
  auto const soon = std::chrono::steady_clock::now() + 20s;
  while (phases()["wecom-picture:group"] != Phase::failed &&
         std::chrono::steady_clock::now() < soon)
    std::this_thread::sleep_for(5ms);
  CHECK(phases() == std::map<std::string, Phase>{{"wecom-picture:group", Phase::failed},
                                                 {"wecom:group", Phase::sent}});
  auto end = ended("01A", 2);
  end.state.labels["owner"] = "chat";
  REQUIRE(house.notifier->deliver({end}));
  auto const messages = (*house.robot)->wait_for(3);
  REQUIRE(messages.size() == 3);
  CHECK(messages[2].receiver == "wecom:group");
  CHECK(phases()["wecom-picture:group"] == Phase::skipped);
}

namespace {

// A notifier whose channels are made from the notify file's receivers. They note by which settings
// they were made, and take nothing while they are held.
struct Changing {
  struct Sent {
    std::string url;  // of the settings
    std::string receiver;
    std::string incident;
    bool operator==(Sent const&) const = default;
  };
  class Noting final : public Channel {
   public:
    Noting(Changing& house, std::string key, std::string url)
        : house_(house), kinds_({std::move(key)}), url_(std::move(url)) {}
    std::vector<std::string> const& kinds() const override { return kinds_; }
    Delivery deliver(Batch const& batch, std::stop_token const& stop) override {
      std::unique_lock lock(house_.mutex);
      ++house_.entered;
      house_.changed.notify_all();
      house_.changed.wait(lock, stop, [&] { return !house_.hold; });
      if (url_ == house_.broken) return {Outcome::retry, 0, "broken"};
      for (auto const& one : batch.notices)
        house_.sent.push_back({url_, batch.receiver, one.state.incident});
      house_.changed.notify_all();
      return {Outcome::sent, 200, {}};
    }

   private:
    Changing& house_;
    std::vector<std::string> const kinds_;
    std::string const url_;
  };

  TemporaryDirectory directory;
  SystemClock clock;
  std::mutex mutex;
  std::condition_variable_any changed;
  bool hold = false;
  int entered = 0, made = 0;
  std::string broken = "(none)";
  std::vector<Sent> sent;
  std::unique_ptr<Notifier> notifier;

  static Directory with(std::map<std::string, std::string> const& urls) {
    Directory out;
    for (auto const& [name, url] : urls)
      out.receivers[name].webhook.push_back({url, "", "", std::chrono::seconds(1)});
    return out;
  }
  explicit Changing(Directory first, Nanoseconds retry = 1ms) {
    OutboxOptions options;
    options.path = directory.path() + "/outbox";
    options.first_retry = options.longest_retry = retry;
    auto opened = Notifier::open(
        options, std::move(first), {},
        [this](std::string const& name, Way const& way) {
          ++made;
          return std::make_unique<Noting>(*this, "webhook:" + name, std::get<Webhook>(way).url);
        },
        clock, Log("test", LogLevel::error));
    REQUIRE(opened);
    notifier = std::move(*opened);
    notifier->start();
  }
  void tell(std::string const& incident, std::string const& receiver) {
    auto one = fired(incident);
    one.notify = {receiver};
    REQUIRE(notifier->deliver({one}));
  }
  template <typename What>
  bool wait(What what) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, what);
  }
  void let_go() {
    std::lock_guard const lock(mutex);
    hold = false;
    changed.notify_all();
  }
};

}  // namespace

TEST_CASE("a changed receiver gets what waits for it by its new settings") {
  Changing house(Changing::with({{"a", "old"}, {"b", "same"}}));
  house.broken = "old";
  house.tell("01A", "a");
  REQUIRE(house.wait([&] { return house.entered > 0; }));
  house.notifier->replace(Changing::with({{"a", "new"}, {"b", "same"}}));
  REQUIRE(house.wait([&] { return !house.sent.empty(); }));
  CHECK(house.sent == std::vector<Changing::Sent>{{"new", "webhook:a", "01A"}});
  CHECK(house.made == 3);  // b's channel stayed
  house.tell("01B", "b");
  REQUIRE(house.wait([&] { return house.sent.size() == 2; }));
  CHECK(house.sent[1] == Changing::Sent{"same", "webhook:b", "01B"});
  CHECK(house.notifier->counters().receiver_gone == 0);
}

TEST_CASE("what waits for a receiver that went is given up and counted") {
  Changing house(Changing::with({{"a", "old"}}));
  house.broken = "old";
  house.tell("01A", "a");
  REQUIRE(house.wait([&] { return house.entered > 0; }));
  house.notifier->replace(Changing::with({}));
  // The message on its way comes first; then nobody has it.
  auto const end = std::chrono::steady_clock::now() + 20s;
  while (house.notifier->counters().receiver_gone == 0 && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(5ms);
  CHECK(house.notifier->counters().receiver_gone == 1);
  REQUIRE(house.notifier->entries().size() == 1);
  CHECK(house.notifier->entries()[0].phase == Phase::failed);
  CHECK(house.notifier->entries()[0].detail == "no such receiver any more");
  // And it may come back.
  house.notifier->replace(Changing::with({{"a", "new"}}));
  house.tell("01B", "a");
  REQUIRE(house.wait([&] { return !house.sent.empty(); }));
  CHECK(house.sent[0].incident == "01B");
}

TEST_CASE("what fails on its way while its receiver changes is tried again when it is due") {
  Changing house(Changing::with({{"a", "old"}}), 100ms);
  house.broken = "old";
  house.hold = true;
  house.tell("01A", "a");
  REQUIRE(house.wait([&] { return house.entered == 1; }));
  house.notifier->replace(Changing::with({{"a", "new"}}));
  std::this_thread::sleep_for(50ms);  // the new one finds all of it on its way and waits for long
  house.let_go();
  REQUIRE(house.wait([&] { return !house.sent.empty(); }));
  CHECK(house.sent == std::vector<Changing::Sent>{{"new", "webhook:a", "01A"}});
}

TEST_CASE("a message on its way is not broken off by a change") {
  Changing house(Changing::with({{"a", "old"}}));
  house.hold = true;
  house.tell("01A", "a");
  REQUIRE(house.wait([&] { return house.entered == 1; }));
  house.notifier->replace(Changing::with({{"a", "new"}}));
  house.let_go();
  REQUIRE(house.wait([&] { return !house.sent.empty(); }));
  CHECK(house.sent[0].url == "old");
  house.tell("01B", "a");
  REQUIRE(house.wait([&] { return house.sent.size() == 2; }));
  CHECK(house.sent[1] == Changing::Sent{"new", "webhook:a", "01B"});
  CHECK(house.notifier->counters().outbox.failed == 0);
  house.notifier->stop();
}
