#include "common/http/server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <unordered_set>

#include "common/http/gzip.hpp"
#include "common/http/listener.hpp"
#include "common/http/loop_state.hpp"

namespace dadvisor::http {

namespace beast = boost::beast;
using boost::system::error_code;
// Of the loop's own kind of executor: the general one costs an allocation and calls at each step.
using Socket =
    asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;
using Moment = std::chrono::steady_clock::time_point;

namespace {
class Connection;

// A header's value must not be able to start another header (response splitting).
std::string one_line(std::string_view value) {
  std::string line(value);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return line;
}

bool worth_compressing(Response const& response) {
  if (response.status != 200 || response.body.size() <= 1024) return false;
  if (header(response.headers, "Content-Encoding")) return false;
  auto const type = header(response.headers, "Content-Type").value_or("");
  return type.starts_with("text/") || type.starts_with("application/json") ||
         type.starts_with("image/svg");
}

}  // namespace

struct Server::State {
  State(Loop& loop, ServerOptions its_options, Handler its_handler, Log its_log,
        Listener its_listener)
      : loop_state(loop.state()),
        io(*loop.state()->io),
        options(std::move(its_options)),
        handler(std::move(its_handler)),
        log(std::move(its_log)),
        family(its_listener.family),
        port(its_listener.port),
        listening(io, its_listener.fd.release()),
        pause(io),
        sweep(io) {
    auto const shortest = std::min(std::min(options.header_timeout, options.body_timeout),
                                   std::min(options.idle_timeout, options.write_timeout));
    sweep_pace =
        std::clamp(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(1000));
  }

  void accept_next(std::shared_ptr<State> const& self);
  void accept_all(std::shared_ptr<State> const& self);
  void stop_listening();
  // Looks for connections that are past their time, as long as there is one. A timer of each would
  // cost more than all else of a small request.
  void sweep_later(std::shared_ptr<State> const& self);
  void sweep_now();

  std::shared_ptr<Loop::State> loop_state;
  asio::io_context& io;
  ServerOptions options;
  Handler handler;
  Log log;
  int family;
  std::uint16_t port;
  asio::posix::stream_descriptor listening;
  asio::steady_timer pause;  // while the process has no descriptor left for another connection
  asio::steady_timer sweep;
  std::chrono::milliseconds sweep_pace;
  bool sweeping = false;
  std::unordered_set<std::shared_ptr<Connection>> connections;
  ServerCounts counts;
  bool stopped = false;
  bool accept_failure_logged = false;
};

struct Responder::State {
  ~State();
  std::shared_ptr<Loop::State> loop_state;
  std::weak_ptr<Connection> connection;
  std::atomic<bool> answered{false};
  std::atomic<bool> abandoned{false};
  bool gzip = false;
};

struct ResponseStream::State {
  ~State();
  std::shared_ptr<Loop::State> loop_state;
  std::weak_ptr<Connection> connection;
  StreamNotices notices;
  bool open = true;
  bool idle = false;
};

namespace {

// One client. Lives in its server's set until closed; all on the loop's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Server::State> server, Socket socket, std::string peer)
      : server_(std::move(server)), socket_(std::move(socket)), peer_(std::move(peer)) {}

  void start() { read_first(server_->options.header_timeout); }
  void answer(Response response);
  void begin_stream(Response const& head, std::weak_ptr<ResponseStream::State> stream);
  void send_piece(std::string piece);
  void close();
  // Closes, and counts it, when what it is doing should have ended by now.
  void close_if_late(Moment now) {
    if (now < until_ || closed_) return;
    if (late_ != nullptr) ++*late_;
    close();
  }
  void close_when_idle() {
    closing_ = true;
    if (idle_) close();
  }

 private:
  using Parser = beast::http::request_parser<beast::http::string_body>;

  // What begins now must have ended by then; `late`: where it is counted if not.
  void limit(Moment until, std::uint64_t* late) {
    until_ = until;
    late_ = late;
  }
  void limit(std::chrono::milliseconds patience, std::uint64_t* late) {
    limit(std::chrono::steady_clock::now() + patience, late);
  }
  void limit_never() { until_ = Moment::max(); }

