#pragma once
// The programs that the agent speaks with: what their answers mean. Pure.

#include <optional>
#include <string>
#include <vector>

#include "agent/doctor/finding.hpp"
#include "common/core/clock.hpp"
#include "common/core/result.hpp"
#include "common/http/message.hpp"

namespace dadvisor::agent {

// Who asks the runtimes: this user itself, or the resolver for it.
enum class Asked { by_agent, by_resolver };

// Which of the two it is. `trouble`: of the resolver, while it does not answer.
Finding check_resolver(std::string const& socket, Asked asked, std::optional<Error> const& trouble);

// Of GET /version over the daemon's socket.
Finding check_docker(std::string const& socket, Result<http::Response> const& reply);
// What the resolver's watcher of it came to.
Finding check_docker(std::string const& socket, std::optional<Error> const& trouble);

// What a watcher of containerd came to: `trouble` while it does not answer, and the namespaces that
// are not Docker's own. `docker`: whether Docker answers, so that this one need not.
Finding check_containerd(std::string const& socket, std::optional<Error> const& trouble,
                         std::vector<std::string> const& namespaces, bool docker,
                         Asked asked = Asked::by_agent);

// Of GET /state of a Mesos agent, where there are containers of it.
Finding check_mesos(std::string const& url, Result<http::Response> const& reply);

// Of GET /api/v1/status, asked with the token if there is one.
Finding check_aggregator(std::string const& url, bool with_token,
                         Result<http::Response> const& reply);
// This host's clock less the aggregator's, to a second, where it is `now` at that answer; nullopt:
// it does not tell.
std::optional<Nanoseconds> clock_offset(Result<http::Response> const& reply, WallTime now);
Finding check_offset(Nanoseconds offset);

}  // namespace dadvisor::agent
