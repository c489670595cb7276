#pragma once
// Robots of group chats: WeCom, DingTalk, Feishu / Lark, Slack. What is posted to each, in its
// documented format and within its limits, and what its reply means. Pure.
//
// All of a container's or rule's text is taken as text: it can neither mention people nor make
// links. People are mentioned only in a message of a crit.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/notify/outbox.hpp"
#include "aggregator/notify/pace.hpp"
#include "common/core/clock.hpp"
#include "common/curl/smtp.hpp"

namespace dadvisor::aggregator::notify {

enum class Vendor { wecom, dingtalk, feishu, slack };
inline constexpr Vendor vendors[] = {Vendor::wecom, Vendor::dingtalk, Vendor::feishu,
                                     Vendor::slack};
// "wecom", "dingtalk", "feishu", "slack": the key in the notify file, and of receivers' keys.
char const* to_string(Vendor vendor);

struct Robot {
  Vendor vendor = Vendor::wecom;
  std::string url;                   // whole, with the key or token in it: never logged
  std::string secret;                // DingTalk, Feishu: signs the requests; empty: no signature
  std::vector<std::string> mention;  // ids of people, or "all"
  std::string ca_file;
  std::chrono::milliseconds timeout{10000};
  bool picture = true;  // WeCom: the rule's picture follows as a message of its own

  bool operator==(Robot const&) const = default;
};
// What the keys of receivers of a WeCom robot's pictures begin with; the robot's name follows.
inline constexpr std::string_view picture_key = "wecom-picture:";

struct RobotRequest {
  std::string url;
  std::string body;  // JSON
};
RobotRequest robot_request(Robot const& robot, Batch const& batch, std::string_view external_url,
                           WallTime now);

// What a reply means; all four may report a failure in the body of a 200. A key that the vendor
// does not know is permanent; a refused signature is the operator's to mend and not the message's
// fault, so it is tried again, as is whatever has an unknown code.
curl::Delivery robot_reply(Vendor vendor, long status, std::string_view body);
// How long to stay away after a reply; zero unless it says "too fast".
Nanoseconds robot_penalty(Vendor vendor, curl::Delivery const& delivery,
                          std::optional<std::chrono::seconds> retry_after);

// Below what the vendor takes, with room for a second sender to the same robot.
Pace pace_of(Vendor vendor);

}  // namespace dadvisor::aggregator::notify
