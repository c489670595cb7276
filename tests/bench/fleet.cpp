// A fleet of simulated agents against a real aggregator on loopback: what a sample costs the
// server in CPU, memory and disk, and how long agents wait. The fleet's own CPU is told apart.
//
//   fleet [--hosts H] [--containers C] [--ticks N] [--speed X] [--churn PERCENT] ... (--help)
//
// Starts the aggregator in a directory of its own. At --speed X both live X times as fast: the
// aggregator by fast_clock.so, so that its spills, closing windows and tiers come when they would.
// At --speed 0 ticks of the past come back to back, each when the one before is acknowledged.
// Memory after two hours, KiB of resident memory per series while ticks come and after a quiet
// time, with the CPU-seconds: --hosts 200 --containers 50 --ticks 740 --speed 30 --report 10.
// Exit status: 0 all acknowledged, 1 not, 2 usage.

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>
#include <thread>

#include "agent/send/sender.hpp"
#include "tests/bench/modelled_host.hpp"
#include "tests/bench/server_process.hpp"
#include "tests/bench/simulated_agent.hpp"

namespace {

using namespace dadvisor;
using namespace dadvisor::bench;
using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

constexpr Nanoseconds step = 10s;

struct Options {
  unsigned hosts = 50, containers = 20, ticks = 180, connections = 2000;
  double speed = 60;
  double churn = 0;        // percent of the containers an hour
  unsigned storm = 0;      // the tick at which all connections are cut; 0: never
  double outage = 300;     // seconds of simulated time
  double settle = 120;     // seconds to wait for quiet at most
  double report = 0;       // minutes of simulated time between lines
  std::string aggregator;  // the program
  std::string clock;       // fast_clock.so
  std::vector<std::string> server_options;
  std::string directory;  // kept when given
  bool hold = false;      // leave the server running at the end until stdin closes
};

std::string kind_of(std::string const& path) {
  for (char const* kind : {"store/log", "store/spill", "store/segment", "store/tier/1m-instances",
                           "store/tier/1m", "store/tier/10m", "store/catalogue"})
    if (path.starts_with(kind)) return kind + 6;
  return "other";
}

// Resident memory at ticks, KiB.
struct Memory {
  double sum = 0, most = 0;
  int count = 0;

  void add(double kib) {
    sum += kib;
    most = std::max(most, kib);
    ++count;
  }
  double mean() const { return sum / std::max(count, 1); }
};

class Fleet {
 public:
  explicit Fleet(Options options) : options_(std::move(options)), link_(loop_) {
    directory_ = options_.directory;
    if (directory_.empty()) {
      auto name = (std::filesystem::temp_directory_path() / "fleet-XXXXXX").string();
      directory_ = ::mkdtemp(name.data());
    }
    std::filesystem::create_directories(directory_ + "/rules.d");
  }
  ~Fleet() {
    agents_.clear();
    link_.client.reset();
    server_.reset();
    if (options_.directory.empty()) std::filesystem::remove_all(directory_);
  }

  bool run() {
    start_server();
    WorkloadOptions workload;
    workload.hosts = options_.hosts;
    workload.containers = options_.containers;
    workload.churn = options_.churn / 100;
    workload.step = step;
    workload.begin = paced() ? tick_of(simulated_now(), step) + step
                             : tick_of(simulated_now(), step) - (options_.ticks + 1) * step;
    begin_ = workload.begin;
    link_.instance = std::random_device{}();
    if (paced()) link_.speed = options_.speed;
    link_.acknowledged = [this] { on_acknowledged(); };
    connect();
    for (unsigned i = 0; i < options_.hosts; ++i)
      agents_.push_back({std::make_unique<SimulatedAgent>(link_, workload, i),
                         agent::send_offset(host_name(i), step), false});
    std::ranges::sort(agents_, {}, &Member::offset);
    for (auto const& member : agents_) member.agent->start();
    before_ = server_->usage();
    own_before_ = own_cpu_seconds();
    started_ = now();
    if (options_.report > 0)
      fmt::print(
          "| minute | M samples acked | server CPU-s | fleet CPU-s | RSS KiB/series: now | mean | "
          "most | most ticks behind |\n|---|---|---|---|---|---|---|---|\n");
    walk();
    loop_.run();
    return report();
  }

 private:
  struct Member {
    std::unique_ptr<SimulatedAgent> agent;
    Nanoseconds offset;        // when after its tick it sends
    bool fresh_again = false;  // behind the outage
  };

