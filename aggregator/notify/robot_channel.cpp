#include "aggregator/notify/robot_channel.hpp"

#include <fmt/format.h>

namespace dadvisor::aggregator::notify {

using curl::Delivery;
using curl::Outcome;

RobotChannel::RobotChannel(Robot robot, std::string const& receiver, std::string external_url,
                           Clock const& clock)
    : robot_(std::move(robot)),
      kind_(fmt::format("{}:{}", to_string(robot_.vendor), receiver)),
      external_url_(std::move(external_url)),
      clock_(clock),
      poster_("dadvisor/" DADVISOR_VERSION) {}

Delivery RobotChannel::deliver(Batch const& batch, std::stop_token const& stop) {
  penalty_ = {};
  auto request = robot_request(robot_, batch, external_url_, clock_.wall());
  curl::Post post;
  post.url = std::move(request.url);
  post.body = std::move(request.body);
  post.ca_file = robot_.ca_file;
  post.timeout = robot_.timeout;
  auto const reply = poster_.post(post, stop);
  if (!reply) {
    // Robots know no idempotency key: what may have arrived goes once more, not for ever.
    auto const outcome = reply.error().code == Errc::malformed ? Outcome::permanent
                         : poster_.all_sent()                  ? Outcome::unknown
                                                               : Outcome::retry;
    return {outcome, 0, to_string(reply.error())};
  }
  auto const delivery = robot_reply(robot_.vendor, reply->status, reply->body);
  penalty_ = robot_penalty(robot_.vendor, delivery, reply->retry_after);
  return delivery;
}

}  // namespace dadvisor::aggregator::notify
