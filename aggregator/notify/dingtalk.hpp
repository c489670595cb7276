#pragma once
// What is posted to a DingTalk robot (open.dingtalk.com, custom-robot-access). Pure.

#include <string>
#include <string_view>

#include "aggregator/notify/outbox.hpp"
#include "aggregator/notify/robot.hpp"

namespace dadvisor::aggregator::notify {

std::string dingtalk_body(Robot const& robot, Batch const& batch, std::string_view external_url,
                          bool mention);

// The signature, base64, not yet percent-encoded: HMAC-SHA256 of "MS\nSECRET" under SECRET.
std::string dingtalk_signature(std::string_view secret, std::int64_t unix_ms);

}  // namespace dadvisor::aggregator::notify