  static MonotonicTime now() { return std::chrono::steady_clock::now(); }
  bool paced() const { return options_.speed > 0; }
  WallTime simulated_now() const {
    auto const passed = Seconds(now() - origin_) * (paced() ? options_.speed : 1);
    return wall_origin_ + std::chrono::duration_cast<Nanoseconds>(passed);
  }
  Nanoseconds real(Nanoseconds simulated) const {
    return std::chrono::duration_cast<Nanoseconds>(simulated / (paced() ? options_.speed : 1));
  }

  void start_server() {
    port_ = free_port();
    std::vector<std::string> command{
        options_.aggregator,    "--listen",           fmt::format("127.0.0.1:{}", port_),
        "--data-dir",           directory_ + "/data", "--rules-dir",
        directory_ + "/rules.d"};
    std::vector<std::string> environment;
    if (paced() && options_.speed != 1) {
      // Only the wall clock: waits go by the monotonic one.
      environment = {"LD_PRELOAD=" + options_.clock,
                     fmt::format("DADVISOR_CLOCK_SPEED={}", options_.speed)};
      auto const span = std::max(10.0, 600 / options_.speed);  // its timer is of the other clock
      command.push_back(fmt::format("--head-span={}s", std::lround(span)));
    }
    for (auto const& option : options_.server_options) command.push_back(option);
    wall_origin_ = SystemClock().wall();
    origin_ = now();
    server_ = std::make_unique<ServerProcess>(command, environment, directory_ + "/server.log");
    for (int tries = 0; !answers(); ++tries) {
      if (tries == 200)
        throw std::runtime_error("the aggregator does not answer, see " + directory_ +
                                 "/server.log");
      std::this_thread::sleep_for(50ms);
    }
  }

  void connect() {
    http::ClientOptions client;
    client.max_connections = std::min(options_.connections, options_.hosts);
    client.idle_timeout = 45s;
    link_.client =
        std::make_unique<http::Client>(loop_, http::Origin{"127.0.0.1", port_, {}}, client);
  }

  // A page of the server's; empty when it does not answer.
  std::string get(std::string const& target) const {
    http::Loop loop;
    http::Client client(loop, http::Origin{"127.0.0.1", port_, {}});
    std::string body;
    http::ClientRequest request;
    request.target = target;
    client.request(std::move(request), [&](Result<http::Response> response) {
      if (response && response->status == 200) body = response->body;
      loop.stop();
    });
    loop.run();
    return body;
  }
  bool answers() const {
    server_->usage();  // throws where it has ended
    return !get("/healthz").empty();
  }
  double own_metric(std::string const& name) const {
    auto const page = get("/metrics");
    auto const at = page.find("\n" + name + " ");
    return at == page.npos ? 0 : std::stod(page.substr(at + name.size() + 2));
  }

  // Gives agents their ticks, in the order of their offsets within each, when they are due.
  void walk() {
    while (tick_ < options_.ticks) {
      auto& member = agents_[next_];
      if (paced()) {
        auto const due = begin_ + tick_ * step + member.offset;
        if (auto const early = due - simulated_now(); early > Nanoseconds::zero()) {
          timer_ = loop_.after(real(early), [this] { walk(); });
          return;
        }
      }
      if (next_ == 0) begin_tick();
      most_behind_ = std::max(most_behind_, member.agent->waiting());
      behind_now_ = std::max(behind_now_, member.agent->waiting());
      member.agent->produce();
      if (++next_ < agents_.size()) continue;
      next_ = 0;
      ++tick_;
      if (!paced()) return;  // goes on when all is acknowledged
      // Lets answers in also where the fleet itself is behind.
      loop_.post([this] { walk(); });
      return;
    }
    finish_if_done();
  }

  void begin_tick() {
    if (options_.storm > 0 && tick_ == options_.storm) {
      link_.client.reset();
      for (auto const& member : agents_) member.agent->cut();
      auto const outage = std::chrono::duration_cast<Nanoseconds>(Seconds(options_.outage));
      outage_ = loop_.after(real(outage), [this] {
        connect();
        back_ = simulated_now();
        fmt::print("link back at minute {:.1f}\n", Seconds(back_ - begin_).count() / 60);
      });
    }
    auto const minutes = Seconds(tick_ * step).count() / 60;
    // What it takes while it works. The beginning, when all is new and nothing was spilled, is left
    // out; VmHWM is not enough, for it keeps the one moment of a start.
    auto const rss = server_->usage().rss_kib;
    of_line_.add(rss);
    if (tick_ >= options_.ticks / 2) of_half_.add(rss);
    if (options_.report > 0 && tick_ > 0 && minutes >= reported_ + options_.report) {
      print_line(minutes);
    }
  }

