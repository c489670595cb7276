#include "aggregator/notify/wecom.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "aggregator/notify/digest.hpp"
#include "aggregator/notify/message_text.hpp"
#include "aggregator/notify/robot_text.hpp"
#include "common/curl/mail.hpp"

namespace dadvisor::aggregator::notify {

namespace json = boost::json;

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

std::string wecom_picture_body(std::string_view png) {
  return json::serialize(json::object{
      {"msgtype", "image"}, {"image", {{"base64", curl::base64(png)}, {"md5", md5_hex(png)}}}});
}

}  // namespace dadvisor::aggregator::notify
