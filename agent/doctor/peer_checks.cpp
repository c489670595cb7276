#include "agent/doctor/peer_checks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json.hpp>
#include <chrono>

#include "common/core/log.hpp"

namespace dadvisor::agent {

using Level = Finding::Level;
using namespace std::chrono_literals;

namespace {

std::optional<boost::json::object> object_of(Result<http::Response> const& reply) {
  if (!reply || reply->status != 200) return std::nullopt;
  boost::system::error_code failure;
  auto const value = boost::json::parse(reply->body, failure);
  if (failure || !value.is_object()) return std::nullopt;
  return value.get_object();
}

std::string text_of(boost::json::object const& object, char const* key) {
  auto const* const value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : "?";
}

std::optional<double> number_of(boost::json::object const& object, char const* key) {
  auto const* const value = object.if_contains(key);
  if (!value || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

// Why Docker does not answer.
Finding without_docker(std::string const& socket, Error const& trouble, Asked asked) {
  Finding finding{Level::fault, "docker", {}, {}};
  bool const itself = asked == Asked::by_agent;
  if (trouble.code == Errc::denied) {
    finding.found = fmt::format("{}: {} may not open it: containers have no names", socket,
                                itself ? "this user" : "the resolver");
    finding.remedy =
        itself ? "systemctl start dadvisor-resolver.socket, or usermod -aG docker with the "
                 "agent's user; start it again"
               : "systemctl daemon-reload && systemctl restart dadvisor-resolver: it is put into "
                 "the group docker where there is one";
  } else if (trouble.code == Errc::timeout) {
    finding.found = fmt::format("{}: no answer: the daemon hangs", socket);
    finding.remedy = "systemctl restart docker; figures go on meanwhile";
  } else {
    finding.level = Level::note;
    finding.found =
        fmt::format("none answers at {}: containers are called by their cgroups", socket);
    finding.remedy = "start it, or name its socket by docker_socket (\"\": there is none here)";
  }
  return finding;
}

}  // namespace

Finding check_resolver(std::string const& socket, Asked asked,
                       std::optional<Error> const& trouble) {
  Finding finding{Level::good, "resolver", {}, {}};
  if (asked == Asked::by_agent) {
    finding.found = fmt::format("none at {}: Docker and containerd are asked by the agent itself",
                                socket.empty() ? "resolver_socket" : socket);
  } else if (!trouble) {
    finding.found = fmt::format("{} answers: it asks Docker and containerd", socket);
  } else if (trouble->code == Errc::denied) {
    finding.level = Level::fault;
    finding.found = fmt::format("{} does not let this user in: containers have no names", socket);
    finding.remedy = "run this as root or as the socket's owner (ls -l says who that is)";
  } else {
    finding.level = Level::fault;
    finding.found = fmt::format("{}: {}: containers have no names", socket, to_string(*trouble));
    finding.remedy =
        "systemctl restart dadvisor-resolver; journalctl -u dadvisor-resolver tells why";
  }
  return finding;
}

Finding check_docker(std::string const& socket, Result<http::Response> const& reply) {
  if (!reply) return without_docker(socket, reply.error(), Asked::by_agent);
  Finding finding{Level::good, "docker", {}, {}};
  if (auto const version = object_of(reply)) {
    finding.found = fmt::format("{} answers at {} (API {})", text_of(*version, "Version"), socket,
                                text_of(*version, "ApiVersion"));
    return finding;
  }
  finding.level = Level::fault;
  finding.found = fmt::format("{} answers {}", socket, reply->status);
  finding.remedy = "is it a Docker daemon's socket? name it by docker_socket";
  return finding;
}

Finding check_docker(std::string const& socket, std::optional<Error> const& trouble) {
  if (trouble) return without_docker(socket, *trouble, Asked::by_resolver);
  return {Level::good, "docker", fmt::format("the daemon at {} answers the resolver", socket), {}};
}

Finding check_containerd(std::string const& socket, std::optional<Error> const& trouble,
                         std::vector<std::string> const& namespaces, bool docker, Asked asked) {
  Finding finding{Level::good, "containerd", {}, {}};
  if (!trouble) {
    finding.found = namespaces.empty()
                        ? fmt::format("{} answers: it has nothing but Docker's own", socket)
                        : fmt::format("{} answers: containers in {}", socket,
                                      printable(fmt::format("{}", fmt::join(namespaces, ", "))));
    return finding;
  }
  finding.level = docker ? Level::note : Level::fault;
  if (trouble->code == Errc::denied) {
    bool const itself = asked == Asked::by_agent;
    finding.found =
        fmt::format("{}: {} may not open it: containers that are not Docker's have no names",
                    socket, itself ? "this user" : "the resolver");
    finding.remedy = fmt::format(
        "under [grpc] in /etc/containerd/config.toml set gid to that of the group {}, restart "
        "containerd (or containerd_socket: \"\")",
        itself ? "of the agent" : "dadvisor-resolver");
  } else if (trouble->code == Errc::timeout) {
    finding.found = fmt::format("{}: no answer: containerd hangs", socket);
    finding.remedy = "systemctl restart containerd; figures go on meanwhile";
  } else if (trouble->code == Errc::unavailable) {
    finding.level = Level::good;
    finding.found = fmt::format("none answers at {}: none is needed", socket);
    if (!docker) {
      finding.level = Level::note;
      finding.found = fmt::format("none answers at {}", socket);
      finding.remedy = "start it, or name its socket by containerd_socket (\"\": there is none)";
    }
  } else {
    finding.found = fmt::format("{}: {}", socket, to_string(*trouble));
    finding.remedy = "is it containerd's socket? name it by containerd_socket";
  }
  return finding;
}

Finding check_mesos(std::string const& url, Result<http::Response> const& reply) {
  Finding finding{Level::good, "mesos", {}, {}};
  auto const state = object_of(reply);
  if (state && state->contains("frameworks")) {
    finding.found = fmt::format("{} of version {} answers", url, text_of(*state, "version"));
    return finding;
  }
  finding.level = Level::fault;
  if (!reply) {
    finding.found =
        fmt::format("{}: {}: its containers have no names", url, to_string(reply.error()));
    finding.remedy = "name the agent's own address by mesos_agent: http://HOST:5051 (--ip, --port)";
  } else if (reply->status == 401 || reply->status == 403) {
    finding.found =
        fmt::format("{} lets nobody read /state without credentials ({})", url, reply->status);
    finding.remedy =
        "start the Mesos agent with --no-authenticate_http_readonly, or allow /state to all";
  } else {
    finding.found = fmt::format("{} answers {}, which no Mesos agent does", url, reply->status);
    finding.remedy = "name the Mesos agent's URL by mesos_agent: http://HOST:5051";
  }
  return finding;
}

Finding check_aggregator(std::string const& url, bool with_token,
                         Result<http::Response> const& reply) {
  Finding finding{Level::good, "aggregator", {}, {}};
  if (auto const status = object_of(reply)) {
    finding.found = fmt::format("{} of version {} answers", url, text_of(*status, "version"));
    return finding;
  }
  finding.level = Level::fault;
  if (!reply) {
    finding.found = fmt::format("{}: {}", url, to_string(reply.error()));
    finding.remedy =
        "is it running, does it listen on that address, is there a firewall between? "
        "Batches wait in the spool";
  } else if (reply->status == 401 || reply->status == 403) {
    finding.found = fmt::format("{} refuses this agent's token ({})", url, reply->status);
    finding.remedy = with_token ? "token_file must hold the line that the aggregator's does"
                                : "copy the aggregator's token here and name it by token_file";
  } else {
    finding.found = fmt::format("{} answers {}, which no aggregator does", url, reply->status);
    finding.remedy = "name the aggregator's URL by aggregator: http://HOST:8686";
  }
  return finding;
}

std::optional<Nanoseconds> clock_offset(Result<http::Response> const& reply, WallTime now) {
  auto const status = object_of(reply);
  if (!status) return std::nullopt;
  auto const started = number_of(*status, "started");
  auto const uptime = number_of(*status, "uptime_seconds");
  if (!started || !uptime) return std::nullopt;
  auto const theirs = std::chrono::duration<double>(*started + *uptime);
  return std::chrono::duration_cast<Nanoseconds>(
      std::chrono::duration<double>(now.time_since_epoch()) - theirs);
}

Finding check_offset(Nanoseconds offset) {
  auto const seconds = std::chrono::duration<double>(offset).count();
  Finding finding{Level::good,
                  "offset",
                  fmt::format("this clock is {:.0f} s {} the aggregator's", std::abs(seconds),
                              seconds < 0 ? "behind" : "before"),
                  {}};
  // The aggregator's own bounds: ingest's warning and its quarantine.
  if (std::chrono::abs(offset) < 5s) return finding;
  finding.level = std::chrono::abs(offset) < 10min ? Level::note : Level::fault;
  finding.remedy = "set this host's clock (chronyc makestep), or the aggregator's";
  return finding;
}

}  // namespace dadvisor::agent
