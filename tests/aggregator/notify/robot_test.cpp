#include "aggregator/notify/robot.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "aggregator/notify/digest.hpp"
#include "aggregator/notify/dingtalk.hpp"
#include "aggregator/notify/feishu.hpp"
#include "aggregator/notify/message_text.hpp"
#include "aggregator/notify/robot_channel.hpp"
#include "aggregator/notify/robot_text.hpp"
#include "aggregator/notify/wecom.hpp"
#include "notices_for_test.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::notify;
using namespace dadvisor::aggregator::notify::test;
using namespace std::chrono_literals;
using curl::Outcome;
namespace json = boost::json;

namespace {

Robot robot(Vendor vendor, std::vector<std::string> mention = {}) {
  Robot one;
  one.vendor = vendor;
  one.url = "https://robots.example.com/send?key=k";
  one.secret = vendor == Vendor::dingtalk || vendor == Vendor::feishu ? "SECtest" : "";
  one.mention = std::move(mention);
  return one;
}

Batch batch(std::vector<Transition> notices) { return {"id", "robot:x", std::move(notices)}; }

json::value body(Robot const& to, Batch const& what, std::int64_t now = 1'700'000'000) {
  return json::parse(robot_request(to, what, "http://d", from_unix_seconds(now)).body);
}

bool has(json::value const& text, std::string const& part) {
  return std::string(text.as_string()).find(part) != std::string::npos;
}

}  // namespace

