// Loads the benchmarks' workload into a server on 127.0.0.1, over one connection and as fast as it
// takes it; into dAdvisor over one connection an agent, tick by tick. What other servers get is
// made in memory first, so that its making is no part of what is measured.
//
//   peer_load --into dadvisor|remote_write|graphite|influx --port P --begin EPOCH [...] (--help)
//
// Prints pairs key=value: samples, bytes, seconds (of sending, to the last acknowledgement), cpu
// (this process's in that time), failed. Plaintext has no acknowledgement: there it is the server's
// closing of the connection after our end. Exit status: 0 all was taken, 1 not, 2 usage.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <random>

#include "common/core/fd.hpp"
#include "tests/bench/peer_formats.hpp"
#include "tests/bench/server_process.hpp"
#include "tests/bench/simulated_agent.hpp"

namespace {

using namespace dadvisor;
using namespace dadvisor::bench;

constexpr std::size_t request_rows = 80;          // of 40 figures: 3,200 samples
constexpr std::size_t influx_rows = 400;          // 5,000 points a request are advised at most
constexpr std::size_t plaintext_bytes = 1 << 20;  // of a write

struct Options {
  std::string into, path;
  std::uint16_t port = 0;
  std::int64_t begin = 0;
  unsigned ticks = 180, skip = 0;
  WorkloadOptions workload;
  pid_t kill = 0;
};

struct Outcome {
  std::uint64_t samples = 0, bytes = 0, failed = 0;
};

http::Origin origin_of(Options const& options) { return {"127.0.0.1", options.port, {}}; }

std::vector<HostWorkload> hosts_of(Options const& options) {
  std::vector<HostWorkload> hosts;
  for (unsigned i = 0; i < options.workload.hosts; ++i) hosts.emplace_back(options.workload, i);
  for (auto& host : hosts)
    for (unsigned tick = 0; tick < options.skip; ++tick) host.next();
  return hosts;
}

// The bodies of all requests, a tick's before the next one's.
std::vector<std::string> make_bodies(Options const& options, std::size_t rows, Outcome& outcome) {
  auto hosts = hosts_of(options);
  std::vector<std::string> bodies;
  std::vector<std::shared_ptr<Batch>> waiting;
  std::size_t waiting_rows = 0;
  auto const flush = [&] {
    if (waiting.empty()) return;
    if (options.into == "remote_write") {
      bodies.push_back(remote_write_body(waiting));
    } else {
      auto& body = bodies.emplace_back();
      for (auto const& batch : waiting) {
        if (options.into == "influx")
          add_influx_lines(*batch, body);
        else
          add_graphite_lines(*batch, body);
      }
    }
    outcome.bytes += bodies.back().size();
    waiting.clear();
    waiting_rows = 0;
  };
  for (unsigned tick = 0; tick < options.ticks; ++tick) {
    for (auto& host : hosts) {
      waiting.push_back(host.next());
      waiting_rows += waiting.back()->rows.size();
      outcome.samples += samples_of(*waiting.back());
      if (waiting_rows >= rows) flush();
    }
    flush();
  }
  return bodies;
}

// One request after the other over one connection.
void post_all(Options const& options, std::vector<std::string> bodies, Outcome& outcome) {
  http::Loop loop;
  http::ClientOptions one;
  one.max_connections = 1;
  http::Client client(loop, origin_of(options), one);
  std::size_t next = 0;
  std::function<void()> const post = [&] {
    if (next == bodies.size()) return loop.stop();
    http::ClientRequest request;
    request.method = "POST";
    request.target = options.path;
    if (options.into == "remote_write")
      request.headers = {{"Content-Type", "application/x-protobuf"},
                         {"Content-Encoding", "snappy"},
                         {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
    request.body = bodies[next];
    request.timeout = std::chrono::seconds(60);
    client.request(std::move(request), [&](Result<http::Response> response) {
      // Not sent again on a connection that was closed: VictoriaMetrics does after two minutes.
      bool const closed = !response && response.error().code != Errc::timeout;
      if (closed && outcome.failed < 100) {
        ++outcome.failed;
        return post();
      }
      if (!response || response->status / 100 != 2) {
        if (++outcome.failed == 1)
          fmt::print(stderr, "peer_load: {}\n",
                     response ? fmt::format("{}: {}", response->status, response->body)
                              : to_string(response.error()));
        return loop.stop();
      }
      ++next;
      post();
    });
  };
  loop.post(post);
  loop.run();
  if (next < bodies.size()) throw std::runtime_error("the server did not take all");
}

void write_all_lines(Options const& options, std::vector<std::string> const& bodies) {
  Fd const socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(options.port);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::system_error(errno, std::generic_category(), "connect");
  std::string block;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    block += bodies[i];
    if (block.size() < plaintext_bytes && i + 1 < bodies.size()) continue;
    if (auto const written = write_all(socket, block); !written)
      throw std::runtime_error(to_string(written.error()));
    block.clear();
  }
  ::shutdown(socket.get(), SHUT_WR);
  char rest[256];
  while (::read(socket.get(), rest, sizeof rest) > 0) {
  }
}

// All agents' next tick when all have acknowledged the one before.
class Agents {
 public:
  explicit Agents(Options const& options) : options_(options), link_(loop_) {
    link_.instance = std::random_device{}();
    link_.acknowledged = [this] {
      if (!posted_) loop_.post([this] { go_on(); });
      posted_ = true;
    };
    http::ClientOptions client;
    client.max_connections = options.workload.hosts;
    link_.client = std::make_unique<http::Client>(loop_, origin_of(options), client);
    for (unsigned i = 0; i < options.workload.hosts; ++i)
      agents_.push_back(std::make_unique<SimulatedAgent>(link_, options.workload, i));
    for (auto& agent : agents_) agent->skip(options.skip);
  }
  ~Agents() { agents_.clear(); }

  void run(Outcome& outcome) {
    loop_.post([this] { go_on(); });
    loop_.run();
    outcome.samples = link_.acked_samples;
    outcome.bytes = link_.frame_bytes;
    outcome.failed = link_.failed + link_.refused;
  }

 private:
  void go_on() {
    posted_ = false;
    auto const waits = [](auto const& agent) { return agent->waiting() > 0; };
    if (std::ranges::any_of(agents_, waits)) return;
    if (tick_++ == options_.ticks) return loop_.stop();
    for (auto const& agent : agents_) agent->produce();
  }

  Options const& options_;
  http::Loop loop_;
  FleetLink link_;
  std::vector<std::unique_ptr<SimulatedAgent>> agents_;
  unsigned tick_ = 0;
  bool posted_ = true;
};

int load(Options const& options) {
  Outcome outcome;
  std::vector<std::string> bodies;
  std::unique_ptr<Agents> agents;
  if (options.into == "dadvisor")
    agents = std::make_unique<Agents>(options);
  else
    bodies = make_bodies(options, options.into == "influx" ? influx_rows : request_rows, outcome);
  auto const began = std::chrono::steady_clock::now();
  auto const cpu = own_cpu_seconds();
  if (agents)
    agents->run(outcome);
  else if (options.into == "graphite")
    write_all_lines(options, bodies);
  else
    post_all(options, std::move(bodies), outcome);
  if (options.kill != 0) ::kill(options.kill, SIGKILL);
  auto const seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  fmt::print("samples={} bytes={} seconds={:.3f} cpu={:.3f} failed={}\n", outcome.samples,
             outcome.bytes, seconds, own_cpu_seconds() - cpu, outcome.failed);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Loads the benchmarks' workload into a server.", "peer_load");
  app.add_option("--into", options.into)
      ->required()
      ->check(CLI::IsMember({"dadvisor", "remote_write", "graphite", "influx"}));
  app.add_option("--port", options.port, "of 127.0.0.1")->required();
  app.add_option("--path", options.path, "to post to");
  app.add_option("--begin", options.begin, "the first tick of all, seconds since 1970")->required();
  app.add_option("--hosts", options.workload.hosts);
  app.add_option("--containers", options.workload.containers, "of each host");
  app.add_option("--ticks", options.ticks, "of 10 s");
  app.add_option("--skip", options.skip, "ticks that were loaded before");
  std::string recording;
  app.add_option("--recording", recording, "a file of rows instead of the model's");
  app.add_option("--kill", options.kill, "a process that gets SIGKILL after the last of it");
  CLI11_PARSE(app, argc, argv);
  options.workload.begin = from_unix_seconds(options.begin);
  if (!recording.empty()) {
    auto loaded = Recording::load(recording);
    if (!loaded) {
      fmt::print(stderr, "peer_load: {}\n", to_string(loaded.error()));
      return 2;
    }
    options.workload.recording = std::make_shared<Recording const>(std::move(*loaded));
  }
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  try {
    return load(options);
  } catch (std::exception const& error) {
    fmt::print(stderr, "peer_load: {}\n", error.what());
    return 1;
  }
}
