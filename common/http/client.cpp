#include "common/http/client.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <deque>
#include <set>

#include "common/http/loop_state.hpp"

namespace dadvisor::http {

namespace beast = boost::beast;
using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;
using Socket = Protocol::socket;

namespace {

constexpr std::uint32_t reply_header_limit = 64 << 10;

// One socket to the origin. `deadline` closes it when the exchange takes too long; whatever is
// pending then ends with an error, and `late` tells that this was why.
struct Connection : std::enable_shared_from_this<Connection> {
  explicit Connection(asio::io_context& io) : socket(io), resolver(io), deadline(io) {}

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

  Socket socket;
  asio::ip::tcp::resolver resolver;
  asio::steady_timer deadline;
  beast::flat_buffer buffer;
  bool late = false;
  bool closed = false;
};

void Connection::connect(Origin const& origin, Done done) {
  if (!origin.socket_path.empty()) {
    try {
      auto const endpoint = asio::local::stream_protocol::endpoint(origin.socket_path);
      return connect_to({endpoint}, 0, std::move(done));
    } catch (boost::system::system_error const& too_long) {
      return asio::post(socket.get_executor(), [done, code = too_long.code()] { done(code); });
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

void Connection::connect_to(std::vector<Protocol::endpoint> endpoints, std::size_t next,
                            Done done) {
  auto const endpoint = endpoints[next];
  socket.async_connect(endpoint, [self = shared_from_this(), endpoints = std::move(endpoints), next,
                                  done](error_code ec) {
    if (ec && !self->closed && next + 1 < endpoints.size()) {
      error_code ignored;
      self->socket.close(ignored);
      return self->connect_to(endpoints, next + 1, done);
    }
    if (!ec && endpoints[next].protocol().family() != AF_UNIX) {
      error_code ignored;
      self->socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    }
    done(ec);
  });
}

using BeastRequest = beast::http::request<beast::http::string_body>;

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

// For error messages; without the query, which may be long or hold what is none of a log's
// business.
std::string name_of(ClientRequest const& request, Origin const& origin) {
  return fmt::format("{} {} at {}", request.method,
                     std::string_view(request.target).substr(0, request.target.find('?')),
                     to_string(origin));
}

template <typename Message>
Response from_beast(Message const& message) {
  Response response;
  response.status = message.result_int();
  for (auto const& field : message) {
    response.headers.emplace_back(field.name_string(), field.value());
  }
  return response;
}

// What an error means for the caller. `heard`: some of the reply had come.
Error to_error(error_code ec, Connection const& connection, bool heard, std::string const& what) {
  if (connection.late) return Error{Errc::timeout, 0, what + ": no whole answer in time"};
  Error error{Errc::unavailable, 0, what + ": " + ec.message()};
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

}  // namespace

struct Client::State : std::enable_shared_from_this<Client::State> {
  struct Exchange {
    ClientRequest request;
    ResponseCallback callback;
    std::chrono::steady_clock::time_point until;
    std::shared_ptr<Connection> connection;  // none while it waits for one
    std::optional<asio::steady_timer> waiting;
    BeastRequest message;
    std::optional<beast::http::response_parser<beast::http::string_body>> parser;
    bool reused = false;
    bool done = false;
  };
  using ExchangePtr = std::shared_ptr<Exchange>;

  State(Loop& loop, Origin its_origin, ClientOptions its_options)
      : io(*loop.state()->io), origin(std::move(its_origin)), options(its_options) {}

  void add(ClientRequest request, ResponseCallback callback);
  void pump();
  void start(ExchangePtr const& exchange, bool fresh_only);
  void write(ExchangePtr const& exchange);
  void read(ExchangePtr const& exchange, error_code write_failure);
  void succeed(ExchangePtr const& exchange);
  void fail(ExchangePtr const& exchange, error_code ec);
  void finish(ExchangePtr const& exchange, Result<Response> result);
  void keep(std::shared_ptr<Connection> const& connection);
  asio::io_context& io;
  Origin origin;
  ClientOptions options;
  std::deque<ExchangePtr> queue;
  std::set<ExchangePtr> active;
  std::deque<std::shared_ptr<Connection>> idle;
  bool ended = false;
};

void Client::State::add(ClientRequest request, ResponseCallback callback) {
  auto const exchange = std::make_shared<Exchange>();
  exchange->until = std::chrono::steady_clock::now() + request.timeout;
  exchange->request = std::move(request);
  exchange->callback = std::move(callback);
  exchange->waiting.emplace(io, exchange->until);
  exchange->waiting->async_wait([self = shared_from_this(), exchange](error_code ec) {
    if (ec || self->ended || exchange->done || exchange->connection) return;
    std::erase(self->queue, exchange);
    Error late{Errc::timeout, 0,
               name_of(exchange->request, self->origin) + ": no free connection in time"};
    self->finish(exchange, std::move(late));
  });
  queue.push_back(exchange);
  asio::post(io, [self = shared_from_this()] { self->pump(); });
}

void Client::State::pump() {
  while (!ended && !queue.empty() && active.size() < options.max_connections) {
    auto const exchange = queue.front();
    queue.pop_front();
    active.insert(exchange);
    start(exchange, false);
  }
}

void Client::State::start(ExchangePtr const& exchange, bool fresh_only) {
  exchange->reused = false;
  exchange->message = to_beast(exchange->request, origin);
  exchange->parser.emplace();
  exchange->parser->body_limit(exchange->request.max_reply);
  exchange->parser->header_limit(reply_header_limit);
  exchange->parser->skip(exchange->request.method == "HEAD");
  while (!fresh_only && !idle.empty()) {
    auto const kept = idle.back();
    idle.pop_back();
    if (kept->closed || !kept->usable()) {
      kept->close();
      continue;
    }
    exchange->connection = kept;
    exchange->reused = true;
    kept->limit(exchange->until);
    return write(exchange);
  }
  exchange->connection = std::make_shared<Connection>(io);
  exchange->connection->limit(exchange->until);
  exchange->connection->connect(origin, [self = shared_from_this(), exchange](error_code ec) {
    if (self->ended) return;
    if (ec) return self->fail(exchange, ec);
    self->write(exchange);
  });
}

void Client::State::write(ExchangePtr const& exchange) {
  beast::http::async_write(exchange->connection->socket, exchange->message,
                           [self = shared_from_this(), exchange](error_code ec, std::size_t) {
                             if (!self->ended) self->read(exchange, ec);
                           });
}

// Also after a failed write: a server that refuses a large body answers and closes before it has
// read it all.
void Client::State::read(ExchangePtr const& exchange, error_code write_failure) {
  auto& connection = *exchange->connection;
  if (connection.closed) return fail(exchange, write_failure);
  beast::http::async_read(connection.socket, connection.buffer, *exchange->parser,
                          [self = shared_from_this(), exchange](error_code ec, std::size_t) {
                            if (self->ended) return;
                            if (ec) return self->fail(exchange, ec);
                            self->succeed(exchange);
                          });
}

void Client::State::succeed(ExchangePtr const& exchange) {
  auto const connection = exchange->connection;
  bool const again = exchange->parser->keep_alive() && connection->buffer.size() == 0;
  auto message = exchange->parser->release();
  Response response = from_beast(message);
  response.body = std::move(message.body());
  if (again && !connection->closed) {
    keep(connection);
  } else {
    connection->close();
  }
  finish(exchange, std::move(response));
}

void Client::State::fail(ExchangePtr const& exchange, error_code ec) {
  auto const connection = exchange->connection;
  bool const heard = exchange->parser->got_some();
  bool const harmless = exchange->request.method == "GET" || exchange->request.method == "HEAD";
  connection->close();
  if (exchange->reused && !heard && !connection->late && harmless) return start(exchange, true);
  finish(exchange, to_error(ec, *connection, heard, name_of(exchange->request, origin)));
}

void Client::State::finish(ExchangePtr const& exchange, Result<Response> result) {
  exchange->done = true;
  exchange->waiting->cancel();
  exchange->connection.reset();
  active.erase(exchange);
  // The callback comes last: it may destroy the Client.
  pump();
  auto const callback = std::move(exchange->callback);
  if (callback) callback(std::move(result));
}

void Client::State::keep(std::shared_ptr<Connection> const& connection) {
  idle.push_back(connection);
  connection->deadline.expires_after(options.idle_timeout);
  connection->deadline.async_wait(
      [weak = weak_from_this(), gone = std::weak_ptr(connection)](error_code ec) {
        auto const self = weak.lock();
        auto const kept = gone.lock();
        if (ec || !self || !kept) return;
        std::erase(self->idle, kept);
        kept->close();
      });
}

Client::Client(Loop& loop, Origin origin, ClientOptions options)
    : state_(std::make_shared<State>(loop, std::move(origin), options)) {}

Client::~Client() {
  state_->ended = true;
  for (auto const& exchange : state_->queue) exchange->waiting->cancel();
  for (auto const& exchange : state_->active) {
    exchange->waiting->cancel();
    exchange->connection->close();
  }
  for (auto const& connection : state_->idle) connection->close();
  state_->queue.clear();
  state_->active.clear();
  state_->idle.clear();
}

void Client::request(ClientRequest request, ResponseCallback callback) {
  state_->add(std::move(request), std::move(callback));
}

struct Stream::State : std::enable_shared_from_this<Stream::State> {
  State(asio::io_context& io, Origin its_origin, ClientRequest request,
        StreamCallbacks its_callbacks)
      : origin(std::move(its_origin)),
        what(name_of(request, origin)),
        timeout(request.timeout),
        message(to_beast(std::move(request), origin)),
        callbacks(std::move(its_callbacks)),
        connection(std::make_shared<Connection>(io)),
        chunk(16 << 10, '\0') {
    parser.body_limit(boost::none);
    parser.header_limit(reply_header_limit);
  }

  void start();
  void read_headers();
  void read_some();
  void end(Result<void> result);
  void broken(error_code ec) { end(to_error(ec, *connection, parser.got_some(), what)); }

  Origin origin;
  std::string what;
  std::chrono::milliseconds timeout;
  BeastRequest message;
  StreamCallbacks callbacks;
  std::shared_ptr<Connection> connection;
  beast::http::response_parser<beast::http::buffer_body> parser;
  std::string chunk;
  bool ended = false;  // nothing may be called any more
};

void Stream::State::start() {
  connection->limit(std::chrono::steady_clock::now() + timeout);
  connection->connect(origin, [self = shared_from_this()](error_code ec) {
    if (self->ended) return;
    if (ec) return self->broken(ec);
    beast::http::async_write(self->connection->socket, self->message,
                             [self](error_code failure, std::size_t) {
                               if (self->ended) return;
                               if (failure) return self->broken(failure);
                               self->read_headers();
                             });
  });
}

void Stream::State::read_headers() {
  beast::http::async_read_header(connection->socket, connection->buffer, parser,
                                 [self = shared_from_this()](error_code ec, std::size_t) {
                                   if (self->ended) return;
                                   if (ec) return self->broken(ec);
                                   self->connection->deadline.cancel();
                                   auto const& on_headers = self->callbacks.on_headers;
                                   if (on_headers) on_headers(from_beast(self->parser.get()));
                                   if (!self->ended) self->read_some();
                                 });
}

void Stream::State::read_some() {
  if (parser.is_done()) return end({});
  parser.get().body().data = chunk.data();
  parser.get().body().size = chunk.size();
  beast::http::async_read_some(
      connection->socket, connection->buffer, parser,
      [self = shared_from_this()](error_code ec, std::size_t) {
        if (self->ended) return;
        if (ec == beast::http::error::need_buffer) ec = {};
        auto const got = self->chunk.size() - self->parser.get().body().size;
        if (got > 0 && self->callbacks.on_data) {
          self->callbacks.on_data(std::string_view(self->chunk.data(), got));
        }
        if (self->ended) return;
        if (ec) return self->broken(ec);
        self->read_some();
      });
}

void Stream::State::end(Result<void> result) {
  ended = true;
  connection->close();
  auto const on_end = std::move(callbacks.on_end);
  if (on_end) on_end(std::move(result));
}

Stream::Stream(std::shared_ptr<State> state) : state_(std::move(state)) {}

Stream::~Stream() {
  state_->ended = true;
  state_->connection->close();
}

std::unique_ptr<Stream> Client::stream(ClientRequest request, StreamCallbacks callbacks) {
  auto state = std::make_shared<Stream::State>(state_->io, state_->origin, std::move(request),
                                               std::move(callbacks));
  state->start();
  return std::make_unique<Stream>(std::move(state));
}

}  // namespace dadvisor::http
