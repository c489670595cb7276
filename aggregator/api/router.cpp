#include "aggregator/api/router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "common/core/log.hpp"

namespace dadvisor::aggregator::api {

namespace {

bool takes(std::string_view methods, std::string_view method) {
  if (method == "HEAD") method = "GET";
  while (!methods.empty()) {
    auto const end = std::min(methods.find(' '), methods.size());
    if (methods.substr(0, end) == method) return true;
    methods.remove_prefix(std::min(end + 1, methods.size()));
  }
  return false;
}

}  // namespace

void Router::add(std::string path, std::string methods, http::Handler handler) {
  routes_[std::move(path)] = Route{std::move(methods), std::move(handler)};
}

Router::Route const* Router::find(std::string const& path) const {
  if (auto const found = routes_.find(path); found != routes_.end()) return &found->second;
  for (auto slash = path.rfind('/'); slash != std::string::npos && slash > 0;
       slash = path.rfind('/', slash - 1))
    if (auto const found = routes_.find(path.substr(0, slash) + "/*"); found != routes_.end())
      return &found->second;
  return nullptr;
}

void Router::operator()(http::Request request, http::Responder respond) const {
  while (request.path.size() > 1 && request.path.ends_with('/')) request.path.pop_back();
  auto const* route = find(request.path);
  if (route == nullptr) {
    respond(
        http::text_response(404, fmt::format("no such path: {}\n", printable(request.path, 200))));
  } else if (!takes(route->methods, request.method)) {
    auto response =
        http::text_response(405, fmt::format("{} takes {} only\n", request.path, route->methods));
    std::string allow = route->methods;
    for (auto at = allow.find(' '); at != std::string::npos; at = allow.find(' ', at + 2))
      allow.replace(at, 1, ", ");
    response.headers.emplace_back("Allow", allow);
    respond(std::move(response));
  } else {
    route->handler(std::move(request), std::move(respond));
  }
}

}  // namespace dadvisor::aggregator::api
