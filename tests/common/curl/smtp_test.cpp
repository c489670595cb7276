#include "common/curl/smtp.hpp"

#include <catch2/catch.hpp>

#include "scripted_peer.hpp"

using namespace dadvisor::curl;
using dadvisor::test::Connection;
using dadvisor::test::ScriptedPeer;

namespace {

// A server that answers each command class as told; "" for `final` hangs up after the dot.
struct Answers {
  std::string mail = "250 ok\r\n";
  std::string rcpt = "250 ok\r\n";
  std::string data = "354 go\r\n";
  std::string final = "250 taken\r\n";
  bool hang_up_in_data = false;
};

Delivery deliver(Answers const& answers, std::string const& message, std::string* received) {
  ScriptedPeer peer([&](Connection& peer_side) {
    peer_side.say("220 test\r\n");
    for (;;) {
      auto const line = peer_side.line();
      if (line.empty()) return;
      if (line.rfind("EHLO", 0) == 0)
        peer_side.say("250 test\r\n");
      else if (line.rfind("MAIL", 0) == 0)
        peer_side.say(answers.mail);
      else if (line.rfind("RCPT", 0) == 0)
        peer_side.say(answers.rcpt);
      else if (line == "DATA") {
        peer_side.say(answers.data);
        if (answers.data.rfind("354", 0) != 0) continue;
        if (answers.hang_up_in_data) return;
        for (auto text = peer_side.line(); text != "."; text = peer_side.line())
          if (received != nullptr)
            *received += (text.rfind("..", 0) == 0 ? text.substr(1) : text) + "\r\n";
        if (answers.final.empty()) return;
        peer_side.say(answers.final);
      } else if (line == "QUIT") {
        peer_side.say("221 bye\r\n");
        return;
      }
    }
  });
  SmtpOptions options;
  options.host = "127.0.0.1";
  options.port = peer.port();
  options.tls = Tls::none;
  options.hello_name = "dadvisor.test";
  options.timeout = std::chrono::milliseconds(5000);
  SmtpClient client(options);
  return client.send("a@example.com", "b@example.com", message);
}

}  // namespace

TEST_CASE("a message arrives byte for byte, dots at line starts too") {
  std::string received;
  std::string const message = "Subject: x\r\n\r\n.\r\n..two\r\n.hidden\r\nend\r\n";
  auto const delivery = deliver({}, message, &received);
  CHECK(delivery.outcome == Outcome::sent);
  CHECK(received == message);
}

TEST_CASE("a reply of the 400s is tried again, one of the 500s is not") {
  Answers answers;
  answers.rcpt = "451 later\r\n";
  CHECK(deliver(answers, "x\r\n", nullptr).outcome == Outcome::retry);
  answers.rcpt = "550 no such user\r\n";
  auto const refused = deliver(answers, "x\r\n", nullptr);
  CHECK(refused.outcome == Outcome::permanent);
  CHECK(refused.reply == 550);
  answers = {};
  answers.final = "554 looks like spam\r\n";
  CHECK(deliver(answers, "x\r\n", nullptr).outcome == Outcome::permanent);
  answers.final = "452 disk full\r\n";
  CHECK(deliver(answers, "x\r\n", nullptr).outcome == Outcome::retry);
}

TEST_CASE("taken but without a reply is unknown") {
  Answers answers;
  answers.final = "";
  auto const delivery = deliver(answers, "x\r\n", nullptr);
  CHECK(delivery.outcome == Outcome::unknown);
  CHECK(delivery.reply == 354);
}

TEST_CASE("a server that is not there is tried again") {
  std::uint16_t port = 0;
  {
    port = ScriptedPeer([](Connection&) {}).port();
  }
  SmtpOptions options;
  options.host = "127.0.0.1";
  options.port = port;
  auto const delivery = SmtpClient(options).send("a@example.com", "b@example.com", "x\r\n");
  CHECK(delivery.outcome == Outcome::retry);
  CHECK(delivery.reply == 0);
}

TEST_CASE("required TLS never falls back to plain text") {
  std::string received;
  ScriptedPeer peer([&](Connection& peer_side) {
    peer_side.say("220 test\r\n");
    for (auto line = peer_side.line(); !line.empty(); line = peer_side.line()) {
      received += line + "\n";
      peer_side.say("250 test\r\n");
    }
  });
  SmtpOptions options;
  options.host = "127.0.0.1";
  options.port = peer.port();
  options.tls = Tls::required;
  auto const delivery = SmtpClient(options).send("a@example.com", "b@example.com", "x\r\n");
  CHECK(delivery.outcome == Outcome::retry);
  CHECK(received.find("MAIL") == std::string::npos);
}

TEST_CASE("an address that could carry a command is refused before any connection") {
  SmtpOptions options;
  options.host = "127.0.0.1";
  options.port = 1;
  auto const delivery =
      SmtpClient(options).send("a@example.com", "b@example.com>\r\nDATA", "x\r\n");
  CHECK(delivery.outcome == Outcome::permanent);
  CHECK(delivery.reply == 0);
}

TEST_CASE("classification goes by the reply, not by libcurl's code") {
  CHECK(classify(CURLE_OK, 250, true) == Outcome::sent);
  CHECK(classify(CURLE_SEND_ERROR, 451, false) == Outcome::retry);
  CHECK(classify(CURLE_SEND_ERROR, 550, false) == Outcome::permanent);
  CHECK(classify(CURLE_LOGIN_DENIED, 535, false) == Outcome::retry);
  CHECK(classify(CURLE_SEND_ERROR, 530, false) == Outcome::retry);
  CHECK(classify(CURLE_RECV_ERROR, 354, true) == Outcome::unknown);
  CHECK(classify(CURLE_RECV_ERROR, 354, false) == Outcome::retry);
  CHECK(classify(CURLE_OPERATION_TIMEDOUT, 354, true) == Outcome::unknown);
  CHECK(classify(CURLE_RECV_ERROR, 250, true) == Outcome::sent);
  CHECK(classify(CURLE_RECV_ERROR, 250, false) == Outcome::retry);
  CHECK(classify(CURLE_COULDNT_CONNECT, 0, false) == Outcome::retry);
}
