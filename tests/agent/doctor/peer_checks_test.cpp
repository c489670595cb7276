#include "agent/doctor/peer_checks.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace std::chrono_literals;
using Level = Finding::Level;

namespace {

Result<http::Response> answer(unsigned status, std::string body) {
  return http::json_response(status, std::move(body));
}

}  // namespace

TEST_CASE("what Docker's answer, or none, means") {
  auto const docker = [](Result<http::Response> const& reply) { return check_docker("/s", reply); };
  auto const good = docker(answer(200, R"({"Version":"20.10.24","ApiVersion":"1.41"})"));
  CHECK(good == Finding{Level::good, "docker", "20.10.24 answers at /s (API 1.41)", ""});
  CHECK(docker(answer(200, "no JSON")).level == Level::fault);
  CHECK(docker(answer(404, "{}")).level == Level::fault);
  auto const denied = docker(Error{Errc::denied, 13, "/s"});
  CHECK(denied.level == Level::fault);
  CHECK(denied.remedy.find("docker") != std::string::npos);
  CHECK(docker(Error{Errc::timeout, 0, "/s"}).level == Level::fault);
  // A host may have none.
  CHECK(docker(Error{Errc::unavailable, 0, "/s"}).level == Level::note);
}

TEST_CASE("what Docker came to for the resolver, with its own remedies") {
  auto const docker = [](std::optional<Error> const& trouble) {
    return check_docker("/s", trouble);
  };
  CHECK(docker(std::nullopt) ==
        Finding{Level::good, "docker", "the daemon at /s answers the resolver", ""});
  auto const denied = docker(Error{Errc::denied, 13, "/s"});
  CHECK(denied.level == Level::fault);
  CHECK(denied.found == "/s: the resolver may not open it: containers have no names");
  CHECK(denied.remedy.find("restart dadvisor-resolver") != std::string::npos);
  CHECK(docker(Error{Errc::unavailable, 2, "/s"}).level == Level::note);
}

TEST_CASE("which way names come, and what to do where none does") {
  auto const told = [](Asked asked, std::optional<Error> const& trouble = {}) {
    return check_resolver("/r", asked, trouble);
  };
  CHECK(told(Asked::by_agent) ==
        Finding{Level::good, "resolver",
                "none at /r: Docker and containerd are asked by the agent itself", ""});
  CHECK(told(Asked::by_resolver) ==
        Finding{Level::good, "resolver", "/r answers: it asks Docker and containerd", ""});
  auto const denied = told(Asked::by_resolver, Error{Errc::denied, 13, "/r"});
  CHECK((denied.level == Level::fault && denied.remedy.find("root") != std::string::npos));
  auto const away = told(Asked::by_resolver, Error{Errc::unavailable, 111, "/r"});
  CHECK((away.level == Level::fault && away.remedy.find("systemctl") != std::string::npos));
}

TEST_CASE("what containerd came to, beside Docker and without") {
  auto const told = [](std::optional<Error> const& trouble, bool docker,
                       std::vector<std::string> const& namespaces = {}) {
    return check_containerd("/c", trouble, namespaces, docker);
  };
  CHECK(told({}, false, {"default", "k8s.io"}) ==
        Finding{Level::good, "containerd", "/c answers: containers in default, k8s.io", ""});
  CHECK(told({}, true) ==
        Finding{Level::good, "containerd", "/c answers: it has nothing but Docker's own", ""});
  // Beside Docker most have one that only root may ask, or none: the figures lack nothing by it.
  CHECK(check_containerd("/c", Error{Errc::denied, 13, "/c"}, {}, false, Asked::by_resolver)
            .remedy.find("the group dadvisor-resolver") != std::string::npos);
  Error const denied{Errc::denied, 13, "/c"}, none{Errc::unavailable, 2, "/c"};
  CHECK(told(denied, true).level == Level::note);
  CHECK(told(denied, false).level == Level::fault);
  CHECK(told(denied, false).remedy.find("gid") != std::string::npos);
  CHECK(told(none, true).level == Level::good);
  CHECK(told(none, false).level == Level::note);
  CHECK(told(Error{Errc::timeout, 0, "/c"}, false).level == Level::fault);
  CHECK(told(Error{Errc::malformed, 0, "/c"}, false).remedy.find("containerd_socket") !=
        std::string::npos);
}

TEST_CASE("what a Mesos agent's answer means") {
  auto const told = [](Result<http::Response> const& reply) {
    return check_mesos("http://m", reply);
  };
  CHECK(told(answer(200, R"({"version":"1.11.0","frameworks":[]})")) ==
        Finding{Level::good, "mesos", "http://m of version 1.11.0 answers", ""});
  auto const gone = told(Error{Errc::unavailable, 111, "x"}), closed = told(answer(401, ""));
  CHECK((gone.level == Level::fault && gone.remedy.find("mesos_agent") != std::string::npos));
  CHECK((closed.level == Level::fault && closed.remedy.find("readonly") != std::string::npos));
  CHECK(told(answer(200, "{}")).level == Level::fault);
}

TEST_CASE("what the aggregator's answer means") {
  auto const told = [](bool token, Result<http::Response> const& reply) {
    return check_aggregator("http://a", token, reply);
  };
  CHECK(told(false, answer(200, R"({"version":"1.2"})")) ==
        Finding{Level::good, "aggregator", "http://a of version 1.2 answers", ""});
  CHECK(told(false, Error{Errc::unavailable, 111, "x"}).level == Level::fault);
  // Without a token another remedy than with a wrong one.
  auto const none = told(false, answer(401, "")), wrong = told(true, answer(401, ""));
  CHECK(none.level == Level::fault);
  CHECK(wrong.level == Level::fault);
  CHECK(none.remedy != wrong.remedy);
  CHECK(told(false, answer(200, "<html>")).level == Level::fault);
}

TEST_CASE("the offset of clocks, by what the aggregator tells of its own") {
  auto const reply = answer(200, R"({"version":"1","started":1795390000,"uptime_seconds":10.5})");
  auto const now = from_unix_seconds(1'795'390'018);
  REQUIRE(clock_offset(reply, now));
  CHECK(std::chrono::abs(*clock_offset(reply, now) - 7'500ms) < 1ms);
  CHECK_FALSE(clock_offset(answer(200, "{}"), now));
  CHECK_FALSE(clock_offset(answer(401, "{}"), now));
  CHECK(check_offset(-4s).level == Level::good);
  CHECK(check_offset(-4s).found == "this clock is 4 s behind the aggregator's");
  CHECK(check_offset(6s).level == Level::note);
  CHECK(check_offset(-11min).level == Level::fault);
}
