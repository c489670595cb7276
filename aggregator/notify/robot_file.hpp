#pragma once
// The part of the notify file that describes a robot, and how secrets are read from files.

#include <optional>
#include <string>
#include <string_view>

#include "aggregator/alert/yaml_map.hpp"
#include "aggregator/notify/robot.hpp"
#include "common/core/result.hpp"

namespace dadvisor::aggregator::notify {

// receiver[vendor], or nullopt and its slips in `problems`.
std::optional<Robot> read_robot(alert::Problems& problems, alert::YamlMap& receiver, Vendor vendor,
                                std::string const& path);

// The first line of a file that only its owner can read. Errors: denied (others can), malformed
// (empty), and those of reading.
Result<std::string> read_secret(std::string const& file);
inline constexpr std::string_view secret_remedy =
    "write the secret as the first line of a file of dAdvisor's own user, chmod 600";

bool is_http_url(std::string_view url);

}  // namespace dadvisor::aggregator::notify
