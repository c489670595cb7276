// One mail of each state, compared with tests/fixtures/mails/NAME.eml: lines end LF there, and a
// line stands for the picture, whose bytes are cairo's and the fonts'. After a wanted change:
//   DADVISOR_RENEW=1 build/release/bin/unit_aggregator_notify [mails]
// Whole, for people to look at (tests/lab/mail-pages turns them into pages that a browser shows):
//   DADVISOR_MAILS=build/mails build/release/bin/unit_aggregator_notify [mails]

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "aggregator/notify/channel.hpp"
#include "aggregator/notify/figures_context.hpp"
#include "graphite-bridge/glob.hpp"
#include "notices_for_test.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::notify;
using namespace dadvisor::aggregator::notify::test;

namespace {

constexpr std::int64_t fired_at = 1795391820, instances = 7;

// An app of seven instances, of which three run into their CPU limit after a deploy.
class Shop final : public graphite::SeriesSource {
 public:
  Result<std::vector<graphite::Series>> fetch(std::string_view pattern,
                                              graphite::Window const& window) const override {
    auto const compiled = graphite::PathPattern::compile(pattern);
    std::vector<graphite::Series> out;
    for (int i = 0; i < instances; ++i) {
      graphite::Series one;
      one.name =
          "dadvisor.default.instances.shop_cart.task-" + std::to_string(i) + ".cpu.pct_limit";
      if (!compiled->matches(one.name)) continue;
      one.path_expression = pattern;
      one.step = 10;
      one.start = window.from - window.from % 10 + 10;
      one.end = window.until - window.until % 10 + 10;
      for (auto t = one.start; t < one.end; t += 10) one.values.push_back(value(i, t));
      out.push_back(std::move(one));
    }
    for (auto const* host : {"node-03", "node-17", "node-21"})
      for (auto const* leaf : {"mem.available", "mem.total"}) {
        graphite::Series one;
        one.name = fmt::format("dadvisor.default.hosts.{}.{}", host, leaf);
        if (!compiled->matches(one.name)) continue;
        one.path_expression = pattern;
        one.step = 10;
        one.start = window.from - window.from % 10 + 10;
        one.end = window.until - window.until % 10 + 10;
        for (auto t = one.start; t < one.end; t += 10)
          one.values.push_back(std::string_view(leaf) == "mem.total" ? 64e9 : available(host, t));
        out.push_back(std::move(one));
      }
    return out;
  }
  Result<std::vector<graphite::FoundNode>> find(std::string_view,
                                                graphite::Window const&) const override {
    return std::vector<graphite::FoundNode>{};
  }
  Result<std::vector<graphite::Event>> events(std::vector<std::string> const& tags,
                                              graphite::Window const& window) const override {
    std::vector<graphite::Event> all = {
        {1, fired_at - 1260, "deploy of /shop/cart: shop/cart:1.41 -> shop/cart:1.42", "", tags},
        {2, fired_at - 1240, "/shop/cart task-2 started on node-17", "", tags},
        {3, fired_at - 1215, "/shop/cart task-5 started on node-03", "", tags},
        {4, fired_at - 320,
         "/shop/cart task-4 on node-21 ended: killed for its memory (exit code 137)", "", tags}};
    std::erase_if(all, [&](auto const& one) { return one.when < window.from; });
    return all;
  }

