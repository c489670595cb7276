#pragma once
// What is posted to a Slack incoming webhook (docs.slack.dev). Pure.

#include <string>
#include <string_view>

#include "aggregator/notify/outbox.hpp"
#include "aggregator/notify/robot.hpp"

namespace dadvisor::aggregator::notify {

std::string slack_body(Robot const& robot, Batch const& batch, std::string_view external_url,
                       bool mention);

}  // namespace dadvisor::aggregator::notify
