#pragma once
// A TCP peer on 127.0.0.1 that takes one connection after another and runs a script on each, on
// a thread of its own; ends with its object.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>

namespace dadvisor::test {

class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  // The next line without its CRLF; empty at the end of the stream.
  std::string line() {
    for (;;) {
      auto const end = buffer_.find("\r\n");
      if (end != std::string::npos) {
        auto const text = buffer_.substr(0, end);
        buffer_.erase(0, end + 2);
        return text;
      }
      if (!more()) return {};
    }
  }
  std::string bytes(std::size_t count) {
    while (buffer_.size() < count && more()) {
    }
    auto const text = buffer_.substr(0, count);
    buffer_.erase(0, text.size());
    return text;
  }
  void say(std::string const& text) {
    std::size_t done = 0;
    while (done < text.size()) {
      auto const n = ::send(fd_, text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (n <= 0) return;
      done += static_cast<std::size_t>(n);
    }
  }

 private:
  bool more() {
    char chunk[4096];
    auto const n = ::recv(fd_, chunk, sizeof chunk, 0);
    if (n > 0) buffer_.append(chunk, static_cast<std::size_t>(n));
    return n > 0;
  }
  int fd_;
  std::string buffer_;
};

class ScriptedPeer {
 public:
  explicit ScriptedPeer(std::function<void(Connection&)> script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listener_, 8);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~ScriptedPeer() {
    ending_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    if (int const fd = current_.load(); fd >= 0) ::shutdown(fd, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::uint16_t port() const { return port_; }

 private:
  void run() {
    while (!ending_) {
      int const fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      current_ = fd;
      Connection connection(fd);
      if (!ending_) script_(connection);
      current_ = -1;
      ::close(fd);
    }
  }
  std::function<void(Connection&)> script_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> ending_{false};
  std::atomic<int> current_{-1};
  std::thread thread_;
};

}  // namespace dadvisor::test