  // node-17 runs out of memory, 64 GB, within the last 20 minutes.
  static double available(std::string_view host, std::int64_t t) {
    auto const wave = 1e9 * std::sin(static_cast<double>(t) / 240.0 + static_cast<double>(host[6]));
    if (host != "node-17") return 24e9 + wave;
    auto const since = static_cast<double>(t - fired_at + 1200);
    return 20e9 + wave - (since > 0 ? std::min(15.5e9, since * 16e6) : 0);
  }
  static double value(int i, std::int64_t t) {
    auto const noise = 3 * std::sin(static_cast<double>(t) / 37.0 + i * 2.1) +
                       2 * std::sin(static_cast<double>(t) / 11.0 + i);
    bool const hot = i == 2 || i == 5 || i == 4;
    double base = 34 + 4 * i + 6 * std::sin(static_cast<double>(t) / 700.0 + i);
    if (hot && t > fired_at - 1200)
      base += std::min(70.0 - 4 * i, static_cast<double>(t - fired_at + 1200) / 16.0);
    if (t > fired_at + 900)
      base = std::max(40.0, base - static_cast<double>(t - fired_at - 900) / 8.0);
    if (i == 4 && t > fired_at - 320 && t < fired_at - 290) return graphite::absent;
    return std::min(100.0, base + noise);
  }
};

aggregator::alert::LabelMap labels_of(std::string const& path) {
  auto const at = path.find("task-");
  if (at == std::string::npos) return {};
  auto const task = path.substr(at, 6);
  return {{"app", "/shop/cart"},
          {"instance", task},
          {"kind", "instance"},
          {"owner", "shop-team"},
          {"host", task == "task-2"   ? "node-17"
                   : task == "task-5" ? "node-03"
                                      : "node-21"},
          {"cluster", "default"},
          {"image", "shop/cart:1.42"}};
}

Transition about(int task, std::uint64_t sequence, Status status, Level level = Level::crit) {
  auto out = notice("01KB0Q7C5M8T3V9X2Y4Z6A1B" + std::to_string(task), sequence, status, level);
  out.rule = "cart-cpu";
  out.instance =
      "dadvisor.default.instances.shop_cart.task-" + std::to_string(task) + ".cpu.pct_limit";
  out.expr = "dadvisor.*.instances.shop_cart.*.cpu.pct_limit";
  out.tick = at(fired_at);
  out.state.began = at(fired_at - 180);
  out.state.opened = out.state.last_data = at(fired_at);
  out.state.labels = labels_of(out.instance);
  out.state.labels["runbook"] = "https://wiki.example.com/runbooks/cpu";
  out.state.value = Shop::value(task, fired_at);
  out.state.title =
      fmt::format("购物车 /shop/cart: CPU at {:.1f} % of its limit", *out.state.value);
  if (level == Level::warn) out.condition = "> 80 for 5m, clear < 70";
  if (status == Status::resolved) {
    out.tick = out.state.last_data = at(fired_at + 1500);
    out.state.value = Shop::value(task, fired_at + 1500);
    out.state.title =
        fmt::format("购物车 /shop/cart: CPU at {:.1f} % of its limit", *out.state.value);
  }
  return out;
}

Transition host_notice() {
  auto out = notice("01KB0Q7C5M8T3V9X2Y4Z6A1B9", 1, Status::firing, Level::warn);
  out.rule = "host-memory-low";
  out.instance = "dadvisor.default.hosts.node-17.mem.available";
  out.expr = "asPercent(dadvisor.*.hosts.*.mem.available, dadvisor.*.hosts.*.mem.total, 1, 3)";
  out.condition = "< 10 for 5m, clear > 15";
  out.tick = at(fired_at);
  out.state.began = at(fired_at - 300);
  out.state.opened = out.state.last_data = at(fired_at);
  out.state.value = Shop::available("node-17", fired_at) / 64e9 * 100;
  out.state.title = fmt::format("node-17: {:.1f} % of memory available", *out.state.value);
  out.state.labels = {{"host", "node-17"}, {"kind", "host"}, {"cluster", "default"}};
  out.notify = {"owner"};
  return out;
}

std::string mail_about(std::vector<Transition> notices) {
  Shop const shop;
  FiguresContext const figures(shop, labels_of, Log("test", LogLevel::error));
  Batch const batch{"0123456789abcdef0123456789abcdef", "email:shop-team@example.com",
                    std::move(notices)};
  auto const mail = mail_of(batch, figures.of(batch.notices.front()), "dadvisor@example.com",
                            "https://dadvisor.example.com", from_unix_seconds(fired_at + 2));
  REQUIRE(mail);
  return *mail;
}

void write(std::string const& directory, std::string const& name, std::string const& text) {
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/" + name + ".eml", std::ios::binary) << text;
}

// As the golden files hold it.
std::string without_picture(std::string mail) {
  std::string out;
  std::istringstream lines(std::move(mail));
  bool picture = false, body = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.starts_with("--")) picture = body = false;
    if (line.starts_with("Content-Type: image/png")) picture = true;
    if (picture && body) continue;
    out += line + "\n";
    if (picture && line.empty()) {
      body = true;
      out += "(the picture)\n";
    }
  }
  return out;
}

std::map<std::string, std::vector<Transition>> each_state() {
  auto lost = about(2, 2, Status::nodata);
  lost.state.last_data = at(fired_at - 130);
  auto gone = about(2, 3, Status::resolved);
  gone.reason = Reason::gone;
  return {{"crit", {about(2, 1, Status::firing)}},
          {"crit-three",
           {about(2, 1, Status::firing), about(5, 1, Status::firing),
            about(4, 1, Status::firing, Level::warn)}},
          {"warn", {about(4, 1, Status::firing, Level::warn)}},
          {"nodata", {lost}},
          {"resolved", {about(2, 3, Status::resolved)}},
          {"resolved-three",
           {about(2, 3, Status::resolved), about(5, 3, Status::resolved),
            about(4, 3, Status::resolved)}},
          {"gone", {gone}},
          {"host", {host_notice()}},
          {"digest", {about(2, 1, Status::firing), host_notice(), about(5, 3, Status::resolved)}}};
}

}  // namespace

TEST_CASE("a mail of each state is the golden one", "[mails]") {
  std::string const golden = DADVISOR_FIXTURES "/mails";
  for (auto const& [name, notices] : each_state()) {
    auto const mail = mail_about(notices);
    if (char const* const whole = std::getenv("DADVISOR_MAILS")) write(whole, name, mail);
    auto const text = without_picture(mail);
    CHECK(text.find("(the picture)") != std::string::npos);
    if (std::getenv("DADVISOR_RENEW") != nullptr) write(golden, name, text);
    std::ifstream file(golden + "/" + name + ".eml", std::ios::binary);
    std::string const wanted((std::istreambuf_iterator<char>(file)), {});
    INFO(name);
    CHECK(text == wanted);
  }
}