  void print_line(double minutes) {
    auto const used = server_->usage();
    fmt::print("| {:5.0f} | {:8.2f} | {:7.2f} | {:7.2f} | {:.3f} | {:.3f} | {:.3f} | {} |\n",
               minutes, static_cast<double>(link_.acked_samples) / 1e6,
               used.cpu_seconds - before_.cpu_seconds, own_cpu_seconds() - own_before_,
               used.rss_kib / series(), of_line_.mean() / series(), of_line_.most / series(),
               behind_now_);
    std::fflush(stdout);
    reported_ = minutes;
    of_line_ = {};
    behind_now_ = 0;
  }

  void on_acknowledged() {
    if (back_ != WallTime{} && fresh_again_.size() < agents_.size()) see_fresh();
    if (tick_ < options_.ticks) {
      if (paced() || next_ != 0 || waiting() > 0) return;
      if (!walk_posted_)
        loop_.post([this] {
          walk_posted_ = false;
          walk();
        });
      walk_posted_ = true;
      return;
    }
    finish_if_done();
  }

  // Which agents' ticks from behind the outage have been taken by now; looks ten times a second.
  void see_fresh() {
    if (now() < see_fresh_at_) return;
    see_fresh_at_ = now() + 100ms;
    for (auto& member : agents_)
      if (!member.fresh_again && member.agent->newest_acked() >= back_) {
        member.fresh_again = true;
        fresh_again_.push_back(simulated_now() - back_);
      }
  }

  void finish_if_done() {
    if (waiting() == 0) loop_.stop();
  }
  bool waiting() const {
    return std::ranges::any_of(agents_,
                               [](Member const& member) { return member.agent->waiting() > 0; });
  }

  double series() const {
    return static_cast<double>(options_.hosts) *
           static_cast<double>(host_metrics().size() +
                               options_.containers * container_metrics().size());
  }

  // Until all rows are in files, and then until nothing works any more.
  void settle() {
    auto const end = now() + std::chrono::duration_cast<Nanoseconds>(Seconds(options_.settle));
    while (now() < end && own_metric("dadvisor_store_head_rows") > 0)
      std::this_thread::sleep_for(500ms);
    for (;;) {
      auto const before = server_->usage().cpu_seconds;
      std::this_thread::sleep_for(1s);
      idle_share_ = server_->usage().cpu_seconds - before;
      if (idle_share_ < 0.05 || now() >= end) return;
    }
  }

  void print_fresh_again() const {
    fmt::print("after the outage fresh ticks were taken of");
    for (double const part : {0.5, 0.9, 0.99, 1.0}) {
      auto const count = static_cast<std::size_t>(std::ceil(part * double(agents_.size())));
      if (count > fresh_again_.size()) break;
      fmt::print(" {} agents in {:.1f} s,", count, Seconds(fresh_again_[count - 1]).count());
    }
    fmt::print(" of {} never\n", agents_.size() - fresh_again_.size());
  }

