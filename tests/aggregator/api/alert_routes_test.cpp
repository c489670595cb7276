#include "aggregator/api/alert_routes.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::api;
namespace json = boost::json;

namespace {

alert::Tick at(std::int64_t unix) { return alert::Tick(std::chrono::seconds(unix)); }

alert::InstanceView view(alert::Status status, std::string incident, std::string app) {
  alert::InstanceView out{"cpu", "a.b." + app, {}};
  out.state.status = status;
  out.state.level = alert::Level::crit;
  out.state.value = 97.25;
  out.state.since = at(1000);
  out.state.began = at(900);
  out.state.opened = at(1000);
  out.state.incident = std::move(incident);
  out.state.labels = {{"app", app}, {"owner", "pay"}};
  return out;
}

notify::Entry told(std::string incident, std::string receiver, notify::Phase phase,
                   alert::Status status) {
  notify::Entry out;
  out.incident = incident;
  out.receiver = std::move(receiver);
  out.phase = phase;
  out.attempts = 2;
  out.changed = from_unix_seconds(1005);
  out.notice.rule = "cpu";
  out.notice.instance = "a.b.old";
  out.notice.state = view(status, std::move(incident), "old").state;
  return out;
}

json::array ask(std::vector<alert::InstanceView> const& views,
                std::vector<notify::Entry> const& entries, http::Fields const& parameters = {}) {
  return json::parse(alerts_json(views, entries, parameters)).at("alerts").as_array();
}

}  // namespace

TEST_CASE("alerts are listed with who was told and how it went") {
  std::vector<alert::InstanceView> const views = {view(alert::Status::firing, "01A", "cart"),
                                                  view(alert::Status::pending, "01OLD", "shop"),
                                                  view(alert::Status::resolved, "01R", "web")};
  std::vector<notify::Entry> const entries = {
      told("01A", "email:a@example.com", notify::Phase::sent, alert::Status::firing),
      told("01A", "wecom:group", notify::Phase::retry, alert::Status::firing),
      told("01OLD", "email:a@example.com", notify::Phase::sent, alert::Status::resolved)};
  auto const all = ask(views, entries);
  REQUIRE(all.size() == 2);
  auto const& first = all[0].as_object();
  CHECK(first.at("rule") == "cpu");
  CHECK(first.at("state") == "FIRING");
  CHECK(first.at("level") == "crit");
  CHECK(first.at("value") == 97.25);
  CHECK(first.at("since") == 1000);
  CHECK(first.at("began") == 900);
  CHECK(first.at("incident") == "01A");
  CHECK(first.at("app") == "cart");
  CHECK(first.at("owner") == "pay");
  CHECK(first.at("last_data").is_null());
  auto const& deliveries = first.at("deliveries").as_array();
  REQUIRE(deliveries.size() == 2);
  CHECK(deliveries[1].at("receiver") == "wecom:group");
  CHECK(deliveries[1].at("phase") == "retry");
  CHECK(deliveries[1].at("attempts") == 2);
  CHECK(deliveries[0].at("due").is_null());
  // A pending instance has no incident yet, though it may have had one.
  CHECK(all[1].at("incident").is_null());
  CHECK(all[1].at("deliveries").as_array().empty());

  CHECK(ask(views, entries, {{"app", "cart"}}).size() == 1);
  CHECK(ask(views, entries, {{"app", "cart"}, {"state", "PENDING"}}).empty());
  CHECK(ask(views, entries, {{"owner", "pay"}}).size() == 2);
  CHECK(ask(views, entries, {{"rule", "mem"}}).empty());
}

TEST_CASE("ended incidents are listed on demand, each once") {
  std::vector<alert::InstanceView> const views = {view(alert::Status::resolved, "01R", "web")};
  std::vector<notify::Entry> const entries = {
      told("01R", "email:a@example.com", notify::Phase::sent, alert::Status::resolved),
      told("01S", "email:a@example.com", notify::Phase::sent, alert::Status::resolved),
      told("01T", "email:a@example.com", notify::Phase::sent, alert::Status::firing)};
  CHECK(ask(views, entries).empty());
  auto const all = ask(views, entries, {{"resolved", "1"}});
  REQUIRE(all.size() == 2);
  CHECK(all[0].at("incident") == "01R");
  CHECK(all[1].at("incident") == "01S");
  CHECK(all[1].at("state") == "RESOLVED");
}
