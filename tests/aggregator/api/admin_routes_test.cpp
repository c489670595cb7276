#include "aggregator/api/admin_routes.hpp"

#include <unistd.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "../store/simulated_disk.hpp"
#include "../store/store_on_trial.hpp"
#include "common/core/foreign.hpp"
#include "common/http/client.hpp"

namespace dadvisor::aggregator::api {
namespace {

namespace json = boost::json;
using store::at;

// The admin socket of a store with ten rows of each of two containers.
class Administered {
 public:
  Administered() {
    for (std::uint64_t s = 1; s <= 10; ++s)
      REQUIRE(trial.append(store::batch("a", s, at(static_cast<int>(s) * 10), 2)).get());
    trial.settle();
    clock.advance(std::chrono::seconds(101));
    source_.emplace(*trial.store);
    add_admin_routes(router_, {*trial.store, *source_, clock, pool_, Log("test", LogLevel::error),
                               [this] { return std::unique_lock(tiers_); }});
    http::ServerOptions options;
    options.socket_path = place.path() + "/admin.sock";
    options.socket_mode = 0600;
    auto server = http::Server::listen(loop_, options, router_, Log("test", LogLevel::error));
    REQUIRE(server);
    server_ = std::move(*server);
  }

  http::Response ask(std::string method, std::string target, std::string body = {}) {
    http::Client client(loop_, {"", 80, place.path() + "/admin.sock"});
    http::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    if (!body.empty())
      request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    request.body = std::move(body);
    std::optional<Result<http::Response>> reply;
    client.request(std::move(request), [&](Result<http::Response> got) {
      reply = std::move(got);
      loop_.stop();
    });
    loop_.run();
    REQUIRE(*reply);
    return **reply;
  }
  std::size_t rows(int container) {
    return trial.rows(store::container("a", container).key).size();
  }
  std::string unix_time(int seconds) { return std::to_string(unix_seconds(at(seconds))); }

  // The paths of the series that the pattern finds.
  std::vector<std::string> found(std::string const& pattern) const {
    auto const nodes = source_->find(pattern, {0, unix_seconds(at(101)), unix_seconds(at(101))});
    REQUIRE(nodes);
    std::vector<std::string> paths;
    for (graphite::FoundNode const& node : *nodes) paths.push_back(node.path);
    return paths;
  }

  store::SimulatedDisk disk;
  store::StandingClock clock{at(0)};
  store::TemporaryDirectory place;
  store::StoreOnTrial trial{disk, clock};

