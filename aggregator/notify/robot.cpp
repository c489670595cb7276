#include "aggregator/notify/robot.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <stdexcept>

#include "aggregator/notify/message_text.hpp"
#include "common/core/log.hpp"
#include "common/curl/mail.hpp"

namespace dadvisor::aggregator::notify {

namespace {

namespace json = boost::json;
using alert::Transition;
using curl::Delivery;
using curl::Outcome;

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

std::string hmac_sha256(std::string_view key, std::string_view message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<unsigned char const*>(message.data()), message.size(), digest.data(),
           &size) == nullptr)
    throw std::runtime_error("HMAC-SHA256 failed");
  return {reinterpret_cast<char const*>(digest.data()), size};
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
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

std::string bold(Vendor vendor, bool plain, std::string const& text) {
  if (plain) return text;
  return vendor == Vendor::slack ? "*" + text + "*" : "**" + text + "**";
}

std::string link(Vendor vendor, bool plain, std::string const& name, std::string const& url) {
  if (plain) return name + ": " + url;
  return vendor == Vendor::slack ? "<" + url + "|" + name + ">" : "[" + name + "](" + url + ")";
}

bool is_number(std::string_view text) {
  return text.size() >= 7 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
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

struct Text {
  std::string title;  // escaped, not bold
  std::string body;   // lines parted by \n, mentions and links included
  std::string graph;  // the link's URL; empty: none
};

Text text_of(Robot const& robot, Batch const& batch, std::string_view external_url, bool plain,
             bool mention) {
  auto const limits = limits_of(robot.vendor, plain);
  auto const& first = gravest(batch);
  Text text;
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

std::string wecom_body(Robot const& robot, Batch const& batch, std::string_view url, bool mention) {
  json::object out;
  if (mention) {  // people can be called by name and "@all" in a text alone
    auto const text = text_of(robot, batch, url, true, true);
    std::vector<std::string> people, mobiles;
    for (auto const& id : robot.mention)
      (is_number(id) ? mobiles : people).push_back(id == "all" ? "@all" : id);
    json::object content{{"content", text.title + "\n" + text.body}};
    if (!people.empty()) content["mentioned_list"] = strings(people);
    if (!mobiles.empty()) content["mentioned_mobile_list"] = strings(mobiles);
    out["msgtype"] = "text";
    out["text"] = std::move(content);
  } else {
    auto const text = text_of(robot, batch, url, false, false);
    auto const word = state_word(gravest(batch));
    auto const* color = word == "RESOLVED" ? "info" : word == "NODATA" ? "comment" : "warning";
    out["msgtype"] = "markdown";
    out["markdown"] = {
        {"content", fmt::format("<font color=\"{}\">{}</font>\n{}", color, text.title, text.body)}};
  }
  return json::serialize(out);
}

std::string dingtalk_body(Robot const& robot, Batch const& batch, std::string_view url,
                          bool mention) {
  auto text = text_of(robot, batch, url, false, mention);
  replace_all(text.body, "\n", "\n\n");  // in its markdown one line break is none
  json::array mobiles, users;
  bool all = false;
  if (mention)
    for (auto const& id : robot.mention) {
      if (id == "all")
        all = true;
      else
        (is_number(id) ? mobiles : users).emplace_back(id);
    }
  json::object out{{"msgtype", "markdown"}};
  out["markdown"] = {{"title", text.title},
                     {"text", bold(robot.vendor, false, text.title) + "\n\n" + text.body}};
  out["at"] = {
      {"atMobiles", std::move(mobiles)}, {"atUserIds", std::move(users)}, {"isAtAll", all}};
  return json::serialize(out);
}

std::string feishu_body(Robot const& robot, Batch const& batch, std::string_view url, bool mention,
                        WallTime now) {
  auto const text = text_of(robot, batch, url, false, mention);
  auto const word = state_word(gravest(batch));
  auto const* color = word == "CRIT"     ? "red"
                      : word == "WARN"   ? "orange"
                      : word == "NODATA" ? "grey"
                                         : "green";
  json::array elements;
  elements.push_back({{"tag", "div"}, {"text", {{"tag", "lark_md"}, {"content", text.body}}}});
  json::array buttons;
  auto const button = [&](char const* name, std::string const& to) {
    buttons.push_back({{"tag", "button"},
                       {"text", {{"tag", "plain_text"}, {"content", name}}},
                       {"url", to},
                       {"type", "default"}});
  };
  if (!text.graph.empty()) button("Graph", text.graph);
  if (auto const runbook = label(gravest(batch), "runbook"); !runbook.empty())
    button("Runbook", runbook);
  if (!buttons.empty()) elements.push_back({{"tag", "action"}, {"actions", std::move(buttons)}});
  json::object out;
  if (!robot.secret.empty()) {
    auto const seconds = unix_seconds(now);
    out["timestamp"] = std::to_string(seconds);
    out["sign"] = feishu_signature(robot.secret, seconds);
  }
  out["msg_type"] = "interactive";
  out["card"] = {
      {"header",
       {{"title", {{"tag", "plain_text"}, {"content", text.title}}}, {"template", color}}},
      {"elements", std::move(elements)}};
  return json::serialize(out);
}

std::string slack_body(Robot const& robot, Batch const& batch, std::string_view url, bool mention) {
  auto const text = text_of(robot, batch, url, false, mention);
  auto const word = state_word(gravest(batch));
  auto const* color = word == "CRIT"     ? "#c92a2a"
                      : word == "WARN"   ? "#e67700"
                      : word == "NODATA" ? "#868e96"
                                         : "#2b8a3e";
  json::array attachments;
  attachments.push_back(
      {{"color", color}, {"text", text.body}, {"mrkdwn_in", json::array{"text"}}});
  return json::serialize(json::object{{"text", bold(Vendor::slack, false, text.title)},
                                      {"attachments", std::move(attachments)}});
}

}  // namespace

char const* to_string(Vendor vendor) {
  static constexpr std::array names = {"wecom", "dingtalk", "feishu", "slack"};
  return names[static_cast<std::size_t>(vendor)];
}

std::string dingtalk_signature(std::string_view secret, std::int64_t unix_ms) {
  return curl::base64(hmac_sha256(secret, fmt::format("{}\n{}", unix_ms, secret)));
}

std::string feishu_signature(std::string_view secret, std::int64_t unix_seconds) {
  return curl::base64(hmac_sha256(fmt::format("{}\n{}", unix_seconds, secret), ""));
}

std::string cut(std::string_view text, std::size_t limit) {
  static constexpr std::string_view dots = "…";
  if (text.size() <= limit) return std::string(text);
  if (limit < dots.size()) return {};
  std::size_t end = limit - dots.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + std::string(dots);
}

RobotRequest robot_request(Robot const& robot, Batch const& batch, std::string_view external_url,
                           WallTime now) {
  bool const mention = !robot.mention.empty() && state_word(gravest(batch)) == "CRIT";
  RobotRequest request{robot.url, {}};
  switch (robot.vendor) {
    case Vendor::wecom:
      request.body = wecom_body(robot, batch, external_url, mention);
      break;
    case Vendor::dingtalk:
      if (!robot.secret.empty()) {
        auto const ms =
            std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch().count();
        request.url += fmt::format("&timestamp={}&sign={}", ms,
                                   percent_encoded(dingtalk_signature(robot.secret, ms)));
      }
      request.body = dingtalk_body(robot, batch, external_url, mention);
      break;
    case Vendor::feishu:
      request.body = feishu_body(robot, batch, external_url, mention, now);
      break;
    case Vendor::slack:
      request.body = slack_body(robot, batch, external_url, mention);
      break;
  }
  return request;
}

Delivery robot_reply(Vendor vendor, long status, std::string_view body) {
  auto const told = printable(body, 200);
  if (status == 429 || status == 408 || status >= 500)
    return {Outcome::retry, status, fmt::format("HTTP {}: {}", status, told)};
  if (status < 200 || status >= 300)
    return {Outcome::permanent, status, fmt::format("HTTP {}: {}", status, told)};
  if (vendor == Vendor::slack) {
    if (body.starts_with("ok")) return {Outcome::sent, status, {}};
    return {Outcome::retry, status, "not \"ok\": " + told};
  }
  boost::system::error_code error;
  auto const parsed = json::parse(body, error);
  json::value const* code = nullptr;
  if (!error && parsed.is_object())
    code = parsed.get_object().if_contains(vendor == Vendor::feishu ? "code" : "errcode");
  if (code == nullptr || !code->is_int64())
    return {Outcome::retry, status, "a reply without a code: " + told};
  auto const number = code->get_int64();
  if (number == 0) return {Outcome::sent, 0, {}};
  // Keys and tokens that the vendor does not know.
  bool const unknown_key = (vendor == Vendor::wecom && number == 93000) ||
                           (vendor == Vendor::dingtalk && number == 300005) ||
                           (vendor == Vendor::feishu && number == 19001);
  return {unknown_key ? Outcome::permanent : Outcome::retry, static_cast<long>(number), told};
}

Nanoseconds robot_penalty(Vendor vendor, Delivery const& delivery,
                          std::optional<std::chrono::seconds> retry_after) {
  if (delivery.outcome != Outcome::retry) return {};
  switch (vendor) {
    case Vendor::dingtalk:
      return delivery.reply == 130101 ? std::chrono::minutes(10)
                                      : std::chrono::minutes(0);  // it blocks for so long
    case Vendor::wecom:
      return delivery.reply == 45009 ? std::chrono::minutes(1) : std::chrono::minutes(0);
    case Vendor::feishu:
      return delivery.reply == 11232 ? std::chrono::minutes(1) : std::chrono::minutes(0);
    case Vendor::slack:
      if (delivery.reply == 429)
        return std::min<Nanoseconds>(retry_after.value_or(std::chrono::seconds(30)),
                                     std::chrono::minutes(10));
      return {};
  }
  return {};
}

Pace pace_of(Vendor vendor) {
  switch (vendor) {
    case Vendor::wecom:
    case Vendor::dingtalk:
      return {4, std::chrono::seconds(5)};  // in any minute at most 16 of the 20
    case Vendor::feishu:
      return {4, std::chrono::seconds(1)};  // 64 of the 100, 5 a second
    case Vendor::slack:
      return {3, std::chrono::seconds(2)};
  }
  return {};
}

}  // namespace dadvisor::aggregator::notify
