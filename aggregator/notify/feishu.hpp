#pragma once
// What is posted to a Feishu or Lark robot (open.feishu.cn, custom bot guide). Pure.

#include <string>
#include <string_view>

#include "aggregator/notify/outbox.hpp"
#include "aggregator/notify/robot.hpp"

namespace dadvisor::aggregator::notify {

// Signed by what stands in the body, with the time `now`.
std::string feishu_body(Robot const& robot, Batch const& batch, std::string_view external_url,
                        bool mention, WallTime now);

// The signature, base64: HMAC-SHA256 of nothing under "SECONDS\nSECRET".
std::string feishu_signature(std::string_view secret, std::int64_t unix_seconds);

}  // namespace dadvisor::aggregator::notify
