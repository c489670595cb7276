#pragma once
// The channel to one robot of a group chat.

#include <string>

#include "aggregator/notify/channel.hpp"
#include "aggregator/notify/robot.hpp"

namespace dadvisor::aggregator::notify {

class RobotChannel final : public Channel {
 public:
  RobotChannel(Robot robot, std::string const& receiver, std::string external_url,
               Clock const& clock);
  std::string_view kind() const override { return kind_; }
  Pace pace() const override { return pace_of(robot_.vendor); }
  curl::Delivery deliver(Batch const& batch, std::stop_token const& stop) override;
  Nanoseconds penalty() const override { return penalty_; }

 private:
  Robot const robot_;
  std::string const kind_;
  std::string const external_url_;
  Clock const& clock_;
  curl::HttpPoster poster_;
  Nanoseconds penalty_{};
};

}  // namespace dadvisor::aggregator::notify
