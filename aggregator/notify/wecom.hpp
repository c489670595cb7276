#pragma once
// What is posted to a robot of a WeCom group (developer.work.weixin.qq.com, path 99110). Pure.

#include <string>
#include <string_view>

#include "aggregator/notify/outbox.hpp"
#include "aggregator/notify/robot.hpp"

namespace dadvisor::aggregator::notify {

// A markdown message, or where people are called, a text: only that can.
std::string wecom_body(Robot const& robot, Batch const& batch, std::string_view external_url,
                       bool mention);

// A picture, in a message of its own: PNG or JPEG of at most "2 MB" before base64, and its MD5.
std::string wecom_picture_body(std::string_view png);
inline constexpr std::size_t wecom_picture_bytes = 2'000'000;  // the smaller reading

}  // namespace dadvisor::aggregator::notify