  bool report() {
    auto const wall = Seconds(now() - started_).count();
    auto const own = own_cpu_seconds() - own_before_;
    auto const acked = server_->usage();
    double const samples = static_cast<double>(link_.acked_samples);
    auto const cost = [&](Usage const& used) {
      return (used.cpu_seconds - before_.cpu_seconds) / samples * 1e6;
    };
    fmt::print(
        "\n{} hosts x {} containers, {:.0f} series, {} ticks, speed {}: {:.2f} M samples "
        "acknowledged of {:.2f} M in {:.1f} s\n",
        options_.hosts, options_.containers, series(), options_.ticks, options_.speed,
        samples / 1e6, static_cast<double>(link_.made_samples) / 1e6, wall);
    fmt::print(
        "on the wire: {:.3f} B a sample, {} frames ({} key), {} requests ({} failed, {} "
        "refused), {} hellos\n",
        static_cast<double>(link_.frame_bytes) / samples, link_.frames, link_.key_frames,
        link_.requests, link_.failed, link_.refused, link_.hellos);
    if (!link_.first_failure.empty()) fmt::print("first failure: {}\n", link_.first_failure);
    auto& ms = link_.answer_ms;
    std::ranges::sort(ms);
    auto const part = [&](double p) {
      return ms.empty() ? 0 : ms[static_cast<std::size_t>(p * static_cast<double>(ms.size() - 1))];
    };
    fmt::print(
        "answers: p50 {:.1f} ms, p90 {:.1f}, p99 {:.1f}, most {:.1f}; at most {} ticks "
        "behind\n",
        part(0.5), part(0.9), part(0.99), part(1), most_behind_);
    if (back_ != WallTime{})
      print_fresh_again();
    fmt::print("fleet: {:.3f} CPU-s per M samples\n", own / samples * 1e6);
    fmt::print(
        "server at acknowledgement: {:.3f} CPU-s per M samples = {:.2f} M per CPU-s, RSS "
        "{:.1f} MiB = {:.3f} KiB per series, peak {:.3f}\n",
        cost(acked), 1 / cost(acked), acked.rss_kib / 1024, acked.rss_kib / series(),
        acked.peak_kib / series());
    if (of_half_.count > 0)
      fmt::print("at its ticks: mean {:.3f} KiB per series, most {:.3f}\n",
                 of_half_.mean() / series(), of_half_.most / series());
    std::fflush(stdout);
    agents_.clear();
    link_.client.reset();
    settle();
    auto const settled = server_->usage();
    fmt::print(
        "server settled (after {:.0f} s, idle {:.1f} %): {:.3f} CPU-s per M samples = {:.2f} "
        "M per CPU-s, RSS {:.1f} MiB = {:.3f} KiB per series, peak {:.3f}\n",
        Seconds(now() - started_).count() - wall, idle_share_ * 100, cost(settled),
        1 / cost(settled), settled.rss_kib / 1024, settled.rss_kib / series(),
        settled.peak_kib / series());
    std::uint64_t sum = 0;
    fmt::print("disk, B a sample:");
    for (auto const& [kind, bytes] : bytes_by_kind(directory_ + "/data", kind_of)) {
      fmt::print(" {} {:.3f},", kind, static_cast<double>(bytes) / samples);
      sum += bytes;
    }
    fmt::print(" all {:.3f}\n", static_cast<double>(sum) / samples);
    if (options_.hold) {
      fmt::print("the server goes on, pid {}, http://127.0.0.1:{}; ends with stdin\n",
                 server_->pid(), port_);
      std::fflush(stdout);
      while (std::getchar() != EOF) continue;
    }
    return link_.acked_samples == link_.made_samples && link_.refused == 0;
  }

  Options options_;
  std::string directory_;
  http::Loop loop_;
  FleetLink link_;
  std::unique_ptr<ServerProcess> server_;
  std::uint16_t port_ = 0;
  std::vector<Member> agents_;
  MonotonicTime origin_{}, started_{};
  WallTime wall_origin_{}, begin_{}, back_{};
  MonotonicTime see_fresh_at_{};
  std::vector<Nanoseconds> fresh_again_;  // when an agent's was taken, of the simulated time
  unsigned tick_ = 0;
  std::size_t next_ = 0;  // agent
  bool walk_posted_ = false;
  std::size_t most_behind_ = 0, behind_now_ = 0;
  Usage before_;
  double own_before_ = 0, idle_share_ = 0, reported_ = 0;
  Memory of_line_, of_half_;  // since the last line; of the second half
  http::Timer timer_, outage_;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.aggregator =
      std::filesystem::canonical("/proc/self/exe").parent_path() / "dadvisor-aggregator";
  options.clock =
      (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "fast_clock.so").string();
  CLI::App app("A fleet of simulated agents against a real aggregator on loopback.", "fleet");
  app.add_option("--hosts", options.hosts)->check(CLI::Range(1, 100'000));
  app.add_option("--containers", options.containers, "of each host")->check(CLI::Range(0, 1000));
  app.add_option("--ticks", options.ticks, "of 10 s");
  app.add_option("--speed", options.speed, "simulated seconds per second; 0: back to back");
  app.add_option("--churn", options.churn, "percent of the containers replaced per hour");
  app.add_option("--connections", options.connections, "at once, at most");
  app.add_option("--storm", options.storm, "the tick at which all connections are cut");
  app.add_option("--outage", options.outage, "simulated seconds until they may come back");
  app.add_option("--settle", options.settle, "seconds to wait for quiet at most");
  app.add_option("--report", options.report, "a line each so many simulated minutes");
  app.add_option("--aggregator", options.aggregator, "the program");
  app.add_option("--server-option", options.server_options,
                 "of the aggregator, e.g. --head-span=1m")
      ->take_all();
  app.add_option("--directory", options.directory, "for its data, kept; else a temporary one");
  app.add_flag("--hold", options.hold, "leave the server running until stdin closes");
  CLI11_PARSE(app, argc, argv);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  try {
    Fleet fleet(std::move(options));
    return fleet.run() ? 0 : 1;
  } catch (std::exception const& error) {
    fmt::print(stderr, "fleet: {}\n", error.what());
    return 1;
  }
}
