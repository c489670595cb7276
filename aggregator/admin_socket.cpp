#include "aggregator/admin_socket.hpp"

#include <filesystem>

#include "aggregator/api/rename_route.hpp"
#include "aggregator/start_failure.hpp"

namespace dadvisor::aggregator {

AdminSocket::AdminSocket(Settings const& settings, config::OptionTable const& table, Behind behind)
    : behind_(std::move(behind)) {
  auto const hold_tiers = [&pipeline = behind_.pipeline] { return pipeline.hold_tiers(); };
  api::AdminSeams const admin{behind_.store, behind_.source, behind_.clock,
                              changes_,      behind_.log,    hold_tiers};
  api::ImportSeams const import{
      behind_.store,
      behind_.clock,
      changes_,
      hold_tiers,
      [this]() -> ingest::ForeignRows& { return rows(); },
      [&loop = behind_.loop](auto function) { loop.post(std::move(function)); },
      [&files = behind_.carbon_directory] { return files.files(); },
      settings.prefix,
      behind_.log};
  api::add_admin_routes(router_, admin);
  api::add_import_route(router_, import);
  api::add_rename_route(router_, admin, import);
  listen(settings, table);
}

ingest::ForeignRows& AdminSocket::rows() {
  if (behind_.points != nullptr) return behind_.points->rows();
  if (!imported_) imported_ = open_foreign_rows(behind_.loop, behind_.store, behind_.log);
  return *imported_;
}

void AdminSocket::listen(Settings const& settings, config::OptionTable const& table) {
  if (settings.admin_socket.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(settings.admin_socket).parent_path(),
                                      ignored);
  http::ServerOptions options;
  options.socket_path = settings.admin_socket;
  options.socket_mode = 0600;
  options.body_limit = 16 << 20;  // a day's points of an import
  auto listening = http::Server::listen(
      behind_.loop, options,
      [this](http::Request request, http::Responder respond) {
        router_(std::move(request), std::move(respond));
      },
      behind_.log);
  if (listening) {
    server_ = std::move(*listening);
    return;
  }
  if (table.given("admin_socket"))
    fail(table.where("admin_socket") + ": " + to_string(listening.error()));
  behind_.log.warning("no admin socket: {}; name a place for it by admin_socket",
                      to_string(listening.error()));
}

void AdminSocket::close() {
  server_.reset();
  if (imported_) imported_->flush(true);
}

}  // namespace dadvisor::aggregator
