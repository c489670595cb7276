#include "aggregator/notify/feishu.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "aggregator/notify/digest.hpp"
#include "aggregator/notify/message_text.hpp"
#include "aggregator/notify/robot_text.hpp"
#include "common/curl/mail.hpp"

namespace dadvisor::aggregator::notify {

namespace json = boost::json;

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

std::string feishu_signature(std::string_view secret, std::int64_t unix_seconds) {
  return curl::base64(hmac_sha256(fmt::format("{}\n{}", unix_seconds, secret), ""));
}

}  // namespace dadvisor::aggregator::notify
