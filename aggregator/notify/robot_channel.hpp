#pragma once
// The channel to one robot of a group chat. WeCom's has two receivers: its texts, and the pictures
// that follow them as messages of their own, from the same bucket.

#include <string>

#include "aggregator/notify/channel.hpp"
#include "aggregator/notify/robot.hpp"

namespace dadvisor::aggregator::notify {

class RobotChannel final : public Channel {
 public:
  // Without context_of there are no pictures.
  RobotChannel(Robot robot, std::string const& receiver, std::string external_url,
               Clock const& clock, ContextOf context_of = {});
  std::vector<std::string> const& kinds() const override { return kinds_; }
  Pace pace() const override { return pace_of(robot_.vendor); }
  curl::Delivery deliver(Batch const& batch, std::stop_token const& stop) override;
  Nanoseconds penalty() const override { return penalty_; }

 private:
  Result<RobotRequest> request_of(Batch const& batch) const;

  Robot const robot_;
  std::vector<std::string> kinds_;
  std::string const external_url_;
  Clock const& clock_;
  ContextOf const context_of_;
  curl::HttpPoster poster_;
  Nanoseconds penalty_{};
};

}  // namespace dadvisor::aggregator::notify
