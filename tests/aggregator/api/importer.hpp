#pragma once
// A store with tiers behind an admin socket that takes imports and renames, and what queries see.

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "../store/simulated_disk.hpp"
#include "../store/store_on_trial.hpp"
#include "aggregator/api/import_routes.hpp"
#include "aggregator/api/rename_route.hpp"
#include "aggregator/series/store_series_source.hpp"
#include "common/http/client.hpp"

namespace dadvisor::aggregator::api {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::int64_t import_time = 1'800'000'000 / 86'400 * 86'400;  // a day's begin

inline store::StoreOptions with_tiers() {
  store::StoreOptions options;
  options.raw_waits_for_tiers = true;
  return options;
}

class Importer {
 public:
  Importer() {
    auto made = std::make_shared<graphite::CarbonFiles>();
    made->schemas =
        graphite::parse_storage_schemas("[all]\npattern = .*\nretentions = 60s:3d,10m:400d\n", "s")
            .schemas;
    made->aggregations = graphite::parse_storage_aggregation(
                             "[hits]\npattern = hits$\naggregationMethod = sum\n", "a")
                             .aggregations;
    files_ = made;
    series::SeriesOptions source_options;
    source_options.carbon_files = [this] { return files_; };
    source_.emplace(*trial.store, source_options);
    auto const hold_tiers = [this] { return std::unique_lock(tiers_); };
    Log const log("test", LogLevel::error);
    ImportSeams const import{*trial.store,
                             clock,
                             pool_,
                             hold_tiers,
                             [this]() -> ingest::ForeignRows& {
                               if (!rows_)
                                 rows_.emplace(
                                     ingest::ForeignRowsOptions(), *trial.store,
                                     [this](auto function) { loop_.post(std::move(function)); },
                                     Log("test", LogLevel::error), std::vector<Entity>());
                               return *rows_;
                             },
                             [this](auto function) { loop_.post(std::move(function)); },
                             [this] { return files_; },
                             "dadvisor",
                             log};
    add_import_route(router_, import);
    add_rename_route(router_, {*trial.store, *source_, clock, pool_, log, hold_tiers}, import);
    http::ServerOptions options;
    options.socket_path = place.path() + "/admin.sock";
    auto server = http::Server::listen(loop_, options, router_, Log("test", LogLevel::error));
    REQUIRE(server);
    server_ = std::move(*server);
  }

  http::Response send(std::string body, std::string path = "/store/import") {
    http::Client client(loop_, {"", 80, place.path() + "/admin.sock"});
    http::ClientRequest request;
    request.method = "POST";
    request.target = std::move(path);
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
  json::object imported(std::string body) {
    auto const response = send(std::move(body));
    INFO(response.body);
    REQUIRE(response.status == 200);
    return json::parse(response.body).as_object();
  }
  // The present values over (from, until], by time.
  std::map<std::int64_t, double> values(char const* path, std::int64_t from, std::int64_t until) {
    std::map<std::int64_t, double> found;
    auto const fetched = source_->fetch(path, {from, until, unix_seconds(clock.wall())});
    REQUIRE(fetched);
    for (graphite::Series const& series : *fetched)
      for (std::size_t i = 0; i < series.values.size(); ++i)
        if (!graphite::is_absent(series.values[i]))
          found[series.start + static_cast<std::int64_t>(i) * series.step] = series.values[i];
    return found;
  }

  store::SimulatedDisk disk;
  store::StandingClock clock{from_unix_seconds(import_time)};
  store::TemporaryDirectory place;
  store::StoreOnTrial trial{disk, clock, std::filesystem::temp_directory_path(), with_tiers()};

 private:
  graphite::CarbonFilesPtr files_;
  std::optional<series::StoreSeriesSource> source_;
  std::mutex tiers_;
  http::Loop loop_;
  std::optional<ingest::ForeignRows> rows_;
  QueryPool pool_{1, 10};
  Router router_;
  std::unique_ptr<http::Server> server_;
};

using Values = std::map<std::int64_t, double>;
constexpr std::int64_t one_hour = 3600, one_day = 86'400;

}  // namespace dadvisor::aggregator::api
