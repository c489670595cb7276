#include "aggregator/notify/slack.hpp"

#include <boost/json.hpp>

#include "aggregator/notify/message_text.hpp"
#include "aggregator/notify/robot_text.hpp"

namespace dadvisor::aggregator::notify {

namespace json = boost::json;

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

}  // namespace dadvisor::aggregator::notify
