#include "common/http/client.hpp"

#include <algorithm>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <deque>
#include <set>

#include "common/http/client_connection.hpp"

namespace dadvisor::http {

struct Client::State : std::enable_shared_from_this<Client::State> {
  struct Exchange {
    ClientRequest request;
    ResponseCallback callback;
    std::chrono::steady_clock::time_point until;
    std::shared_ptr<ClientConnection> connection;  // none while it waits for one
    std::optional<asio::steady_timer> waiting;
    BeastRequest message;
    std::optional<beast::http::response_parser<beast::http::string_body>> parser;
    bool reused = false;
    bool done = false;
  };
  using ExchangePtr = std::shared_ptr<Exchange>;

  State(Loop& loop, Origin its_origin, ClientOptions its_options)
      : io(*loop.state()->io), origin(std::move(its_origin)), options(std::move(its_options)) {}

  void add(ClientRequest request, ResponseCallback callback);
  void pump();
  void start(ExchangePtr const& exchange, bool fresh_only);
  void write(ExchangePtr const& exchange);
  void read(ExchangePtr const& exchange, error_code write_failure);
  void succeed(ExchangePtr const& exchange);
  void fail(ExchangePtr const& exchange, error_code ec);
  void finish(ExchangePtr const& exchange, Result<Response> result);
  void keep(std::shared_ptr<ClientConnection> const& connection);
  asio::io_context& io;
  Origin origin;
  ClientOptions options;
  std::deque<ExchangePtr> queue;
  std::set<ExchangePtr> active;
  std::deque<std::shared_ptr<ClientConnection>> idle;
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
  exchange->connection = std::make_shared<ClientConnection>(io, options.tls);
  exchange->connection->limit(exchange->until);
  exchange->connection->connect(origin, [self = shared_from_this(), exchange](error_code ec) {
    if (self->ended) return;
    if (ec) return self->fail(exchange, ec);
    self->write(exchange);
  });
}

void Client::State::write(ExchangePtr const& exchange) {
  beast::http::async_write(exchange->connection->wire, exchange->message,
                           [self = shared_from_this(), exchange](error_code ec, std::size_t) {
                             if (!self->ended) self->read(exchange, ec);
                           });
}

// Also after a failed write: a server that refuses a large body answers and closes before it has
// read it all.
void Client::State::read(ExchangePtr const& exchange, error_code write_failure) {
  auto& connection = *exchange->connection;
  if (connection.closed) return fail(exchange, write_failure);
  beast::http::async_read(connection.wire, connection.buffer, *exchange->parser,
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

void Client::State::keep(std::shared_ptr<ClientConnection> const& connection) {
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
    : state_(std::make_shared<State>(loop, std::move(origin), std::move(options))) {}

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
  State(asio::io_context& io, Origin its_origin, std::shared_ptr<TlsCredentials> tls,
        ClientRequest request, StreamCallbacks its_callbacks)
      : origin(std::move(its_origin)),
        what(name_of(request, origin)),
        timeout(request.timeout),
        message(to_beast(std::move(request), origin)),
        callbacks(std::move(its_callbacks)),
        connection(std::make_shared<ClientConnection>(io, std::move(tls))),
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
  std::shared_ptr<ClientConnection> connection;
  beast::http::response_parser<beast::http::buffer_body> parser;
  std::string chunk;
  bool ended = false;  // nothing may be called any more
};

void Stream::State::start() {
  connection->limit(std::chrono::steady_clock::now() + timeout);
  connection->connect(origin, [self = shared_from_this()](error_code ec) {
    if (self->ended) return;
    if (ec) return self->broken(ec);
    beast::http::async_write(self->connection->wire, self->message,
                             [self](error_code failure, std::size_t) {
                               if (self->ended) return;
                               if (failure) return self->broken(failure);
                               self->read_headers();
                             });
  });
}

void Stream::State::read_headers() {
  beast::http::async_read_header(connection->wire, connection->buffer, parser,
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
      connection->wire, connection->buffer, parser,
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
  auto state = std::make_shared<Stream::State>(state_->io, state_->origin, state_->options.tls,
                                               std::move(request), std::move(callbacks));
  state->start();
  return std::make_unique<Stream>(std::move(state));
}

}  // namespace dadvisor::http
