#include "aggregator/notify/robot_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "aggregator/notify/message_text.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::notify {

namespace {

namespace json = boost::json;

constexpr std::size_t shown_instances = 3;
constexpr std::size_t shown_alerts = 10;  // of a digest

// What one vendor takes. Documented limits, less what stands around the text.
struct Limits {
  std::size_t text;  // bytes of the whole text
  std::size_t title;
  std::size_t link;  // a longer one is left out
};
Limits limits_of(Vendor vendor, bool plain) {
  switch (vendor) {
    case Vendor::wecom:
      return plain ? Limits{2048, 300, 900} : Limits{4096, 400, 2000};
    case Vendor::dingtalk:
      return {15'000, 400, 4000};
    case Vendor::feishu:
      return {12'000, 400, 4000};  // the whole body at most 20 KB, and JSON escapes
    case Vendor::slack:
      return {3000, 400, 2000};
  }
  return {2048, 300, 900};
}

// Text that came from outside, so that the vendor's markup finds nothing in it.
std::string escaped(Vendor vendor, bool plain, std::string_view raw) {
  std::string text(raw);
  if (vendor == Vendor::slack) {  // its documented entities
    replace_all(text, "&", "&amp;");
    replace_all(text, "<", "&lt;");
    replace_all(text, ">", "&gt;");
    replace_all(text, "`", "'");
    replace_all(text, "*", "＊");
    return text;
  }
  // The others know no escape: full-width signs look the same and mean nothing. A mention in
  // plain text begins with @.
  replace_all(text, "@", "＠");
  if (plain) return text;
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> wide = {
      {{"<", "＜"},
       {">", "＞"},
       {"[", "［"},
       {"]", "］"},
       {"*", "＊"},
       {"`", "'"},
       {"~", "～"},
       {"#", "＃"}}};
  for (auto const& [from, to] : wide) replace_all(text, from, to);
  return text;
}

std::string link(Vendor vendor, bool plain, std::string const& name, std::string const& url) {
  if (plain) return name + ": " + url;
  return vendor == Vendor::slack ? "<" + url + "|" + name + ">" : "[" + name + "](" + url + ")";
}

// How people are called in the text itself.
std::string mentions(Robot const& robot) {
  std::string out;
  for (auto const& id : robot.mention) {
    if (!out.empty()) out += ' ';
    bool const all = id == "all";
    if (robot.vendor == Vendor::slack)
      out += all ? "<!channel>" : "<@" + id + ">";
    else if (robot.vendor == Vendor::feishu)
      out += "<at id=" + id + "></at>";
    else if (robot.vendor == Vendor::dingtalk && !all)
      out += "@" + id;
  }
  return out;
}

// The text below the title: what, since when, the gravest instances, where to look.
std::vector<std::string> detail_lines(Robot const& robot, Batch const& batch, bool plain) {
  auto const safe = [&](std::string const& text) { return escaped(robot.vendor, plain, text); };
  std::vector<std::string> lines;
  auto const notices = by_gravity(batch);
  if (is_digest(batch)) {
    for (std::size_t i = 0; i < std::min(notices.size(), shown_alerts); ++i) {
      auto const& one = *notices[i];
      lines.push_back(safe(fmt::format(
          "[{}] {}: {}", state_word(one),
          cut(printable(one.state.title.empty() ? one.rule : one.state.title, 200), 120),
          cut(short_name(one), 80))));
    }
    if (notices.size() > shown_alerts)
      lines.push_back(fmt::format("and {} more", notices.size() - shown_alerts));
    return lines;
  }
  auto const& first = *notices.front();
  if (auto const app = label(first, "app"); !app.empty()) lines.push_back(safe("App: " + app));
  if (notices.size() == 1) {
    lines.push_back(safe(cut(short_name(first), 160) + ": " + finding(first)));
    lines.push_back(safe(span_text(first)));
    return lines;
  }
  for (std::size_t i = 0; i < std::min(notices.size(), shown_instances); ++i)
    lines.push_back(safe(fmt::format("{} {}: {}, {}", state_word(*notices[i]),
                                     cut(short_name(*notices[i]), 120), finding(*notices[i]),
                                     span_text(*notices[i]))));
  if (notices.size() > shown_instances)
    lines.push_back(fmt::format("and {} more", notices.size() - shown_instances));
  return lines;
}

}  // namespace

std::string bold(Vendor vendor, bool plain, std::string const& text) {
  if (plain) return text;
  return vendor == Vendor::slack ? "*" + text + "*" : "**" + text + "**";
}

bool is_number(std::string_view text) {
  return text.size() >= 7 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

std::string cut(std::string_view text, std::size_t limit) {
  static constexpr std::string_view dots = "…";
  if (text.size() <= limit) return std::string(text);
  if (limit < dots.size()) return {};
  std::size_t end = limit - dots.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + std::string(dots);
}

RobotText text_of(Robot const& robot, Batch const& batch, std::string_view external_url, bool plain,
                  bool mention) {
  auto const limits = limits_of(robot.vendor, plain);
  auto const& first = gravest(batch);
  RobotText text;
  text.title = cut(escaped(robot.vendor, plain, headline(batch)), limits.title);
  std::string tail;
  if (!first.expr.empty() && !external_url.empty()) {
    text.graph = render_url(external_url, first);
    if (text.graph.size() > limits.link) text.graph.clear();
  }
  if (!text.graph.empty() && robot.vendor != Vendor::feishu)
    tail += "\n" + link(robot.vendor, plain, "Graph", text.graph);
  auto const runbook = label(first, "runbook");
  if (!runbook.empty() && runbook.size() <= 256 && robot.vendor != Vendor::feishu)
    tail += (plain ? "\n" : "  ") + link(robot.vendor, plain, "Runbook", runbook);
  if (mention)
    if (auto const who = mentions(robot); !who.empty()) tail += "\n" + who;
  std::string body;
  for (auto const& line : detail_lines(robot, batch, plain)) {
    if (!body.empty()) body += '\n';
    body += line;
  }
  auto const used = text.title.size() + tail.size() + 64;
  text.body = cut(body, limits.text > used ? limits.text - used : 0) + tail;
  return text;
}

json::array strings(std::vector<std::string> const& all) {
  json::array out;
  for (auto const& one : all) out.emplace_back(one);
  return out;
}

}  // namespace dadvisor::aggregator::notify
