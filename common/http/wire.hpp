#pragma once
// The bytes of one connection, in the clear or by TLS, as the stream that Asio's and Beast's
// operations work on. In the clear it is the socket itself: what TLS needs costs a branch. Includes
// Asio: only for the files of this folder that do anyway. Owned by the loop's thread; at most one
// read and one write at a time, as of any stream.

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/http/loop_state.hpp"
#include "common/http/tls_session.hpp"

namespace dadvisor::http {

using boost::system::error_code;
// Of the loop's own kind of executor: the general one costs an allocation and calls at each step.
using Socket =
    asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;

class Wire {
 public:
  using executor_type = asio::io_context::executor_type;
  using Done = std::function<void(error_code, std::size_t)>;

  explicit Wire(Socket its_socket) : socket(std::move(its_socket)) {}

  Socket socket;  // connected, closed and waited on by the owner
  executor_type get_executor() { return socket.get_executor(); }

  // From here on all goes by `session`, of this socket; `done` once it is established. What waits
  // keeps `done` and what that holds.
  void start_tls(std::unique_ptr<TlsSession> session, Done done);
  // None in the clear.
  TlsSession* tls() const { return tls_.get(); }
  // Whether the peer neither has ended the connection nor said anything.
  bool quiet() const;
  // Whether it has ended it, with nothing said that is not read yet.
  bool gone() const;
  // Nothing more is sent; what is under way of the socket's own goes on.
  void shutdown_send();
  // Ends all that is under way with an error.
  void close();

  template <typename Buffers, typename Handler>
  void async_read_some(Buffers const& buffers, Handler&& handler) {
    if (!tls_) {
      socket.async_read_some(buffers, std::forward<Handler>(handler));
      return;
    }
    read_tls(first_of<asio::mutable_buffer>(buffers), erase(std::forward<Handler>(handler)), false);
  }
  template <typename Buffers, typename Handler>
  void async_write_some(Buffers const& buffers, Handler&& handler) {
    if (!tls_) {
      socket.async_write_some(buffers, std::forward<Handler>(handler));
      return;
    }
    // What is small goes together: a head and its body are one record and one packet.
    auto const first = first_of<asio::const_buffer>(buffers);
    if (first.size() >= record_bytes || first.size() == asio::buffer_size(buffers))
      return write_tls(first, erase(std::forward<Handler>(handler)), false);
    gathered_.resize(std::min(asio::buffer_size(buffers), record_bytes));
    asio::buffer_copy(asio::buffer(gathered_), buffers);
    write_tls(asio::buffer(gathered_), erase(std::forward<Handler>(handler)), false);
  }

 private:
  static constexpr std::size_t record_bytes = 16 << 10;

  template <typename Buffer, typename Buffers>
  static Buffer first_of(Buffers const& buffers) {
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers);
         ++at)
      if (Buffer const one = *at; one.size() > 0) return one;
    return Buffer();
  }
  // Handlers can often not be copied; a function must be.
  template <typename Handler>
  static Done erase(Handler&& handler) {
    auto held = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(handler));
    return [held](error_code ec, std::size_t n) { std::move (*held)(ec, n); };
  }

  // `waited`: called by the loop, and not by whoever began the operation.
  void handshake(Done done, bool waited);
  void read_tls(asio::mutable_buffer into, Done done, bool waited);
  void write_tls(asio::const_buffer from, Done done, bool waited);
  template <typename Again>
  void go_on(TlsSession::Step step, Done done, bool waited, Again again);

  std::unique_ptr<TlsSession> tls_;
  std::string gathered_;
};

}  // namespace dadvisor::http
