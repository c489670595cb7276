#include "aggregator/notify/notify_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "aggregator/alert/yaml_map.hpp"
#include "aggregator/notify/robot_file.hpp"
#include "common/core/config/value.hpp"
#include "common/core/fd.hpp"
#include "common/curl/mail.hpp"

namespace dadvisor::aggregator::notify {

namespace {

using alert::YamlMap;

std::string_view trimmed(std::string_view text) {
  auto const first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

class Reader {
 public:
  explicit Reader(alert::Problems& problems) : problems_(problems) {}

  Directory read(YAML::Node const& document) {
    YamlMap top(problems_, document, "",
                {"apiVersion", "owners", "receivers", "fallback", "owner_domains"});
    if (auto const version = top.text("apiVersion"); version && *version != "dadvisor/v1")
      top.problem("apiVersion", "unknown version \"" + *version + "\"", "write dadvisor/v1");
    for (auto const& [name, node] : children(top, "receivers")) {
      if (name == "owner")
        top.problem("receivers", "\"owner\" always means the app's owner", "use another name");
      directory_.receivers[name] = read_receiver(node, "receivers." + name);
    }
    for (auto const& [name, node] : children(top, "owners")) {
      std::vector<std::string> targets;
      if (node.IsScalar()) targets.push_back(node.Scalar());
      if (node.IsSequence())
        for (auto const& item : node) targets.push_back(item.IsScalar() ? item.Scalar() : "");
      check_targets(targets, node, "owners." + name);
      directory_.owners[name] = std::move(targets);
    }
    directory_.fallback = top.texts("fallback").value_or(std::vector<std::string>{});
    if (top.has("fallback")) check_targets(directory_.fallback, top.node("fallback"), "fallback");
    directory_.owner_domains = top.texts("owner_domains").value_or(std::vector<std::string>{});
    return std::move(directory_);
  }

 private:
  // The entries below a mapping whose keys are names; its own slips are told by text_map's rules.
  std::vector<std::pair<std::string, YAML::Node>> children(YamlMap& top, char const* key) {
    std::vector<std::pair<std::string, YAML::Node>> out;
    auto const node = top.node(key);
    if (!node.IsDefined()) return out;
    if (!node.IsMap()) {
      top.problem(key, "not a mapping", "write names below it");
      return out;
    }
    std::set<std::string> seen;
    for (auto const& entry : node) {
      auto const name = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
      if (name.empty() || !seen.insert(name).second)
        problems_.add(entry.first, key, name.empty() ? "a key without a name" : "twice: " + name,
                      "give each a name of its own");
      else
        out.emplace_back(name, entry.second);
    }
    return out;
  }

  void check_targets(std::vector<std::string> const& targets, YAML::Node const& at,
                     std::string const& path) {
    if (targets.empty()) problems_.add(at, path, "empty", "write [address or receiver]");
    for (auto const& target : targets)
      if (!directory_.receivers.contains(target) && !curl::is_address(target))
        problems_.add(at, path, "\"" + target + "\" is neither an address nor a receiver",
                      "write user@domain, or a name of receivers:");
  }

  Receiver read_receiver(YAML::Node const& node, std::string const& path) {
    YamlMap map(problems_, node, path,
                {"email", "webhook", "wecom", "dingtalk", "feishu", "slack"});
    Receiver receiver;
    for (auto const vendor : vendors)
      if (map.has(to_string(vendor)))
        if (auto robot = read_robot(problems_, map, vendor, path))
          receiver.robots.push_back(std::move(*robot));
    bool const robots = std::any_of(std::begin(vendors), std::end(vendors),
                                    [&](Vendor vendor) { return map.has(to_string(vendor)); });
    if (!map.has("email") && !map.has("webhook") && !robots)
      problems_.add(node, path, "no way to reach it",
                    "write email: [user@domain], or webhook, wecom, dingtalk, feishu or slack");
    if (auto addresses = map.texts("email")) {
      for (auto const& address : *addresses)
        if (!curl::is_address(address))
          map.problem("email", "\"" + address + "\" is not an address", "write user@domain");
      receiver.addresses = std::move(*addresses);
    }
    if (map.has("webhook")) receiver.webhook.push_back(read_webhook(map, path + ".webhook"));
    return receiver;
  }

  Webhook read_webhook(YamlMap& receiver, std::string const& path) {
    Webhook webhook;
    auto const node = receiver.node("webhook");
    if (node.IsScalar()) {
      webhook.url = node.Scalar();
    } else {
      YamlMap map(problems_, node, path, {"url", "token_file", "ca_file", "timeout"});
      webhook.url = map.required_text("url", "write url: http://HOST/PATH");
      webhook.ca_file = map.text("ca_file").value_or("");
      if (auto const timeout = map.duration("timeout")) webhook.timeout = *timeout;
      if (webhook.timeout < std::chrono::milliseconds(100) ||
          webhook.timeout > std::chrono::minutes(2))
        map.problem("timeout", "out of range", "write 100ms to 2m");
      if (auto const file = map.text("token_file")) {
        auto token = read_secret(*file);
        if (token)
          webhook.token = std::move(*token);
        else
          map.problem("token_file", to_string(token.error()), secret_remedy);
      }
      if (webhook.url.empty()) return webhook;
    }
    if (!is_http_url(webhook.url))
      problems_.add(node, path, "not an http:// or https:// URL", "write http://HOST/PATH");
    return webhook;
  }

  alert::Problems& problems_;
  Directory directory_;
};

// The values of token_file, key_file and so on, wherever they stand.
void add_secret_files(YAML::Node const& node, std::vector<std::string>& out) {
  if (node.IsSequence())
    for (auto const& item : node) add_secret_files(item, out);
  if (!node.IsMap()) return;
  static std::set<std::string> const keys = {"token_file", "key_file", "secret_file", "url_file"};
  for (auto const& entry : node) {
    if (entry.first.IsScalar() && entry.second.IsScalar() && keys.contains(entry.first.Scalar()))
      out.push_back(entry.second.Scalar());
    add_secret_files(entry.second, out);
  }
}

void add_target(std::string const& target, Directory const& directory, std::set<std::string>& out) {
  auto const found = directory.receivers.find(target);
  if (found == directory.receivers.end()) {
    if (curl::is_address(target)) out.insert("email:" + target);
    return;
  }
  for (auto const& address : found->second.addresses) out.insert("email:" + address);
  if (!found->second.webhook.empty()) out.insert("webhook:" + target);
  for (auto const& robot : found->second.robots) {
    out.insert(fmt::format("{}:{}", to_string(robot.vendor), target));
    if (robot.vendor == Vendor::wecom && robot.picture)
      out.insert(std::string(picture_key) + target);
  }
}

bool allowed_domain(std::string_view address, std::vector<std::string> const& domains) {
  auto const domain = address.substr(address.find('@') + 1);
  return domains.empty() || std::any_of(domains.begin(), domains.end(), [&](auto const& one) {
           return domain == one || domain.ends_with("." + one);
         });
}

// Whether the owner leads anywhere.
bool add_owner(std::string const& owner, Directory const& directory, std::set<std::string>& out) {
  if (auto const found = directory.owners.find(owner); found != directory.owners.end()) {
    for (auto const& target : found->second) add_target(target, directory, out);
    return true;
  }
  if (!curl::is_address(owner) || !allowed_domain(owner, directory.owner_domains)) return false;
  out.insert("email:" + owner);
  return true;
}

}  // namespace

std::set<std::string> Directory::receiver_names() const {
  std::set<std::string> names;
  for (auto const& [name, receiver] : receivers) names.insert(name);
  return names;
}

LoadedDirectory load_directory(std::string const& file) {
  LoadedDirectory loaded;
  alert::Problems problems(file);
  if (auto const document = alert::load_yaml(problems)) {
    loaded.directory = Reader(problems).read(*document);
    add_secret_files(*document, loaded.secret_files);
  }
  loaded.errors = problems.lines();
  return loaded;
}

std::set<std::string> route(alert::Transition const& notice, Directory const& directory,
                            std::vector<std::string>& unknown) {
  std::set<std::string> out;
  for (auto const& name : notice.notify) {
    if (name != "owner") {
      add_target(name, directory, out);
      continue;
    }
    bool known = false;
    auto const label = notice.state.labels.find("owner");
    std::string_view rest =
        label == notice.state.labels.end() ? std::string_view() : std::string_view(label->second);
    while (!rest.empty()) {
      auto const comma = rest.find(',');
      std::string const owner(trimmed(rest.substr(0, comma)));
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
      if (owner.empty()) continue;
      if (add_owner(owner, directory, out))
        known = true;
      else
        unknown.push_back(owner);
    }
    if (known) continue;
    if (unknown.empty()) unknown.emplace_back("(none)");
    for (auto const& target : directory.fallback) add_target(target, directory, out);
  }
  return out;
}

Result<curl::SmtpOptions> smtp_options(std::string_view server, std::string_view tls) {
  auto const malformed = [](std::string what) {
    return Error{Errc::malformed, 0, std::move(what)};
  };
  curl::SmtpOptions options;
  bool const implicit = server.starts_with("smtps://");
  if (implicit || server.starts_with("smtp://")) server.remove_prefix(implicit ? 8 : 7);
  if (server.ends_with('/')) server.remove_suffix(1);
  auto const peer = config::parse_host_port(server, implicit ? 465 : 25);
  if (!peer) return malformed(peer.error().context + "; write smtp://HOST:PORT or smtps://HOST");
  options.host = peer->host;
  options.port = peer->port;
  if (implicit)
    options.tls = curl::Tls::implicit;
  else if (tls == "required")
    options.tls = curl::Tls::required;
  else if (tls == "optional")
    options.tls = curl::Tls::optional;
  else if (tls == "none")
    options.tls = curl::Tls::none;
  else
    return malformed(fmt::format("\"{}\" is not required, optional or none", tls));
  return options;
}

}  // namespace dadvisor::aggregator::notify