  void read_first(std::chrono::milliseconds patience);
  void read_header();
  void on_header(error_code ec);
  void read_body();
  void on_body(error_code ec);
  void handle();
  void watch_for_hang_up();
  void on_broken(error_code ec);
  void refuse(unsigned status, char const* why);
  void fill_head(beast::http::response_header<>& message, Response const& response) const;
  void write_some();
  void on_written(error_code ec);
  void linger();
  void watch_stream();
  void on_piece(error_code ec);

  // An answer under way.
  struct Answer {
    beast::http::response<beast::http::string_body> message;
    std::optional<beast::http::response_serializer<beast::http::string_body>> serializer;
    Moment until;  // for all of it
  };
  // An answer by a ResponseStream: its head, and the piece under way.
  struct Outflow {
    std::weak_ptr<ResponseStream::State> stream;
    beast::http::response<beast::http::empty_body> head;
    std::optional<beast::http::response_serializer<beast::http::empty_body>> serializer;
    std::string piece;
  };

  std::shared_ptr<Server::State> server_;
  Socket socket_;
  std::string peer_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::weak_ptr<Responder::State> responder_;
  std::optional<Answer> answer_;
  std::optional<Outflow> outflow_;
  Moment until_ = Moment::max();
  std::uint64_t* late_ = nullptr;
  std::string drain_;
  bool head_ = false;
  bool keep_alive_ = false;
  bool http_1_0_ = false;
  bool idle_ = true;      // between requests, nothing of the next one has come
  bool closing_ = false;  // closes after the answer under way
  bool refused_ = false;  // what the client still sends is not read
  bool closed_ = false;
};

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  if (auto const responder = responder_.lock()) responder->abandoned = true;
  if (outflow_)
    if (auto const stream = outflow_->stream.lock()) {
      stream->open = stream->idle = false;
      server_->loop_state->post([stream] {
        if (stream->notices.on_closed) stream->notices.on_closed();
        stream->notices = {};
      });
    }
  error_code ignored;
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
  server_->connections.erase(shared_from_this());
}

void Connection::read_first(std::chrono::milliseconds patience) {
  idle_ = true;
  if (closing_) return close();
  if (buffer_.size() > 0) return read_header();
  limit(patience, nullptr);  // an idle connection that ends is nothing to count
  socket_.async_read_some(buffer_.prepare(4096),
                          [self = shared_from_this()](error_code ec, std::size_t n) {
                            if (self->closed_) return;
                            if (ec) return self->close();
                            self->buffer_.commit(n);
                            self->read_header();
                          });
}

void Connection::read_header() {
  idle_ = false;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(server_->options.header_limit));
  parser_->body_limit(server_->options.body_limit);
  limit(server_->options.header_timeout, &server_->counts.timeouts);
  beast::http::async_read_header(socket_, buffer_, *parser_,
                                 [self = shared_from_this()](error_code ec, std::size_t) {
                                   if (!self->closed_) self->on_header(ec);
                                 });
}

void Connection::on_header(error_code ec) {
  if (ec) return on_broken(ec);
  auto const& message = parser_->get();
  if (parser_->is_done() || !beast::iequals(message[beast::http::field::expect], "100-continue")) {
    return read_body();
  }
  static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(socket_, asio::buffer(go_on.data(), go_on.size()),
                    [self = shared_from_this()](error_code failure, std::size_t) {
                      if (self->closed_) return;
                      if (failure) return self->on_broken(failure);
                      self->read_body();
                    });
}

void Connection::read_body() {
  if (parser_->is_done()) return handle();
  limit(server_->options.body_timeout, &server_->counts.timeouts);
  beast::http::async_read(socket_, buffer_, *parser_,
                          [self = shared_from_this()](error_code ec, std::size_t) {
                            if (!self->closed_) self->on_body(ec);
                          });
}

void Connection::on_body(error_code ec) {
  if (ec) return on_broken(ec);
  handle();
}

