#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "aggregator/notify/alertmanager_json.hpp"
#include "aggregator/notify/channel.hpp"
#include "aggregator/notify/message_html.hpp"
#include "aggregator/notify/message_text.hpp"
#include "notices_for_test.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::notify;
using namespace dadvisor::aggregator::notify::test;
namespace json = boost::json;

namespace {

Batch batch(std::vector<Transition> notices) {
  return {"0123456789abcdef0123456789abcdef", "email:pay@example.com", std::move(notices)};
}

std::string body_of(Batch const& what, std::string const& url) { return body(what, {}, url); }

// The rule's target drawn, five series of twelve, and an event.
MessageContext context() {
  MessageContext out;
  out.png = "\x89PNG\r\n\x1a\n...";
  out.from = 1795388041;
  out.until = 1795391821;
  out.worst = {{"h1/1", 97.25}, {"h2/4", 91.0}, {"h3/2", std::nullopt}};
  out.series = 12;
  out.events = {{7, 1795391000, "cart 3b906becfc08 started on h1", "", {"start", "app:cart"}}};
  return out;
}

bool has(std::string const& text, std::string const& part) {
  return text.find(part) != std::string::npos;
}

std::set<std::string> keys(json::object const& object) {
  std::set<std::string> out;
  for (auto const& entry : object) out.insert(std::string(entry.key()));
  return out;
}

}  // namespace

TEST_CASE("a subject says the gravest state, the title and how many") {
  CHECK(headline(batch({fired("01A")})) == "[CRIT] cart CPU of quota");
  CHECK(headline(batch({fired("01A", 1, Level::warn), ended("01B", 2), fired("01C")})) ==
        "[CRIT] cart CPU of quota (3 instances)");
  CHECK(headline(batch({fired("01A", 1, Level::warn)})) == "[WARN] cart CPU of quota");
  CHECK(headline(batch({notice("01A", 2, Status::nodata)})) == "[NODATA] cart CPU of quota");
  CHECK(headline(batch({ended("01A", 2)})) == "[RESOLVED] cart CPU of quota");
  auto other = ended("01B", 2);
  other.rule = "memory";
  CHECK(headline(batch({fired("01A"), other})) == "[CRIT] cart CPU of quota and 1 more alert");
  CHECK(subject(batch({fired("01A")})) == "[CRIT] cart CPU of quota since 22 Nov 23:54 UTC");
  CHECK(subject(batch({ended("01A", 2)})) == "[RESOLVED] cart CPU of quota since 22 Nov 23:54 UTC");
  auto evil = fired("01A");
  evil.state.title = "x\r\nBcc: y";
  CHECK(headline(batch({evil})) == "[CRIT] x\\x0d\\x0aBcc: y");
}

TEST_CASE("figures for people have four digits and a prefix") {
  CHECK(number_text(0) == "0");
  CHECK(number_text(97.25) == "97.25");
  CHECK(number_text(-0.12345) == "-0.1235");
  CHECK(number_text(9999) == "9999");
  CHECK(number_text(10000) == "10 k");
  CHECK(number_text(536'870'912) == "536.9 M");
  CHECK(number_text(999'999'999) == "1 G");
  CHECK(number_text(-1.5e12) == "-1.5 T");
}

