#pragma once
// The text that a robot posts, within its vendor's limits and in its markup. Pure.
//
// All of a container's or rule's text is taken as text: it can neither mention people nor make
// links.

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/notify/outbox.hpp"
#include "aggregator/notify/robot.hpp"

namespace dadvisor::aggregator::notify {

struct RobotText {
  std::string title;  // escaped, not bold
  std::string body;   // lines parted by \n, mentions and links included
  std::string graph;  // the link's URL; empty: none
};
// `plain`: for a message without markup (WeCom's text). `mention`: people are called.
RobotText text_of(Robot const& robot, Batch const& batch, std::string_view external_url, bool plain,
                  bool mention);

std::string bold(Vendor vendor, bool plain, std::string const& text);
// Whether an id of `mention` is a mobile's number, not a user's name.
bool is_number(std::string_view text);
boost::json::array strings(std::vector<std::string> const& all);
void replace_all(std::string& text, std::string_view from, std::string_view to);

// The longest prefix of at most `limit` bytes that ends with a whole UTF-8 character; if that is
// not all of `text`, it ends with "…" within the limit.
std::string cut(std::string_view text, std::size_t limit);

}  // namespace dadvisor::aggregator::notify
