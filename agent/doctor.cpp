// The verb `doctor`: looks at all that the agent stands on, and says what to mend.

#include "agent/agent.hpp"
#include "agent/doctor/figure_check.hpp"
#include "agent/doctor/finding.hpp"
#include "agent/doctor/host_checks.hpp"
#include "agent/doctor/peer_checks.hpp"
#include "common/http/client.hpp"

namespace dadvisor::agent {

using namespace std::chrono_literals;

namespace {

// One GET of one origin, answered on the loop.
class Question {
 public:
  Question(http::Loop& loop, http::Origin origin, std::string target,
           Credentials const& credentials, std::function<void(Result<http::Response>)> answered)
      : client_(loop, std::move(origin), options(credentials)) {
    http::ClientRequest request;
    request.target = std::move(target);
    if (!credentials.token.empty())
      request.headers.emplace_back("Authorization", "Bearer " + credentials.token);
    request.timeout = 5s;
    client_.request(std::move(request), std::move(answered));
  }

 private:
  static http::ClientOptions options(Credentials const& credentials) {
    http::ClientOptions made;
    made.tls = credentials.tls;
    return made;
  }
  http::Client client_;
};

}  // namespace

int print_doctor(Settings const& settings, Credentials const& credentials, http::Loop& loop,
                 Clock const& clock) {
  Log const quiet("agent", LogLevel::none);
  auto const hierarchies = Hierarchies::discover(sampler_options(settings).hierarchies);
  std::vector<Finding> docker, aggregator;
  int open = 0;
  auto const done = [&] {
    if (--open == 0) loop.stop();
  };

  std::optional<Question> of_docker;
  std::vector<std::unique_ptr<Question>> of_aggregators;
  Sampler sampler(sampler_options(settings), clock, quiet);
  Runtimes runtimes(settings, loop, clock, quiet, nullptr);
  if (!settings.docker_socket.empty() && !runtimes.resolver()) {
    ++open;
    of_docker.emplace(loop, http::Origin{{}, 0, settings.docker_socket}, "/version", Credentials(),
                      [&](Result<http::Response> const& reply) {
                        docker.push_back(check_docker(settings.docker_socket, reply));
                        done();
                      });
  }
  for (auto const& name : settings.aggregators) {
    auto const url = http::parse_url(name);
    if (!url) continue;
    auto prefix = url->target;
    while (!prefix.empty() && prefix.back() == '/') prefix.pop_back();
    ++open;
    of_aggregators.push_back(std::make_unique<Question>(
        loop, url->origin, prefix + "/api/v1/status?streams=0", credentials,
        [&, first = of_aggregators.empty()](Result<http::Response> const& reply) {
          aggregator.push_back(check_aggregator(name, !credentials.token.empty(), reply));
          if (auto const offset = clock_offset(reply, clock.wall()); offset && first)
            aggregator.push_back(check_offset(*offset));
          done();
        }));
  }

  Result<Batch> batch = Error{};
  ++open;
  RuntimesSettled const settled(loop, clock, runtimes, [&] {
    batch = sampler.sample(clock.wall(), runtimes.snapshot(), runtimes.state());
    done();
  });
  loop.run();

  std::optional<Question> of_mesos;
  std::optional<Finding> mesos;
  if (auto const url = http::parse_url(settings.mesos_agent); url && sampler.has_strangers()) {
    auto target = url->target;
    while (target.ends_with('/')) target.pop_back();
    of_mesos.emplace(loop, url->origin, target + "/state", Credentials(),
                     [&](Result<http::Response> const& reply) {
                       mesos = check_mesos(settings.mesos_agent, reply);
                       loop.stop();
                     });
    loop.run();
  }

  std::size_t const containers = batch && !batch->rows.empty() ? batch->rows.size() - 1 : 0;
  std::vector<Finding> findings{check_cgroups(hierarchies)};
  if (batch) findings.push_back(check_figures(*batch, sampler.stats().io_unaccounted));
  findings.push_back(check_pressure(settings.proc_root));
  findings.push_back(check_proc(settings.proc_root));
  findings.push_back(check_descriptors(containers));
  findings.push_back(check_inotify());
  auto const report = runtimes.report();
  auto const* resolver = runtimes.resolver();
  auto const asked = resolver ? Asked::by_resolver : Asked::by_agent;
  if (resolver && resolver->up() && report.docker.asked)
    docker.push_back(check_docker(settings.docker_socket, report.docker.trouble));
  findings.push_back(check_resolver(settings.resolver_socket, asked,
                                    resolver ? resolver->trouble() : std::nullopt));
  findings.insert(findings.end(), docker.begin(), docker.end());
  if (report.containerd.asked && (!resolver || resolver->up()))
    findings.push_back(
        check_containerd(settings.containerd_socket, report.containerd.trouble, report.namespaces,
                         !docker.empty() && docker[0].level == Finding::Level::good, asked));
  if (mesos) findings.push_back(*mesos);
  findings.insert(findings.end(), aggregator.begin(), aggregator.end());
  findings.push_back(check_clock());
  findings.push_back(check_spool(settings.data_dir, settings.spool_bytes));
  auto const text = settings.output == "json" ? render_json(findings) : render_table(findings);
  bool const written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return written && std::fflush(stdout) == 0 && !has_fault(findings) ? 0 : 1;
}

}  // namespace dadvisor::agent