void Connection::on_broken(error_code ec) {
  namespace http_error = beast::http;
  if (ec == http_error::error::end_of_stream || ec == http_error::error::partial_message)
    return close();
  if (ec == http_error::error::body_limit || ec == http_error::error::buffer_overflow) {
    return refuse(413, "the body is too large\n");
  }
  if (ec == http_error::error::header_limit) return refuse(431, "the header is too large\n");
  if (ec.category() == make_error_code(http_error::error::bad_method).category()) {
    return refuse(400, "this is not an HTTP/1.1 request\n");
  }
  close();
}

void Connection::refuse(unsigned status, char const* why) {
  ++server_->counts.refused;
  refused_ = true;
  keep_alive_ = false;
  head_ = false;
  answer(text_response(status, why));
}

void Connection::handle() {
  ++server_->counts.requests;
  limit_never();
  keep_alive_ = parser_->keep_alive();
  auto message = parser_->release();
  parser_.reset();
  head_ = message.method() == beast::http::verb::head;
  http_1_0_ = message.version() == 10;

  Request request;
  request.method = message.method_string();
  request.target = message.target();
  auto const question = request.target.find('?');
  request.path = percent_decode(std::string_view(request.target).substr(0, question), false);
  if (question != std::string::npos) request.query = request.target.substr(question + 1);
  request.parameters = parse_form(request.query);
  for (auto const& field : message) {
    request.headers.emplace_back(field.name_string(), field.value());
  }
  request.body = std::move(message.body());
  request.peer = peer_;

  auto state = std::make_shared<Responder::State>();
  state->loop_state = server_->loop_state;
  state->connection = weak_from_this();
  state->gzip = server_->options.compress &&
                accepts_gzip(header(request.headers, "Accept-Encoding").value_or(""));
  responder_ = state;
  Responder const responder(std::move(state));
  try {
    server_->handler(std::move(request), responder);
  } catch (std::exception const& exception) {
    server_->log.error("a request's handler failed: {}", printable(exception.what()));
    responder(text_response(500, "internal error\n"));
  }
  if (!closed_ && !answer_) watch_for_hang_up();
}

// While the answer is being made elsewhere: readable with nothing to read means that the client
// has gone. The wait is left to end by itself; it looks only at the request that it was made for.
void Connection::watch_for_hang_up() {
  socket_.async_wait(
      Socket::wait_read, [self = shared_from_this(), watched = responder_](error_code ec) {
        auto const responder = watched.lock();
        if (ec || self->closed_ || !responder || responder->answered) return;
        char byte = 0;
        auto const n = ::recv(self->socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) responder->abandoned = true;
      });
}

void Connection::fill_head(beast::http::response_header<>& message,
                           Response const& response) const {
  message.version(http_1_0_ ? 10 : 11);
  message.result(response.status);
  message.set(beast::http::field::server, "dadvisor");
  for (auto const& [name, value] : response.headers)
    message.insert(one_line(name), one_line(value));
}

void Connection::answer(Response response) {
  if (closed_ || answer_ || outflow_) return;
  responder_.reset();
  auto& made = answer_.emplace();
  fill_head(made.message, response);
  made.message.keep_alive(keep_alive_ && !closing_ && !server_->stopped);
  made.until = std::chrono::steady_clock::now() + server_->options.write_timeout +
               std::chrono::seconds(response.body.size() >> 16);
  bool const no_body = response.status == 204 || response.status == 304;
  if (!no_body) {
    made.message.content_length(response.body.size());
    made.message.body() = std::move(response.body);
  }
  made.serializer.emplace(made.message);
  made.serializer->split(head_);
  write_some();
}

// Piece by piece, so that a reader that stands still is found after write_timeout whatever is
// left to send, and one that dribbles by the end of the whole answer's time.
void Connection::write_some() {
  auto const now = std::chrono::steady_clock::now();
  limit(std::min(answer_->until, now + server_->options.write_timeout), &server_->counts.timeouts);
  beast::http::async_write_some(
      socket_, *answer_->serializer, [self = shared_from_this()](error_code ec, std::size_t) {
        if (self->closed_) return;
        auto& serializer = *self->answer_->serializer;
        bool const done = self->head_ ? serializer.is_header_done() : serializer.is_done();
        if (ec || done) return self->on_written(ec);
        self->write_some();
      });
}

