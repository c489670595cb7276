#include "graphite-bridge/jsonp.hpp"

#include <string_view>
#include <utility>

#include "graphite-bridge/json_text.hpp"

namespace dadvisor::graphite {
namespace {

constexpr char const* parameter = "jsonp";
constexpr std::size_t longest_callback = 64;

bool is_callback(std::string_view name) {
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_$.0123456789";
  return !name.empty() && name.size() <= longest_callback &&
         name.find_first_not_of(letters) == std::string_view::npos;
}

}  // namespace

Result<void> check_callback(Parameters const& parameters, bool allowed) {
  auto const callback = last_value(parameters, parameter);
  if (!callback) return {};
  if (!allowed)
    return Error{Errc::malformed, 0,
                 "jsonp: is switched off here (graphite.jsonp: true allows it)"};
  if (!is_callback(*callback))
    return Error{Errc::malformed, 0, "jsonp: must be 1 to 64 of A-Z a-z 0-9 _ $ ."};
  return {};
}

Answer with_callback(Parameters const& parameters, Answer answer) {
  auto const callback = last_value(parameters, parameter);
  if (!callback) return answer;
  if (answer.content_type == "image/svg+xml") {
    JsonText json;
    json.string(answer.body);
    answer.body = json.take();
  } else if (answer.content_type != "application/json") {
    return answer;
  }
  // The comment keeps the first bytes of a file of another type from being the callback's.
  return {"text/javascript", "/**/" + *callback + "(" + answer.body + ")"};
}

}  // namespace dadvisor::graphite
