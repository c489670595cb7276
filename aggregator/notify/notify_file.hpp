#pragma once
// Who is told: the notify file.
//
//   owners:                        # what stands in an app's owner label -> who that is
//     pay: [pay-team@example.com, oncall]      # addresses, or receivers below
//   receivers:                     # what a rule's `notify` may name beside "owner"
//     oncall: {email: [oncall@example.com]}
//     hook: {webhook: "http://127.0.0.1:9000/alerts"}          # Alertmanager's version-4 JSON
//     chat: {webhook: {url: "https://...", token_file: FILE, ca_file: FILE, timeout: 10s}}
//     group: {dingtalk: {token_file: FILE, secret_file: FILE, mention: [ID, all]}}
//   fallback: [oncall]             # for apps without a known owner
//   owner_domains: [example.com]   # addresses in labels must end so; default: any
//
// Robots: wecom, dingtalk, feishu, slack. Each is a URL, or a mapping of url or url_file (the whole
// URL, as the vendor shows it) or, where there is one, of what stands in it as a secret: key_file
// (wecom), token_file (dingtalk, feishu), with `url` as the vendor's address before it if that is
// another (Lark). secret_file signs (dingtalk, feishu). `mention` names people by the vendor's ids,
// or all; they are called for crit only. Files with secrets must be closed to others (chmod 600).
// WeCom gets the rule's picture as a second message, unless `picture: false`.
//
// An owner label that is itself an address is used as it is. URLs in labels are never called.

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "aggregator/alert/state.hpp"
#include "aggregator/notify/robot.hpp"
#include "common/core/result.hpp"
#include "common/curl/smtp.hpp"

namespace dadvisor::aggregator::notify {

struct Webhook {
  std::string url;    // may hold a secret: never logged
  std::string token;  // bearer, or empty
  std::string ca_file;
  std::chrono::milliseconds timeout{10000};

  bool operator==(Webhook const&) const = default;
};

struct Receiver {
  std::vector<std::string> addresses;
  std::vector<Webhook> webhook;  // none or one
  std::vector<Robot> robots;     // at most one of each vendor
};

struct Directory {
  std::map<std::string, std::vector<std::string>> owners;
  std::map<std::string, Receiver> receivers;
  std::vector<std::string> fallback;
  std::vector<std::string> owner_domains;

  std::set<std::string> receiver_names() const;
};

struct LoadedDirectory {
  Directory directory;
  std::vector<std::string> errors;        // "FILE:LINE: key: what; remedy"
  std::vector<std::string> secret_files;  // that it names, there or not
};
LoadedDirectory load_directory(std::string const& file);

// The receivers of a notice, as keys "email:ADDRESS", "webhook:NAME", "wecom:NAME" and so on;
// a WeCom robot's picture is a receiver of its own, "wecom-picture:NAME".
// `unknown` collects the owners that lead nowhere.
std::set<std::string> route(alert::Transition const& notice, Directory const& directory,
                            std::vector<std::string>& unknown);

// "HOST[:PORT]", "smtp://HOST[:PORT]" (default port 25) or "smtps://HOST[:PORT]" (465, TLS from
// the first byte); `tls` is required, optional or none. Errc::malformed says how to write it.
Result<curl::SmtpOptions> smtp_options(std::string_view server, std::string_view tls);

}  // namespace dadvisor::aggregator::notify