void Connection::on_written(error_code ec) {
  bool const keep = !ec && answer_->message.keep_alive();
  answer_.reset();
  if (keep) return read_first(server_->options.idle_timeout);
  if (ec || !refused_) return close();
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  drain_.resize(64 << 10);
  limit(std::chrono::seconds(5), nullptr);
  linger();
}

// Closing while bytes are unread makes the kernel reset the connection, and the client would lose
// the answer that tells why; so what it is still sending is read away for a while.
void Connection::linger() {
  socket_.async_read_some(asio::buffer(drain_),
                          [self = shared_from_this()](error_code ec, std::size_t) {
                            if (self->closed_) return;
                            if (ec) return self->close();
                            self->linger();
                          });
}

// A stream takes over the connection: no other request is read from it.
void Connection::begin_stream(Response const& head, std::weak_ptr<ResponseStream::State> stream) {
  if (closed_ || answer_ || outflow_) return;
  responder_.reset();
  ++server_->counts.streams;
  auto& outflow = outflow_.emplace();
  outflow.stream = std::move(stream);
  fill_head(outflow.head, head);
  outflow.head.keep_alive(false);
  outflow.head.chunked(!http_1_0_);
  outflow.serializer.emplace(outflow.head);
  limit(server_->options.write_timeout, &server_->counts.cut_streams);
  beast::http::async_write_header(socket_, *outflow.serializer,
                                  [self = shared_from_this()](error_code ec, std::size_t) {
                                    if (self->closed_) return;
                                    if (self->head_) return self->close();
                                    if (!ec) self->watch_stream();
                                    self->on_piece(ec);
                                  });
}

// Readable with nothing to read: the client has gone. With something: it says what nobody asked.
void Connection::watch_stream() {
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](error_code ec) {
    if (!ec) self->close();
  });
}

void Connection::send_piece(std::string piece) {
  if (closed_ || !outflow_) return;
  outflow_->piece = std::move(piece);
  limit(server_->options.write_timeout, &server_->counts.cut_streams);
  auto const sent = [self = shared_from_this()](error_code ec, std::size_t) {
    if (!self->closed_) self->on_piece(ec);
  };
  asio::const_buffer const bytes(outflow_->piece.data(), outflow_->piece.size());
  if (http_1_0_)
    asio::async_write(socket_, bytes, sent);
  else
    asio::async_write(socket_, beast::http::make_chunk(bytes), sent);
}

void Connection::on_piece(error_code ec) {
  auto const stream = outflow_->stream.lock();
  if (ec || !stream) return close();
  outflow_->piece = {};
  limit_never();
  stream->idle = true;
  if (stream->notices.on_idle) stream->notices.on_idle();
}

}  // namespace

Responder::State::~State() {
  if (answered) return;
  loop_state->post([weak = connection] {
    if (auto const alive = weak.lock()) alive->answer(text_response(500, "no answer was made\n"));
  });
}

void Responder::operator()(Response response) const {
  if (state_->answered.exchange(true)) return;
  if (state_->gzip && worth_compressing(response)) {
    if (auto packed = gzip(response.body)) {
      response.body = std::move(*packed);
      response.headers.emplace_back("Content-Encoding", "gzip");
      response.headers.emplace_back("Vary", "Accept-Encoding");
    }
  }
  // Posted even from the loop's own thread, so that a handler never finds its connection changed.
  auto shared = std::make_shared<Response>(std::move(response));
  state_->loop_state->post([weak = state_->connection, shared] {
    if (auto const alive = weak.lock()) alive->answer(std::move(*shared));
  });
}

ResponseStream Responder::stream(Response head, StreamNotices notices) const {
  auto stream = std::make_shared<ResponseStream::State>();
  stream->loop_state = state_->loop_state;
  stream->connection = state_->connection;
  stream->open = !state_->answered.exchange(true);
  if (!stream->open) return ResponseStream(std::move(stream));
  stream->notices = std::move(notices);
  auto shared = std::make_shared<Response>(std::move(head));
  state_->loop_state->post([connection = state_->connection, shared, weak = std::weak_ptr(stream)] {
    if (auto const alive = connection.lock()) alive->begin_stream(*shared, weak);
  });
  return ResponseStream(std::move(stream));
}

