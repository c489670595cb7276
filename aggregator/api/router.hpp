#pragma once
// Which handler answers which path. Made once, then const: any thread.

#include <map>
#include <string>

#include "common/http/server.hpp"

namespace dadvisor::aggregator::api {

class Router {
 public:
  // `methods`: the methods that the path takes, "GET POST". HEAD goes wherever GET goes. A path
  // ending in "/*" takes everything below it.
  void add(std::string path, std::string methods, http::Handler handler);

  // Answers 404 for an unknown path and 405, with Allow, for a method that the path does not take.
  // A trailing slash makes no difference: carbonapi writes /render/, Grafana /render.
  void operator()(http::Request request, http::Responder respond) const;

 private:
  struct Route {
    std::string methods;
    http::Handler handler;
  };
  Route const* find(std::string const& path) const;

  std::map<std::string, Route> routes_;
};

}  // namespace dadvisor::aggregator::api
