#include "aggregator/notify/robot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "aggregator/notify/dingtalk.hpp"
#include "aggregator/notify/feishu.hpp"
#include "aggregator/notify/message_text.hpp"
#include "aggregator/notify/slack.hpp"
#include "aggregator/notify/wecom.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::notify {

namespace json = boost::json;
using curl::Delivery;
using curl::Outcome;

char const* to_string(Vendor vendor) {
  static constexpr std::array names = {"wecom", "dingtalk", "feishu", "slack"};
  return names[static_cast<std::size_t>(vendor)];
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