ResponseStream::State::~State() {
  loop_state->post([weak = connection] {
    if (auto const alive = weak.lock()) alive->close();
  });
}

bool ResponseStream::idle() const { return state_->open && state_->idle; }
bool ResponseStream::open() const { return state_->open; }

void ResponseStream::send(std::string piece) {
  if (!idle() || piece.empty()) return;
  state_->idle = false;
  state_->loop_state->post([weak = state_->connection, piece = std::move(piece)]() mutable {
    if (auto const alive = weak.lock()) alive->send_piece(std::move(piece));
  });
}

bool Responder::abandoned() const { return state_->abandoned; }

void Server::State::accept_next(std::shared_ptr<State> const& self) {
  if (stopped) return;
  listening.async_wait(asio::posix::stream_descriptor::wait_read, [self](error_code ec) {
    if (!ec && !self->stopped) self->accept_all(self);
  });
}

void Server::State::accept_all(std::shared_ptr<State> const& self) {
  for (;;) {
    int const fd =
        ::accept4(listening.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      int const failure = errno;
      if (failure == EINTR || failure == ECONNABORTED) continue;
      if (failure == EAGAIN) return accept_next(self);
      if (!accept_failure_logged) {
        log.warning("{}; new connections wait", to_string(os_error(failure, "accept")));
        accept_failure_logged = true;
      }
      pause.expires_after(std::chrono::milliseconds(200));
      return pause.async_wait([self](error_code ec) {
        if (!ec && !self->stopped) self->accept_all(self);
      });
    }
    if (connections.size() >= options.max_connections) {
      ++counts.rejected;
      ::close(fd);
      continue;
    }
    if (family != AF_UNIX) {
      int const on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    error_code ec;
    Socket socket(io);
    socket.assign(asio::generic::stream_protocol(family, 0), fd, ec);
    if (ec) {
      ::close(fd);
      continue;
    }
    ++counts.connections;
    auto connection = std::make_shared<Connection>(self, std::move(socket), peer_name(fd));
    connections.insert(connection);
    connection->start();
    if (!sweeping) sweep_later(self);
  }
}

void Server::State::sweep_later(std::shared_ptr<State> const& self) {
  sweeping = true;
  sweep.expires_after(sweep_pace);
  sweep.async_wait([self](error_code ec) {
    self->sweeping = false;
    if (ec) return;
    self->sweep_now();
    if (!self->connections.empty()) self->sweep_later(self);
  });
}

void Server::State::sweep_now() {
  auto const now = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<Connection>> const all(connections.begin(), connections.end());
  for (auto const& connection : all) connection->close_if_late(now);  // takes itself out
}

void Server::State::stop_listening() {
  stopped = true;
  error_code ignored;
  listening.close(ignored);
  pause.cancel();
  if (!options.socket_path.empty()) ::unlink(options.socket_path.c_str());
  options.socket_path.clear();
}

Result<std::unique_ptr<Server>> Server::listen(Loop& loop, ServerOptions options, Handler handler,
                                               Log log) {
  auto listener = options.socket_path.empty()
                      ? listen_tcp(options.host, options.port)
                      : listen_unix(options.socket_path, options.socket_mode);
  if (!listener) return listener.error();
  auto state = std::make_shared<State>(loop, std::move(options), std::move(handler), std::move(log),
                                       std::move(*listener));
  state->accept_next(state);
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::shared_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  state_->stop_listening();
  auto const connections = state_->connections;  // close() takes itself out of the set
  for (auto const& connection : connections) connection->close();
  state_->sweep.cancel();
  state_->handler = nullptr;
}

std::uint16_t Server::port() const { return state_->port; }

ServerCounts Server::counts() const {
  auto counts = state_->counts;
  counts.open = state_->connections.size();
  return counts;
}

void Server::stop() {
  state_->stop_listening();
  auto const connections = state_->connections;
  for (auto const& connection : connections) connection->close_when_idle();
}

}  // namespace dadvisor::http