TEST_CASE("a mail's text says value, threshold, since when, whose and where to look") {
  auto const text = body_of(batch({fired("01A")}), "http://d.example.com:8686/");
  CHECK(has(text, "App:     cart\n"));
  CHECK(has(text, "Owner:   pay\n"));
  CHECK(has(text, "value 97.25, crit when > 90 for 3m, clear < 75"));
  CHECK(has(text, "since 2026-11-22 23:54:01 UTC (3m)"));
  CHECK(has(text, "host h1"));
  CHECK(has(text,
            "http://d.example.com:8686/render?target=dadvisor.%2A.instances.cart.%2A.cpu."
            "pct_limit&from=1795388041&until=1795392421&format=png&width=1000&height=400"));
  auto const resolved = body_of(batch({ended("01A", 2)}), "http://d");
  CHECK(has(resolved, "from 2026-11-22 23:54:01 UTC to 2026-11-22 23:57:01 UTC (3m)"));
  auto gone = ended("01A", 2);
  gone.reason = Reason::gone;
  CHECK(has(body_of(batch({gone}), "http://d"), "it has ended"));
  CHECK(has(body_of(batch({notice("01A", 2, Status::nodata)}), "http://d"),
            "no data since 2026-11-22 23:57:01 UTC, the last value was 97.25"));
}

TEST_CASE("a mail's text shows the worst series and what changed") {
  auto const text = body(batch({fired("01A")}), context(), "http://d");
  CHECK(has(text,
            "\nWorst of 12, by the last value:\n       97.25  h1/1\n          91  h2/4\n      "
            "absent  h3/2\n"));
  CHECK(has(text, "\nIn the hour before:\n  2026-11-22 23:43:20 UTC  cart 3b906becfc08 started"));
  CHECK(
      has(text, "You get this because the rule cpu notifies owner, and the owner label says pay."));
}

TEST_CASE("a mail's ids come from batch and incident") {
  auto const mail = mail_of(batch({fired("01A"), fired("01B")}), {}, "dadvisor@example.com",
                            "http://d", from_unix_seconds(1795391821));
  REQUIRE(mail);
  CHECK(has(*mail, "\r\nMessage-ID: <01A.1.0123456789abcdef@example.com>\r\n"));
  CHECK(has(*mail,
            "\r\nIn-Reply-To: <01A.0@example.com>\r\n"
            "References: <01A.0@example.com>\r\n <01B.0@example.com>\r\n"));
  CHECK(has(*mail, "\r\nX-DAdvisor-App: cart\r\n"));
  CHECK(has(*mail, "\r\nX-DAdvisor-Severity: crit\r\n"));
  CHECK(has(*mail, "\r\nList-Id: dAdvisor alerts <alerts.dadvisor.example.com>\r\n"));
  CHECK(has(*mail, "\r\nTo: pay@example.com\r\n"));
  // Another transition is another mail of the same thread.
  auto const second = mail_of(batch({ended("01A", 2)}), {}, "dadvisor@example.com", "http://d",
                              from_unix_seconds(1795391821));
  CHECK(has(*second, "\r\nMessage-ID: <01A.2.0123456789abcdef@example.com>\r\n"));
  CHECK(has(*second, "\r\nReferences: <01A.0@example.com>\r\n"));
}

