#include "aggregator/notify/notify_file.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "notices_for_test.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::notify;
using namespace dadvisor::aggregator::notify::test;

namespace {

LoadedDirectory load(std::string const& text) {
  TemporaryDirectory directory;
  auto const file = directory.path() + "/notify.yml";
  std::ofstream(file) << text;
  auto loaded = load_directory(file);
  for (auto& error : loaded.errors) error.erase(0, directory.path().size() + 1);
  return loaded;
}

std::set<std::string> routed(Directory const& directory, std::string const& owner,
                             std::vector<std::string> const& notify = {"owner"}) {
  auto what = fired("01A");
  what.notify = notify;
  what.state.labels["owner"] = owner;
  std::vector<std::string> unknown;
  return route(what, directory, unknown);
}

using Keys = std::set<std::string>;

}  // namespace

TEST_CASE("a whole notify file is read") {
  auto const loaded = load(R"(
owners:
  pay: [pay@example.com, hook]
  ops: oncall
receivers:
  oncall: {email: [a@example.com, b@example.com]}
  hook: {webhook: "http://127.0.0.1:9000/x"}
  chat: {webhook: {url: "https://chat.example.com/x", timeout: 3s}}
fallback: [oncall]
owner_domains: [example.com]
)");
  REQUIRE(loaded.errors.empty());
  auto const& directory = loaded.directory;
  CHECK(directory.receiver_names() == Keys{"chat", "hook", "oncall"});
  CHECK(directory.receivers.at("chat").webhook.at(0).timeout == std::chrono::seconds(3));
  CHECK(routed(directory, "pay") == Keys{"email:pay@example.com", "webhook:hook"});
  CHECK(routed(directory, " ops , pay") == Keys{"email:a@example.com", "email:b@example.com",
                                                "email:pay@example.com", "webhook:hook"});
  CHECK(routed(directory, "team@mail.example.com") == Keys{"email:team@mail.example.com"});
  CHECK(routed(directory, "pay", {"owner", "chat"}) ==
        Keys{"email:pay@example.com", "webhook:hook", "webhook:chat"});
}

TEST_CASE("an owner that leads nowhere goes to the fallback and is named") {
  auto const directory = load(
                             "receivers: {ops: {email: ops@example.com}}\nfallback: [ops]\n"
                             "owner_domains: [example.com]\n")
                             .directory;
  auto const to_ops = Keys{"email:ops@example.com"};
  CHECK(routed(directory, "nobody") == to_ops);
  CHECK(routed(directory, "") == to_ops);
  CHECK(routed(directory, "x@evilexample.com") == to_ops);
  CHECK(routed(directory, "x@example.com>\r\nRCPT TO:<y@example.com") == to_ops);
  CHECK(routed(directory, "http://127.0.0.1/admin") == to_ops);
  auto what = fired("01A");
  std::vector<std::string> unknown;
  what.state.labels["owner"] = "a, b";
  route(what, directory, unknown);
  CHECK(unknown == std::vector<std::string>{"a", "b"});
}

TEST_CASE("slips in the notify file are named by line and key") {
  CHECK(load("receiver: {}\n").errors ==
        std::vector<std::string>{"notify.yml:1: receiver: unknown key; did you mean "
                                 "\"receivers\"?"});
  CHECK(load("receivers:\n  a: {email: [x]}\n").errors ==
        std::vector<std::string>{"notify.yml:2: receivers.a.email: \"x\" is not an address; write "
                                 "user@domain"});
  CHECK(load("receivers:\n  a: {webhook: \"ftp://x\"}\n").errors.size() == 1);
  CHECK(load("receivers:\n  a: {webhook: {token_file: /nonexistent, url: \"http://x\"}}\n")
            .errors.size() == 1);
  CHECK(load("receivers:\n  owner: {email: [a@b]}\n").errors.size() == 1);
  CHECK(load("receivers:\n  a: {}\n").errors.size() == 1);
  CHECK(load("owners:\n  pay: [nobody]\n").errors ==
        std::vector<std::string>{"notify.yml:2: owners.pay: \"nobody\" is neither an address nor a "
                                 "receiver; write user@domain, or a name of receivers:"});
  CHECK(load("fallback: [x]\n").errors.size() == 1);
  CHECK(load_directory("/nonexistent/notify.yml").errors.size() == 1);
}

