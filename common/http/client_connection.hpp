#pragma once
// What requests and streams have in common: a socket to the origin, messages as Beast has them, and
// what its errors mean for the caller. Owned by the loop's thread.

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
#include "common/http/wire.hpp"

namespace dadvisor::http {

namespace beast = boost::beast;

inline constexpr std::uint32_t reply_header_limit = 64 << 10;

// One socket to the origin. `deadline` closes it when the exchange takes too long; whatever is
// pending then ends with an error, and `late` tells that this was why.
struct ClientConnection : std::enable_shared_from_this<ClientConnection> {
  using Protocol = asio::generic::stream_protocol;

  ClientConnection(asio::io_context& io, std::shared_ptr<TlsCredentials> its_tls)
      : wire(Socket(io)), tls(std::move(its_tls)), resolver(io), deadline(io) {}

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
    resolver.cancel();
    deadline.cancel();
    wire.close();
  }
  // Whether a kept connection still looks usable: the peer has neither closed it nor spoken
  // unasked, and our own certificate is still the one that it began with.
  bool usable() const {
    if (wire.tls()) tls->look(MonotonicTime(std::chrono::steady_clock::now().time_since_epoch()));
    return wire.quiet() && (!wire.tls() || wire.tls()->context() == tls->context());
  }

  using Done = std::function<void(error_code)>;
  // With TLS where the origin says so: `done` comes once it is established.
  void connect(Origin const& origin, Done done);
  void connect_socket(Origin const& origin, Done done);
  void start_tls(std::string const& host, Done done);
  void connect_to(std::vector<Protocol::endpoint> endpoints, std::size_t next, Done done);

  Wire wire;
  std::shared_ptr<TlsCredentials> tls;
  asio::ip::tcp::resolver resolver;
  asio::steady_timer deadline;
  beast::flat_buffer buffer;
  std::string tls_failure;  // why TLS could not be begun
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
