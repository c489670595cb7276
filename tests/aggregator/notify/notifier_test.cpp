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

// Answers as it is told; hangs in deliver() while `hold` is set.
class TestChannel final : public Channel {
 public:
  TestChannel(std::string kind, std::shared_ptr<TestChannel*> self, Pace pace = {})
      : kind_(std::move(kind)), pace_(pace) {
    *self = this;
  }
  Pace pace() const override { return pace_; }
  std::string_view kind() const override { return kind_; }
  Delivery deliver(Batch const& batch, std::stop_token const& stop) override {
    std::unique_lock lock(mutex_);
    entered_ = true;
    changed_.notify_all();
    changed_.wait(lock, stop, [&] { return !hold_; });
    if (hold_) return {Outcome::retry, 0, "stopped"};
    got_.push_back(batch);
    changed_.notify_all();
    return {Outcome::sent, 250, {}};
  }
  void hold(bool on) {
    std::lock_guard const lock(mutex_);
    hold_ = on;
    changed_.notify_all();
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
  std::string kind_;
  Pace pace_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool hold_ = false;
  bool entered_ = false;
  std::vector<Batch> got_;
};

struct House {
  TemporaryDirectory directory;
  SystemClock clock;
  std::shared_ptr<TestChannel*> mail = std::make_shared<TestChannel*>();
  std::shared_ptr<TestChannel*> hook = std::make_shared<TestChannel*>();
  std::shared_ptr<TestChannel*> robot = std::make_shared<TestChannel*>();
  std::unique_ptr<Notifier> notifier;

  House() { open(); }
  void open() {
    notifier.reset();
    Directory who;
    who.owners["pay"] = {"pay@example.com", "hook"};
    who.receivers["hook"].webhook.push_back({"http://127.0.0.1:1/", "", "", {}});
    who.owners["chat"] = {"group"};
    who.receivers["group"].robots.emplace_back();
    std::vector<std::unique_ptr<Channel>> channels;
    channels.push_back(std::make_unique<TestChannel>("email:", mail));
    channels.push_back(std::make_unique<TestChannel>("webhook:hook", hook));
    channels.push_back(std::make_unique<TestChannel>("wecom:group", robot, Pace{2, 50ms}));
    OutboxOptions options;
    options.path = directory.path() + "/outbox";
    auto opened =
        Notifier::open(options, who, std::move(channels), clock, Log("test", LogLevel::error));
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
  House house;
  std::vector<Transition> storm;
  for (int i = 0; i < 30; ++i) {
    storm.push_back(fired("01" + std::to_string(i)));
    storm.back().rule = "rule" + std::to_string(i);
    storm.back().state.labels["owner"] = "chat";
  }
  REQUIRE(house.notifier->deliver(storm));
  house.notifier->start();
  auto const messages = (*house.robot)->wait_for(30);
  // The bucket begins with one message, which is the last for a while: so it tells of all.
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].notices.size() == 30);
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
      Notifier::open(options, {}, std::move(none), house.clock, Log("test", LogLevel::error));
  REQUIRE(opened);
  (*opened)->start();
  CHECK((*opened)->counters().outbox.waiting == 0);
  REQUIRE((*opened)->entries().size() == 1);
  CHECK((*opened)->entries()[0].phase == Phase::failed);
  CHECK((*opened)->entries()[0].detail == "no such receiver any more");
}
