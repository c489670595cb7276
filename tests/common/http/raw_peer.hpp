#pragma once
// Peers made of bare sockets, for saying what no well-behaved HTTP program says: a server that
// runs a function per connection on a thread of its own, and a client that writes bytes and reads
// what comes.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace dadvisor::test {

inline void raw_send(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    auto const n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

// Reads until the text ends with / contains `mark`, the peer closes, or five seconds pass.
inline std::string raw_read_until(int fd, std::string_view mark) {
  std::string text;
  char buffer[4096];
  while (mark.empty() || text.find(mark) == std::string::npos) {
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, 5000) <= 0) break;
    auto const n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

inline int raw_connect(std::uint16_t port) {
  int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("connect failed");
  }
  return fd;
}

class RawServer {
 public:
  using Talk = std::function<void(int fd)>;  // on a thread of its own; the fd is closed after it

  explicit RawServer(Talk talk) : talk_(std::move(talk)) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0) {
      throw std::runtime_error("bind failed");
    }
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    start();
  }
  RawServer(std::string path, Talk talk) : talk_(std::move(talk)), path_(std::move(path)) {
    ::unlink(path_.c_str());
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("bind failed");
    }
    start();
  }
  ~RawServer() {
    ::shutdown(fd_, SHUT_RDWR);  // ends accept()
    acceptor_.join();
    hang_up();
    for (auto& thread : threads_) thread.join();
    ::close(fd_);
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  RawServer(RawServer const&) = delete;
  RawServer& operator=(RawServer const&) = delete;

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  // Cuts every open connection.
  void hang_up() {
    std::lock_guard const lock(mutex_);
    for (int const fd : open_) ::shutdown(fd, SHUT_RDWR);
  }

 private:
  void start() {
    ::listen(fd_, 64);
    acceptor_ = std::thread([this] {
      for (;;) {
        int const fd = ::accept(fd_, nullptr, nullptr);
        if (fd < 0) return;
        ++connections_;
        std::lock_guard const lock(mutex_);
        open_.push_back(fd);
        threads_.emplace_back([this, fd] {
          talk_(fd);
          std::lock_guard const guard(mutex_);
          std::erase(open_, fd);
          ::close(fd);
        });
      }
    });
  }

  Talk talk_;
  std::string path_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace dadvisor::test