TEST_CASE("a mail has its picture within, or where it would be too large none") {
  auto const parts = [](MessageContext const& what) {
    return *mail_of(batch({fired("01A")}), what, "dadvisor@example.com", "http://d",
                    from_unix_seconds(1795391821));
  };
  auto const mail = parts(context());
  CHECK(has(mail, "Content-Type: multipart/alternative;"));
  CHECK(has(mail, "Content-Type: multipart/related; type=\"text/html\";"));
  CHECK(has(mail, "Content-ID: <graph.0123456789abcdef@example.com>\r\n"));
  CHECK(
      has(html_body(batch({fired("01A")}), context(), "http://d", "x@y"), "<img src=\"cid:x@y\""));
  auto large = context();
  large.png.assign(800'000, 'x');
  auto const without = parts(large);
  CHECK(without.size() < 100'000);
  CHECK_FALSE(has(without, "multipart/related"));
  CHECK_FALSE(has(without, "cid:"));
}

TEST_CASE("a mail's HTML carries the figures in words and nothing from outside as markup") {
  auto evil = fired("01A");
  evil.state.title = "<script>alert(1)</script>";
  evil.state.labels["app"] = "\"><img src=http://evil/x.png>";
  evil.state.labels["runbook"] = "javascript:alert(1)";
  auto what = context();
  what.events[0].what = "<b>bold</b>";
  what.worst[0].name = "<i>";
  auto const page = html_body(batch({evil, ended("01B", 2)}), what, "http://d", "x@y");
  for (auto const* bad : {"<script", "<img src=http", "<b>bold", "<i>", "javascript:"})
    CHECK_FALSE(has(page, bad));
  CHECK(has(page,
            "alt=\"Graph of dadvisor.*.instances.cart.*.cpu.pct_limit from 22:54:01 to "
            "23:57:01 UTC: value 97.25, crit when &gt; 90 for 3m, clear &lt; 75; worst: "));
  CHECK(has(page, "h2/4 91, h3/2 absent\""));
  CHECK(has(page, ">CRIT<"));
  CHECK(has(page, ">RESOLVED<"));
  CHECK(has(page, "prefers-color-scheme:dark"));
  CHECK(page.find("http://") == page.find("http://d/render"));
}

TEST_CASE("a webhook has exactly Alertmanager's keys") {
  auto const value =
      json::parse(alertmanager_json(batch({fired("01A"), ended("01B", 2)}), "hook", "http://d"));
  auto const& object = value.as_object();
  CHECK(keys(object) == std::set<std::string>{"receiver", "status", "alerts", "groupLabels",
                                              "commonLabels", "commonAnnotations", "externalURL",
                                              "version", "groupKey", "truncatedAlerts"});
  CHECK(object.at("version") == "4");
  CHECK(object.at("receiver") == "hook");
  CHECK(object.at("status") == "firing");
  CHECK(object.at("groupKey") == "{}:{alertname=\"cpu\", app=\"cart\"}");
  CHECK(object.at("truncatedAlerts") == 0);
  CHECK(object.at("groupLabels") == json::object{{"alertname", "cpu"}, {"app", "cart"}});
  CHECK(object.at("commonLabels").as_object().at("severity") == "critical");
  CHECK_FALSE(object.at("commonLabels").as_object().contains("series"));
  auto const& alerts = object.at("alerts").as_array();
  REQUIRE(alerts.size() == 2);
  auto const& first = alerts[0].as_object();
  CHECK(keys(first) == std::set<std::string>{"status", "labels", "annotations", "startsAt",
                                             "endsAt", "generatorURL", "fingerprint"});
  CHECK(first.at("status") == "firing");
  CHECK(first.at("startsAt") == "2026-11-22T23:57:01Z");
  CHECK(first.at("endsAt") == "0001-01-01T00:00:00Z");
  CHECK(first.at("annotations").as_object().at("value") == "97.25");
  auto const& second = alerts[1].as_object();
  CHECK(second.at("status") == "resolved");
  CHECK(second.at("endsAt") == "2026-11-22T23:57:01Z");
}

TEST_CASE("the fingerprint stays over an incident and differs between instances") {
  auto const of = [](Transition const& one) {
    auto const value = json::parse(alertmanager_json(batch({one}), "hook", "http://d"));
    return std::string(value.at("alerts").at(0).at("fingerprint").as_string());
  };
  auto const fingerprint = of(fired("01A"));
  CHECK(fingerprint.size() == 16);
  CHECK(fingerprint.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(of(fired("01A", 2, Level::warn)) == fingerprint);
  CHECK(of(notice("01A", 3, Status::nodata)) == fingerprint);
  CHECK(of(ended("01A", 4)) == fingerprint);
  CHECK(of(fired("01B")) != fingerprint);
}

TEST_CASE("labels that are no UTF-8 still make valid JSON") {
  auto odd = fired("01A");
  odd.state.labels["app"] = "a\xff\"\n";
  auto const value = json::parse(alertmanager_json(batch({odd}), "hook", "http://d"));
  CHECK(value.at("groupLabels").at("app") == "a\\xff\"\\x0a");
}
