#include "aggregator/notify/robot_channel.hpp"

#include <fmt/format.h>

#include "aggregator/notify/message_text.hpp"
#include "aggregator/notify/wecom.hpp"

namespace dadvisor::aggregator::notify {

using curl::Delivery;
using curl::Outcome;

RobotChannel::RobotChannel(Robot robot, std::string const& receiver, std::string external_url,
                           Clock const& clock, ContextOf context_of)
    : robot_(std::move(robot)),
      kinds_({fmt::format("{}:{}", to_string(robot_.vendor), receiver)}),
      external_url_(std::move(external_url)),
      clock_(clock),
      context_of_(std::move(context_of)),
      poster_("dadvisor/" DADVISOR_VERSION) {
  if (robot_.vendor == Vendor::wecom && robot_.picture)
    kinds_.push_back(std::string(picture_key) + receiver);
}

Result<RobotRequest> RobotChannel::request_of(Batch const& batch) const {
  if (!batch.receiver.starts_with(picture_key))
    return robot_request(robot_, batch, external_url_, clock_.wall());
  auto const png = context_of_ ? context_of_(gravest(batch)).png : std::string();
  // The text has gone its own way: what cannot be drawn now is not worth another message later.
  if (png.empty()) return Error{Errc::not_found, 0, "there is no picture"};
  if (png.size() > wecom_picture_bytes)
    return Error{Errc::too_large, 0, fmt::format("a picture of {} bytes", png.size())};
  return RobotRequest{robot_.url, wecom_picture_body(png)};
}

Delivery RobotChannel::deliver(Batch const& batch, std::stop_token const& stop) {
  penalty_ = {};
  auto request = request_of(batch);
  if (!request) return {Outcome::permanent, 0, request.error().context};
  curl::Post post;
  post.url = std::move(request->url);
  post.body = std::move(request->body);
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