 private:
  std::optional<series::StoreSeriesSource> source_;
  std::mutex tiers_;
  QueryPool pool_{1, 10};
  Router router_;
  http::Loop loop_;
  std::unique_ptr<http::Server> server_;
};

constexpr char const* both = "pattern=dadvisor.default.instances.shop_cart.*";

TEST_CASE("a dry run tells what a deletion then takes, and only that goes") {
  Administered admin;
  std::string const range =
      both + ("&from=" + admin.unix_time(30)) + "&until=" + admin.unix_time(60);
  auto const dry = admin.ask("POST", "/store/delete", range + "&dry_run=1");
  REQUIRE(dry.status == 200);
  auto const told = json::parse(dry.body).as_object();
  CHECK(told.at("entities") == 2);
  CHECK(told.at("rows") == 2 * 4);  // of the ticks 30, 40, 50 and 60
  CHECK(told.at("dry_run") == true);
  REQUIRE(told.at("paths").as_array().size() == 2);
  auto const& first = told.at("paths").at(0);
  CHECK(first.at("path") == "dadvisor.default.instances.shop_cart.c0");
  CHECK(first.at("rows") == 4);
  CHECK(first.at("first") == unix_seconds(at(30)));
  CHECK(first.at("last") == unix_seconds(at(60)));
  CHECK(admin.rows(0) == 10);
  CHECK(json::parse(admin.ask("GET", "/store/audit").body).at("entries").as_array().empty());

  auto const done = admin.ask("POST", "/store/delete", range);
  REQUIRE(done.status == 200);
  CHECK(json::parse(done.body).at("rows") == 8);
  CHECK(admin.rows(0) == 6);
  CHECK(admin.rows(1) == 6);
  CHECK(admin.ask("POST", "/store/delete", range).status == 404);  // they are gone
}

TEST_CASE("a glob without a time takes all up to now, and leaves others alone") {
  Administered admin;
  auto const done =
      admin.ask("POST", "/store/delete", "pattern=dadvisor.*.instances.shop_cart.{c1,nobody}");
  REQUIRE(done.status == 200);
  CHECK(admin.rows(0) == 10);
  CHECK(admin.rows(1) == 0);
  CHECK(admin.ask("POST", "/store/delete", both + std::string("&until=now&dry_run=1")).status ==
        200);
  auto const entries = json::parse(admin.ask("GET", "/store/audit").body).at("entries").as_array();
  REQUIRE(entries.size() == 1);
  std::string const who(entries[0].at("who").as_string());
  CHECK(who == "unix uid " + std::to_string(::getuid()) + " pid " + std::to_string(::getpid()));
  std::string const what(entries[0].at("what").as_string());
  CHECK(what == "delete dadvisor.*.instances.shop_cart.{c1,nobody} until " + admin.unix_time(101) +
                    ": 1 entities");
  CHECK(entries[0].at("time") == unix_seconds(at(101)));
}

// Points of two leaves, idle and user, at 50 s.
void send_points(Administered& admin, std::string const& parent, std::uint64_t sequence) {
  Batch made;
  made.stream = foreign_stream(10);
  made.sequence = sequence;
  made.tick = at(50);
  made.step = std::chrono::seconds(10);
  made.schemas = {{{foreign_column(0), foreign_column(1)}}};
  made.entities.push_back({7, {foreign_key(parent, 10, 0), foreign_labels("idle\nuser")}});
  made.rows = {{7, 0, {real_cell(1), real_cell(2)}}};
  REQUIRE(admin.trial.append(made).get());
  admin.trial.settle();
}

// How many values of the leaf are to be seen.
std::size_t values(Administered& admin, std::string const& parent, std::size_t leaf) {
  std::size_t count = 0;
  for (auto const& row : admin.trial.rows(foreign_key(parent, 10, 0), {foreign_column(leaf)}))
    if (row.second[0]) ++count;
  return count;
}

TEST_CASE("points of others go by their parent's path, all leaves of it") {
  Administered admin;
  send_points(admin, "servers.h1.cpu", 1);
  send_points(admin, "servers.h2.cpu", 2);
  REQUIRE(values(admin, "servers.h1.cpu", 1) == 1);
  CHECK(admin.ask("POST", "/store/delete", "pattern=servers.h1").status == 404);
  auto const done = admin.ask("POST", "/store/delete", "pattern=*.h1.cpu");
  REQUIRE(done.status == 200);
  auto const told = json::parse(done.body).as_object();
  CHECK(told.at("rows") == 1);
  CHECK(told.at("paths").at(0).at("path") == "servers.h1.cpu");
  CHECK(told.at("paths").at(0).at("series") == 2);
  CHECK(values(admin, "servers.h1.cpu", 0) == 0);
  CHECK(values(admin, "servers.h1.cpu", 1) == 0);
  CHECK(values(admin, "servers.h2.cpu", 1) == 1);
}

TEST_CASE("a single series of others goes by its whole path, and is found no more") {
  Administered admin;
  send_points(admin, "servers.h1.cpu", 1);
  send_points(admin, "servers.h2.cpu", 2);
  auto const done = admin.ask("POST", "/store/delete", "pattern=servers.*.cpu.idle");
  REQUIRE(done.status == 200);
  auto const told = json::parse(done.body).as_object();
  CHECK(told.at("series") == 2);
  CHECK(told.at("entities") == 0);
  CHECK(told.at("rows") == 2);
  CHECK(told.at("paths").at(1).at("path") == "servers.h2.cpu.idle");
  CHECK(told.at("paths").at(1).at("rows") == 1);
  CHECK(values(admin, "servers.h1.cpu", 0) == 0);
  CHECK(values(admin, "servers.h1.cpu", 1) == 1);
  CHECK(admin.found("servers.*.cpu.*") ==
        std::vector<std::string>{"servers.h1.cpu.user", "servers.h2.cpu.user"});
  CHECK(admin.ask("POST", "/store/delete", "pattern=servers.*.cpu.idle").status == 404);
  auto const entries = json::parse(admin.ask("GET", "/store/audit").body).at("entries").as_array();
  REQUIRE(entries.size() == 1);
  CHECK(std::string(entries[0].at("what").as_string()) ==
        "delete servers.*.cpu.idle until " + admin.unix_time(101) + ": 2 series");
}

TEST_CASE("series of others go by their tags") {
  Administered admin;
  send_points(admin, ";dc=a;host=web1", 1);
  send_points(admin, ";dc=b;host=web1", 2);
  CHECK(admin.ask("POST", "/store/delete", "tag=name=idle&tag=host=db").status == 404);
  CHECK(admin.ask("POST", "/store/delete", "tag=dc!=a").status == 400);  // demands no value
  CHECK(admin.ask("POST", "/store/delete", "tag=name=idle&pattern=a.b").status == 400);
  auto const done =
      admin.ask("POST", "/store/delete", "tag=" + http::percent_encode("host=~web") + "&tag=dc=b");
  REQUIRE(done.status == 200);
  CHECK(json::parse(done.body).at("series") == 2);
  CHECK(json::parse(done.body).at("paths").at(0).at("path") == "idle;dc=b;host=web1");
  for (std::size_t const leaf : {0U, 1U}) {
    CHECK(values(admin, ";dc=a;host=web1", leaf) == 1);
    CHECK(values(admin, ";dc=b;host=web1", leaf) == 0);
  }
}

TEST_CASE("compacting says how many files there were and are") {
  Administered admin;
  REQUIRE(admin.trial.spill(std::chrono::minutes(20)));
  auto const done = admin.ask("POST", "/store/compact");
  REQUIRE(done.status == 200);
  CHECK(json::parse(done.body).at("files_before") == 1);
  CHECK(json::parse(done.body).at("files_after") == 1);  // there is nothing to be gained
}

TEST_CASE("what is asked wrongly deletes nothing") {
  Administered admin;
  auto const status = [&](std::string const& body) {
    return admin.ask("POST", "/store/delete", body).status;
  };
  CHECK(status("dry_run=0") == 400);
  CHECK(status(both + std::string("&from=yesterdy")) == 400);
  CHECK(status(both + ("&until=" + admin.unix_time(200))) == 400);  // the future
  CHECK(status(both + ("&from=" + admin.unix_time(60)) + "&until=" + admin.unix_time(50)) == 400);
  CHECK(status("pattern=dadvisor.default.instances.shop_cart") == 404);
  CHECK(status("pattern=dadvisor.default.instances.shop_cart.c0.cpu.cores") == 404);
  CHECK(admin.ask("GET", "/store/delete").status == 405);
  CHECK(admin.ask("POST", "/store/backup", "directory=").status == 400);
  CHECK(admin.ask("POST", "/store/backup", "directory=relative").status == 400);
  CHECK(admin.ask("POST", "/store/backup", "directory=" + admin.place.path()).status == 409);
  CHECK(admin.rows(0) == 10);
  CHECK(admin.rows(1) == 10);
}

}  // namespace
}  // namespace dadvisor::aggregator::api
