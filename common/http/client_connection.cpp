#include "common/http/client_connection.hpp"

#include <fmt/format.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/http/error.hpp>

namespace dadvisor::http {

void ClientConnection::connect(Origin const& origin, Done done) {
  if (!origin.tls) return connect_socket(origin, std::move(done));
  connect_socket(origin, [self = shared_from_this(), host = origin.host,
                          done = std::move(done)](error_code ec) mutable {
    if (ec || self->closed) return done(ec ? ec : asio::error::operation_aborted);
    self->start_tls(host, std::move(done));
  });
}

void ClientConnection::start_tls(std::string const& host, Done done) {
  if (!tls) {
    tls_failure = "no TLS credentials were given";
    return done(asio::error::connection_aborted);
  }
  tls->look(MonotonicTime(std::chrono::steady_clock::now().time_since_epoch()));
  std::unique_ptr<TlsSession> session;
  try {
    session = std::make_unique<TlsSession>(tls->context(), wire.socket.native_handle(), host);
  } catch (std::runtime_error const& failure) {
    tls_failure = failure.what();
    return done(asio::error::connection_aborted);
  }
  wire.start_tls(std::move(session),
                 [self = shared_from_this(), done](error_code ec, std::size_t) { done(ec); });
}

void ClientConnection::connect_socket(Origin const& origin, Done done) {
  if (!origin.socket_path.empty()) {
    try {
      auto const endpoint = asio::local::stream_protocol::endpoint(origin.socket_path);
      return connect_to({endpoint}, 0, std::move(done));
    } catch (boost::system::system_error const& too_long) {
      return asio::post(wire.get_executor(), [done, code = too_long.code()] { done(code); });
    }
  }
  error_code not_numeric;
  auto const address = asio::ip::make_address(origin.host, not_numeric);
  if (!not_numeric) {
    return connect_to({asio::ip::tcp::endpoint(address, origin.port)}, 0, std::move(done));
  }
  resolver.async_resolve(origin.host, std::to_string(origin.port),
                         [self = shared_from_this(), done](
                             error_code ec, asio::ip::tcp::resolver::results_type found) {
                           if (ec || self->closed)
                             return done(ec ? ec : asio::error::operation_aborted);
                           std::vector<Protocol::endpoint> endpoints;
                           for (auto const& entry : found) endpoints.emplace_back(entry.endpoint());
                           self->connect_to(std::move(endpoints), 0, done);
                         });
}

void ClientConnection::connect_to(std::vector<Protocol::endpoint> endpoints, std::size_t next,
                                  Done done) {
  auto const endpoint = endpoints[next];
  wire.socket.async_connect(endpoint, [self = shared_from_this(), endpoints = std::move(endpoints),
                                       next, done](error_code ec) {
    if (ec && !self->closed && next + 1 < endpoints.size()) {
      error_code ignored;
      self->wire.socket.close(ignored);
      return self->connect_to(endpoints, next + 1, done);
    }
    if (!ec && endpoints[next].protocol().family() != AF_UNIX) {
      error_code ignored;
      self->wire.socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    }
    done(ec);
  });
}

BeastRequest to_beast(ClientRequest request, Origin const& origin) {
  BeastRequest message;
  message.version(11);
  message.method_string(request.method);
  message.target(request.target);
  message.set(beast::http::field::host,
              origin.socket_path.empty() ? to_string(origin) : std::string("localhost"));
  message.set(beast::http::field::user_agent, "dadvisor/" DADVISOR_VERSION);
  for (auto const& [name, value] : request.headers) message.insert(name, value);
  bool const bodied = !request.body.empty() || request.method == "POST" || request.method == "PUT";
  message.body() = std::move(request.body);
  if (bodied) message.content_length(message.body().size());
  return message;
}

std::string name_of(ClientRequest const& request, Origin const& origin) {
  return fmt::format("{} {} at {}", request.method,
                     std::string_view(request.target).substr(0, request.target.find('?')),
                     to_string(origin));
}

Error to_error(error_code ec, ClientConnection const& connection, bool heard,
               std::string const& what) {
  if (connection.late) return Error{Errc::timeout, 0, what + ": no whole answer in time"};
  Error error{Errc::unavailable, 0, what + ": " + ec.message()};
  auto const* const tls = connection.wire.tls();
  auto const& failure = tls != nullptr ? tls->failure() : connection.tls_failure;
  if (!failure.empty()) return Error{Errc::denied, 0, what + ": " + failure};
  if (ec == beast::http::error::body_limit || ec == beast::http::error::header_limit ||
      ec == beast::http::error::buffer_overflow) {
    error.code = Errc::too_large;
  } else if (ec == beast::http::error::end_of_stream || ec == beast::http::error::partial_message ||
             ec == asio::error::eof || ec == asio::error::connection_reset ||
             ec == asio::error::broken_pipe) {
    error.code = heard ? Errc::gone : Errc::unavailable;
    error.context = what + ": the peer hung up";
  } else if (ec.category() == make_error_code(beast::http::error::bad_status).category()) {
    error.code = Errc::malformed;
  } else if (ec == boost::system::errc::permission_denied) {
    error.code = Errc::denied;
  }
  if (ec.category() == boost::system::system_category()) error.os_error = ec.value();
  return error;
}

}  // namespace dadvisor::http