TEST_CASE("robots are read, their secrets from files that others cannot read") {
  TemporaryDirectory directory;
  auto const secret = directory.path() + "/secret";
  std::ofstream(secret) << "S3CRET\n";
  std::filesystem::permissions(secret, std::filesystem::perms{0600});
  auto const loaded = load("receivers:\n  a:\n    wecom: {key_file: " + secret +
                           "}\n    dingtalk: {token_file: " + secret + ", secret_file: " + secret +
                           ", mention: [zhang, all]}\n    feishu: {token_file: " + secret +
                           ", url: \"https://open.larksuite.com/open-apis/bot/v2/hook/\"}\n"
                           "    slack: https://hooks.slack.com/services/T/B/X\n");
  REQUIRE(loaded.errors.empty());
  auto const& robots = loaded.directory.receivers.at("a").robots;
  REQUIRE(robots.size() == 4);
  CHECK(robots[0].url == "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=S3CRET");
  CHECK(robots[1].url == "https://oapi.dingtalk.com/robot/send?access_token=S3CRET");
  CHECK(robots[1].secret == "S3CRET");
  CHECK(robots[1].mention == std::vector<std::string>{"zhang", "all"});
  CHECK(robots[2].url == "https://open.larksuite.com/open-apis/bot/v2/hook/S3CRET");
  CHECK(robots[3].url == "https://hooks.slack.com/services/T/B/X");
  CHECK(routed(loaded.directory, "x", {"a"}) ==
        Keys{"wecom:a", "wecom-picture:a", "dingtalk:a", "feishu:a", "slack:a"});
  CHECK(std::set<std::string>(loaded.secret_files.begin(), loaded.secret_files.end()) ==
        std::set<std::string>{secret});
  auto const silent =
      load("receivers: {a: {wecom: {url: \"http://x\", picture: false}}}\n").directory;
  CHECK(routed(silent, "x", {"a"}) == Keys{"wecom:a"});

  auto const error = [&](std::string const& robot) {
    auto const slips = load("receivers:\n  a: {" + robot + "}\n").errors;
    REQUIRE(slips.size() == 1);
    return slips[0];
  };
  std::filesystem::permissions(secret, std::filesystem::perms{0644});
  CHECK(error("wecom: {key_file: " + secret + "}") ==
        "notify.yml:2: receivers.a.wecom.key_file: " + secret +
            ": others may read it; write the secret as the first line of a file of dAdvisor's own "
            "user, chmod 600");
  CHECK(error("wecom: {}") ==
        "notify.yml:2: receivers.a.wecom.url: missing; write url: or url_file: with the URL that "
        "the vendor shows, or key_file:");
  CHECK(error("slack: {url: \"http://x\", secret_file: x}") ==
        "notify.yml:2: receivers.a.slack.secret_file: slack signs nothing; leave it out");
  CHECK(error("feishu: {url: \"http://x\", picture: false}") ==
        "notify.yml:2: receivers.a.feishu.picture: feishu takes none; leave it out");
  CHECK(error("wecom: {url: \"http://x\", picture: no}") ==
        "notify.yml:2: receivers.a.wecom.picture: \"no\" is neither true nor false; write false");
  CHECK(error("feishu: {url: \"http://x\", mention: [\"a>b\"]}").find("\"a>b\" is not an id") !=
        std::string::npos);
  CHECK(error("slack: \"xoxb-secret\"").find("xoxb") == std::string::npos);
}

TEST_CASE("mail servers") {
  auto const plain = smtp_options("mail.example.com", "none");
  REQUIRE(plain);
  CHECK(plain->host == "mail.example.com");
  CHECK(plain->port == 25);
  CHECK(plain->tls == curl::Tls::none);
  CHECK(smtp_options("smtp://mail:2525", "required")->port == 2525);
  CHECK(smtp_options("smtp://mail:2525/", "required")->tls == curl::Tls::required);
  CHECK(smtp_options("smtps://mail", "required")->tls == curl::Tls::implicit);
  CHECK(smtp_options("smtps://mail", "required")->port == 465);
  CHECK_FALSE(smtp_options("mail:x", "required"));
  CHECK_FALSE(smtp_options("mail", "maybe"));
}
