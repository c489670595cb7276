// One mail of each state as a file, for people to look at:
//   DADVISOR_MAILS=build/mails build/dev/bin/unit_aggregator_notify [mails]
// tests/lab/mail-pages turns them into pages that a browser shows.

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

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

 private:
  static double value(int i, std::int64_t t) {
    auto const noise = 3 * std::sin(static_cast<double>(t) / 37.0 + i * 2.1) +
                       2 * std::sin(static_cast<double>(t) / 11.0 + i);
    bool const hot = i == 2 || i == 5 || i == 4;
    double base = 34 + 4 * i + 6 * std::sin(static_cast<double>(t) / 700.0 + i);
    if (hot && t > fired_at - 1200)
      base += std::min(62.0 - 4 * i, static_cast<double>(t - fired_at + 1200) / 16.0);
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
  out.state.title = "购物车 /shop/cart: CPU at 97.3 % of its limit";
  out.state.value = 97.3 - task;
  if (level == Level::warn) out.condition = "> 80 for 5m, clear < 70";
  if (status == Status::resolved) {
    out.tick = at(fired_at + 1500);
    out.state.value = 62.4;
  }
  return out;
}

void write(std::string const& name, std::vector<Transition> notices) {
  char const* const directory = std::getenv("DADVISOR_MAILS");
  REQUIRE(directory != nullptr);
  Shop const shop;
  FiguresContext const figures(shop, labels_of, Log("test", LogLevel::error));
  Batch const batch{"0123456789abcdef0123456789abcdef", "email:shop-team@example.com",
                    std::move(notices)};
  auto const mail = mail_of(batch, figures.of(batch.notices.front()), "dadvisor@example.com",
                            "https://dadvisor.example.com", from_unix_seconds(fired_at + 2));
  REQUIRE(mail);
  std::filesystem::create_directories(directory);
  std::ofstream(std::string(directory) + "/" + name + ".eml") << *mail;
}

}  // namespace

TEST_CASE("one mail of each state", "[.][mails]") {
  write("crit", {about(2, 1, Status::firing)});
  write("crit-three", {about(2, 1, Status::firing), about(5, 1, Status::firing),
                       about(4, 1, Status::firing, Level::warn)});
  write("warn", {about(4, 1, Status::firing, Level::warn)});
  auto lost = about(2, 2, Status::nodata);
  lost.state.last_data = at(fired_at - 130);
  write("nodata", {lost});
  write("resolved", {about(2, 3, Status::resolved)});
  auto gone = about(2, 3, Status::resolved);
  gone.reason = Reason::gone;
  write("gone", {gone});
}
