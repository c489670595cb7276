#include "aggregator/notify/robot_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "common/core/fd.hpp"

namespace dadvisor::aggregator::notify {

namespace {

using alert::YamlMap;

// The address that the secret is appended to, and the key of the file that holds it.
struct Address {
  char const* base;
  char const* joint;     // between base and secret
  char const* file_key;  // "key_file"; nullptr: none
  bool signs;
};
Address address_of(Vendor vendor) {
  switch (vendor) {
    case Vendor::wecom:
      return {"https://qyapi.weixin.qq.com/cgi-bin/webhook/send", "?key=", "key_file", false};
    case Vendor::dingtalk:
      return {"https://oapi.dingtalk.com/robot/send", "?access_token=", "token_file", true};
    case Vendor::feishu:
      return {"https://open.feishu.cn/open-apis/bot/v2/hook", "/", "token_file", true};
    case Vendor::slack:
      break;
  }
  return {"", "", nullptr, false};
}

std::string secret_of(YamlMap& map, char const* key) {
  auto const file = map.text(key);
  if (!file) return {};
  auto secret = read_secret(*file);
  if (secret) return std::move(*secret);
  map.problem(key, to_string(secret.error()), secret_remedy);
  return {};
}

// An id that can stand in a message without becoming more than an id.
bool is_mention(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-.+").find(c) != std::string_view::npos;
  });
}

std::string whole_url(YamlMap& map, Vendor vendor) {
  auto const address = address_of(vendor);
  if (map.has("url_file")) {
    if (map.has("url")) map.problem("url_file", "there is url too", "keep one of them");
    return secret_of(map, "url_file");
  }
  if (address.file_key != nullptr && map.has(address.file_key)) {
    auto base = map.text("url").value_or(address.base);
    while (base.ends_with('/')) base.pop_back();
    auto const secret = secret_of(map, address.file_key);
    return secret.empty() ? std::string() : base + address.joint + secret;
  }
  if (auto const url = map.text("url")) return *url;
  map.problem(
      "url", "missing",
      address.file_key == nullptr
          ? "write url: or url_file: with the URL that Slack shows"
          : fmt::format("write url: or url_file: with the URL that the vendor shows, or {}:",
                        address.file_key));
  return {};
}

}  // namespace

bool is_http_url(std::string_view url) {
  auto const rest = url.starts_with("http://")    ? url.substr(7)
                    : url.starts_with("https://") ? url.substr(8)
                                                  : std::string_view();
  return !rest.empty() && rest.front() != '/' &&
         std::all_of(rest.begin(), rest.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

Result<std::string> read_secret(std::string const& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return os_error(errno, file);
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Error{Errc::denied, 0, file + ": others may read it"};
  auto text = read_file(file, 65536);
  if (!text) return text.error();
  auto line = text->substr(0, text->find_first_of("\r\n"));
  if (line.empty()) return Error{Errc::malformed, 0, file + ": its first line is empty"};
  return line;
}

std::optional<Robot> read_robot(alert::Problems& problems, YamlMap& receiver, Vendor vendor,
                                std::string const& path) {
  auto const* const name = to_string(vendor);
  auto const node = receiver.node(name);
  auto const before = problems.lines().size();
  Robot robot;
  robot.vendor = vendor;
  if (node.IsScalar()) {
    robot.url = node.Scalar();
  } else {
    YamlMap map(problems, node, path + "." + name,
                {"url", "url_file", "key_file", "token_file", "secret_file", "mention", "ca_file",
                 "timeout", "picture"});
    auto const address = address_of(vendor);
    for (auto const* key : {"key_file", "token_file"})
      if (map.has(key) &&
          (address.file_key == nullptr || std::string_view(key) != address.file_key))
        map.problem(
            key, fmt::format("{} knows none", name),
            fmt::format("use {}", address.file_key == nullptr ? "url_file" : address.file_key));
    if (map.has("secret_file") && !address.signs)
      map.problem("secret_file", fmt::format("{} signs nothing", name), "leave it out");
    robot.url = whole_url(map, vendor);
    if (address.signs) robot.secret = secret_of(map, "secret_file");
    robot.mention = map.texts("mention").value_or(std::vector<std::string>{});
    for (auto const& id : robot.mention)
      if (!is_mention(id))
        map.problem("mention", "\"" + id + "\" is not an id",
                    "write the vendor's user ids, or all");
    if (auto const picture = map.text("picture")) {
      if (vendor != Vendor::wecom)
        map.problem("picture", fmt::format("{} takes none", name), "leave it out");
      else if (*picture != "true" && *picture != "false")
        map.problem("picture", "\"" + *picture + "\" is neither true nor false", "write false");
      robot.picture = *picture == "true";
    }
    robot.ca_file = map.text("ca_file").value_or("");
    if (auto const timeout = map.duration("timeout")) robot.timeout = *timeout;
    if (robot.timeout < std::chrono::milliseconds(100) || robot.timeout > std::chrono::minutes(2))
      map.problem("timeout", "out of range", "write 100ms to 2m");
    if (problems.lines().size() != before) return std::nullopt;
  }
  if (is_http_url(robot.url)) return robot;
  // The URL itself is a secret and stays out of the message.
  problems.add(node, path + "." + name, "not an http:// or https:// URL",
               "write the URL as the vendor shows it");
  return std::nullopt;
}

}  // namespace dadvisor::aggregator::notify
