#include "aggregator/notify/dingtalk.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "aggregator/notify/digest.hpp"
#include "aggregator/notify/robot_text.hpp"
#include "common/curl/mail.hpp"

namespace dadvisor::aggregator::notify {

namespace json = boost::json;

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

std::string dingtalk_signature(std::string_view secret, std::int64_t unix_ms) {
  return curl::base64(hmac_sha256(secret, fmt::format("{}\n{}", unix_ms, secret)));
}

}  // namespace dadvisor::aggregator::notify
