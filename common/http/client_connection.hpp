#pragma once
// What requests and streams have in common: a socket to the origin, messages as Beast has them, and
// what its errors mean for the caller. Owned by the loop's thread.

#include <sys/socket.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/http/client.hpp"
#include "common/http/loop_state.hpp"

namespace dadvisor::http {

namespace beast = boost::beast;
using boost::system::error_code;

inline constexpr std::uint32_t reply_header_limit = 64 << 10;

// One socket to the origin. `deadline` closes it when the exchange takes too long; whatever is
// pending then ends with an error, and `late` tells that this was why.
struct ClientConnection : std::enable_shared_from_this<ClientConnection> {
  using Protocol = asio::generic::stream_protocol;

  explicit ClientConnection(asio::io_context& io) : socket(io), resolver(io), deadline(io) {}

  void limit(std::chrono::steady_clock::time_point until) {
    deadline.expires_at(until);
    deadline.async_wait([self = shared_from_this()](error_code ec) {
      if (ec || self->closed) return;
      self->late = true;
      self->close();
    });
  }
  void close() {
    closed = true;
    error_code ignored;
    resolver.cancel();
    deadline.cancel();
    socket.close(ignored);
  }
  // Whether a kept connection still looks usable: the peer has neither closed it nor spoken
  // unasked.
  bool usable() {
    char byte = 0;
    auto const n = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EINTR);
  }

  using Done = std::function<void(error_code)>;
  void connect(Origin const& origin, Done done);
  void connect_to(std::vector<Protocol::endpoint> endpoints, std::size_t next, Done done);

  Protocol::socket socket;
  asio::ip::tcp::resolver resolver;
  asio::steady_timer deadline;
  beast::flat_buffer buffer;
  bool late = false;
  bool closed = false;
};

using BeastRequest = beast::http::request<beast::http::string_body>;

BeastRequest to_beast(ClientRequest request, Origin const& origin);
// Status and headers; no body.
template <typename Message>
Response from_beast(Message const& message) {
  Response response;
  response.status = message.result_int();
  for (auto const& field : message) {
    response.headers.emplace_back(field.name_string(), field.value());
  }
  return response;
}

// For error messages; without the query, which may be long or hold what is none of a log's
// business.
std::string name_of(ClientRequest const& request, Origin const& origin);
// What an error means for the caller. `heard`: some of the reply had come.
Error to_error(error_code ec, ClientConnection const& connection, bool heard,
               std::string const& what);

}  // namespace dadvisor::http