// Computed by Python's hmac and by `openssl dgst`, which agree.
TEST_CASE("signatures of DingTalk and Feishu") {
  CHECK(dingtalk_signature("SECtest", 1'700'000'000'000) ==
        "aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g=");
  CHECK(feishu_signature("SECtest", 1'700'000'000) ==
        "G7XpBpG8NgG02fJOAhX6FRAObIljmFoxVReo8I62pEk=");
}

TEST_CASE("DingTalk's signature stands in the URL, Feishu's in the body") {
  auto const ding = robot_request(robot(Vendor::dingtalk), batch({fired("01A")}), "http://d",
                                  from_unix_seconds(1'700'000'000));
  CHECK(ding.url ==
        "https://robots.example.com/send?key=k&timestamp=1700000000000&sign="
        "aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g%3D");
  auto const lark = body(robot(Vendor::feishu), batch({fired("01A")}));
  CHECK(lark.at("timestamp") == "1700000000");
  CHECK(lark.at("sign") == "G7XpBpG8NgG02fJOAhX6FRAObIljmFoxVReo8I62pEk=");
}

TEST_CASE("each vendor's message says what, whose, since when, and where to look") {
  auto const what = batch({fired("01A")});
  auto const wecom = body(robot(Vendor::wecom), what);
  CHECK(wecom.at("msgtype") == "markdown");
  CHECK(has(wecom.at("markdown").at("content"),
            "<font color=\"warning\">［CRIT］ cart CPU of quota</font>\nApp: cart\n"));
  CHECK(has(wecom.at("markdown").at("content"),
            "value 97.25, crit when ＞ 90 for 3m, clear ＜ 75\n"
            "since 2026-11-22 23:54:01 UTC (3m)\n[Graph](http://d/render?target="));
  auto const ding = body(robot(Vendor::dingtalk), what);
  CHECK(ding.at("markdown").at("title") == "［CRIT］ cart CPU of quota");
  CHECK(has(ding.at("markdown").at("text"), "**［CRIT］ cart CPU of quota**\n\nApp: cart\n\n"));
  CHECK(ding.at("at").at("isAtAll") == false);
  auto const lark = body(robot(Vendor::feishu), what);
  CHECK(lark.at("msg_type") == "interactive");
  CHECK(lark.at("card").at("header").at("template") == "red");
  CHECK(lark.at("card").at("elements").at(1).at("actions").at(0).at("text").at("content") ==
        "Graph");
  auto const slack = body(robot(Vendor::slack), what);
  CHECK(slack.at("text") == "*[CRIT] cart CPU of quota*");
  CHECK(has(slack.at("attachments").at(0).at("text"), "crit when &gt; 90 for 3m"));
  CHECK(has(slack.at("attachments").at(0).at("text"), "\n<http://d/render?target="));
  CHECK(body(robot(Vendor::feishu), batch({ended("01A", 2)}))
            .at("card")
            .at("header")
            .at("template") == "green");
}

TEST_CASE("people are called for crit alone") {
  std::vector<std::string> const who = {"zhang", "13800000000", "all"};
  auto const crit = batch({fired("01A")});
  auto const wecom = body(robot(Vendor::wecom, who), crit).at("text");
  CHECK(wecom.at("mentioned_list") == json::array{"zhang", "@all"});
  CHECK(wecom.at("mentioned_mobile_list") == json::array{"13800000000"});
  auto const ding = body(robot(Vendor::dingtalk, who), crit);
  CHECK(ding.at("at").at("atMobiles") == json::array{"13800000000"});
  CHECK(ding.at("at").at("atUserIds") == json::array{"zhang"});
  CHECK(ding.at("at").at("isAtAll") == true);
  CHECK(has(ding.at("markdown").at("text"), "\n\n@zhang @13800000000"));
  auto const lark = body(robot(Vendor::feishu, who), crit);
  CHECK(has(lark.at("card").at("elements").at(0).at("text").at("content"),
            "<at id=zhang></at> <at id=13800000000></at> <at id=all></at>"));
  CHECK(has(body(robot(Vendor::slack, {"U1", "all"}), crit).at("attachments").at(0).at("text"),
            "<@U1> <!channel>"));
  for (auto const& calm : {batch({fired("01A", 1, Level::warn)}), batch({ended("01A", 2)}),
                           batch({notice("01A", 2, Status::nodata)})}) {
    CHECK(body(robot(Vendor::wecom, who), calm).at("msgtype") == "markdown");
    CHECK(body(robot(Vendor::dingtalk, who), calm).at("at").at("isAtAll") == false);
    CHECK_FALSE(
        has(body(robot(Vendor::slack, who), calm).at("attachments").at(0).at("text"), "<@"));
  }
}

TEST_CASE("what a container calls itself neither mentions nor links") {
  auto evil = fired("01A");
  evil.state.title = "<@all> <!channel> [x](http://evil) <at id=all></at> @13800000000";
  evil.state.labels["app"] = "<font color=\"info\">fine</font>";
  for (auto const vendor : vendors) {
    auto const text = json::serialize(body(robot(vendor), batch({evil})));
    INFO(text);
    CHECK(text.find("<@all>") == std::string::npos);
    CHECK(text.find("<!channel>") == std::string::npos);
    if (vendor != Vendor::slack) CHECK(text.find("](http://evil") == std::string::npos);
    CHECK(text.find("<at ") == std::string::npos);
    CHECK(text.find("<font color=\\\"info") == std::string::npos);
    if (vendor != Vendor::slack) CHECK(text.find("@138") == std::string::npos);
  }
}

TEST_CASE("no message is longer than its vendor takes, nor ends within a character") {
  std::vector<Transition> many;
  for (int i = 0; i < 100; ++i) {
    many.push_back(fired("01" + std::to_string(i)));
    many.back().state.title = "";
    for (int k = 0; k < 60; ++k) many.back().state.title += "容器内存";
    many.back().instance = many.back().state.title;
    if (i % 2 == 1) many.back().rule = "other";
    many.back().expr = "sumSeries(" + std::string(700, '*') + ")";
  }
  auto same = many;
  for (auto& one : same) one.rule = "cpu";
  for (auto const& what : {batch(many), batch(same), batch({many[0]})}) {
    auto const markdown = body(robot(Vendor::wecom), what).at("markdown").at("content").as_string();
    CHECK(markdown.size() <= 4096);
    auto const text = body(robot(Vendor::wecom, {"zhang"}), what).at("text").at("content");
    CHECK(text.as_string().size() <= 2048);
    auto const now = from_unix_seconds(0);
    CHECK(robot_request(robot(Vendor::feishu), what, "http://d", now).body.size() <= 20480);
    CHECK(robot_request(robot(Vendor::dingtalk), what, "http://d", now).body.size() <= 20000);
    CHECK(body(robot(Vendor::slack), what).at("attachments").at(0).at("text").as_string().size() <=
          3000);
  }
  CHECK(cut("容器", 6) == "容器");
  CHECK(cut("容器容", 8) == "容…");  // 3 + 3 bytes; a second character would end at 9
  CHECK(cut("abcdef", 5) == "ab…");
  CHECK(cut("abc", 2).empty());
}

TEST_CASE("a digest names its alerts") {
  std::vector<Transition> several;
  for (int i = 0; i < 12; ++i) {
    several.push_back(fired("01" + std::to_string(i)));
    several.back().rule = "rule" + std::to_string(i);
    several.back().state.title = "title " + std::to_string(i);
  }
  auto const slack = body(robot(Vendor::slack), batch(several));
  CHECK(slack.at("text") == "*[CRIT] title 0 and 11 more alerts*");
  CHECK(has(slack.at("attachments").at(0).at("text"), "[CRIT] title 9: "));
  CHECK(has(slack.at("attachments").at(0).at("text"), "\nand 2 more\n"));
}

TEST_CASE("a failure in the body of a 200 is understood") {
  auto const outcome = [](Vendor vendor, std::string const& text, long status = 200) {
    return robot_reply(vendor, status, text).outcome;
  };
  CHECK(outcome(Vendor::wecom, R"({"errcode":0,"errmsg":"ok"})") == Outcome::sent);
  CHECK(outcome(Vendor::wecom, R"({"errcode":45009,"errmsg":"api freq out of limit"})") ==
        Outcome::retry);
  CHECK(outcome(Vendor::wecom, R"({"errcode":93000,"errmsg":"invalid webhook url"})") ==
        Outcome::permanent);
  CHECK(outcome(Vendor::wecom, R"({"errcode":4711})") == Outcome::retry);
  CHECK(outcome(Vendor::wecom, "<html>") == Outcome::retry);
  CHECK(outcome(Vendor::wecom, "{}") == Outcome::retry);
  CHECK(outcome(Vendor::dingtalk, R"({"errcode":130101,"errmsg":"send too fast"})") ==
        Outcome::retry);
  CHECK(outcome(Vendor::dingtalk, R"({"errcode":310000,"errmsg":"sign not match"})") ==
        Outcome::retry);
  CHECK(outcome(Vendor::dingtalk, R"({"errcode":300005,"errmsg":"token is not exist"})") ==
        Outcome::permanent);
  CHECK(
      outcome(Vendor::feishu,
              R"({"code":0,"msg":"success","data":{},"StatusCode":0,"StatusMessage":"success"})") ==
      Outcome::sent);
  CHECK(outcome(Vendor::feishu, R"({"code":19021,"msg":"sign match fail"})") == Outcome::retry);
  CHECK(outcome(Vendor::feishu, R"({"code":19001,"msg":"token invalid"})") == Outcome::permanent);
  CHECK(outcome(Vendor::slack, "ok") == Outcome::sent);
  CHECK(outcome(Vendor::slack, "invalid_token", 403) == Outcome::permanent);
  CHECK(outcome(Vendor::slack, "", 429) == Outcome::retry);
  CHECK(outcome(Vendor::wecom, "", 502) == Outcome::retry);

  auto const penalty = [](Vendor vendor, long status, std::string const& text,
                          std::optional<std::chrono::seconds> after = {}) {
    return robot_penalty(vendor, robot_reply(vendor, status, text), after);
  };
  CHECK(penalty(Vendor::dingtalk, 200, R"({"errcode":130101})") == 10min);
  CHECK(penalty(Vendor::dingtalk, 200, R"({"errcode":0})") == 0s);
  CHECK(penalty(Vendor::feishu, 200, R"({"code":11232})") == 1min);
  CHECK(penalty(Vendor::slack, 429, "", 7s) == 7s);
  CHECK(penalty(Vendor::slack, 429, "") == 30s);
}

TEST_CASE("a robot is never used faster than its vendor allows") {
  struct Case {
    Vendor vendor;
    std::size_t a_minute;
  };
  for (auto const& [vendor, most] : {Case{Vendor::wecom, 20}, Case{Vendor::dingtalk, 20},
                                     Case{Vendor::feishu, 100}, Case{Vendor::slack, 60}}) {
    // Messages as fast as the bucket lets them, with a restart in the middle.
    MonotonicTime now{1h};
    std::vector<MonotonicTime> sent;
    for (int life = 0; life < 2; ++life) {
      Bucket bucket(pace_of(vendor), now);
      for (MonotonicTime const end = now + 5min; now < end; now += 10ms)
        if (bucket.wait(now) == 0ns) {
          bucket.take(now);
          sent.push_back(now);
        }
    }
    for (std::size_t i = 0; i < sent.size(); ++i) {
      auto const later = std::find_if(sent.begin(), sent.end(),
                                      [&](auto const& at) { return at >= sent[i] + 1min; });
      CHECK(static_cast<std::size_t>(later - sent.begin()) - i < most);
    }
  }
  Bucket shut({4, 5s}, MonotonicTime{0s});
  shut.shut(MonotonicTime{10min});
  CHECK(shut.wait(MonotonicTime{1min}) == 9min);
  Bucket free({}, MonotonicTime{0s});
  CHECK(free.wait(MonotonicTime{0s}) == 0s);
  CHECK_FALSE(free.last(MonotonicTime{0s}));
}

// The digest by md5sum, the base64 by coreutils.
TEST_CASE("WeCom's picture is its bytes in base64 and their MD5, and nothing else") {
  CHECK(wecom_picture_body("\x89PNG\r\n\x1a\n") ==
        R"({"msgtype":"image","image":{"base64":"iVBORw0KGgo=",)"
        R"("md5":"e9dd2797018cad79186e03e8c5aec8dc"}})");
  CHECK(md5_hex("") == "d41d8cd98f00b204e9800998ecf8427e");
}

TEST_CASE("a picture that cannot be had or is too large is given up before it is posted") {
  SetClock const clock(1'700'000'000);
  std::string png;
  RobotChannel channel(robot(Vendor::wecom), "x", "http://d", clock, [&](Transition const&) {
    MessageContext context;
    context.png = png;
    return context;
  });
  CHECK(channel.kinds() == std::vector<std::string>{"wecom:x", "wecom-picture:x"});
  Batch const wanted{"id", "wecom-picture:x", {fired("01A")}};
  auto given_up = channel.deliver(wanted, {});
  CHECK(given_up.outcome == Outcome::permanent);
  CHECK(given_up.detail == "there is no picture");
  png.assign(2'000'001, 'x');
  given_up = channel.deliver(wanted, {});
  CHECK(given_up.outcome == Outcome::permanent);
  CHECK(given_up.detail == "a picture of 2000001 bytes");
}
