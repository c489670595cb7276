#include "common/http/connection.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "common/http/gzip.hpp"
#include "common/http/outgoing.hpp"
#include "common/http/response_head.hpp"
#include "common/http/server_state.hpp"
#include "common/http/wire.hpp"

namespace dadvisor::http {

namespace beast = boost::beast;
using Moment = std::chrono::steady_clock::time_point;

namespace {

class BeastConnection final : public Connection,
                              public std::enable_shared_from_this<BeastConnection> {
 public:
  BeastConnection(std::shared_ptr<Server::State> server, Socket socket, std::string peer)
      : server_(std::move(server)), wire_(std::move(socket)), peer_(std::move(peer)) {}

  void start() override;
  void answer(Response response) override;
  void begin_stream(Response const& head, std::weak_ptr<ResponseStream::State> stream) override;
  void send_piece(std::string piece) override;
  void close() override;
  void close_if_late(Moment now) override {
    if (now < until_ || closed_) return;
    if (late_ != nullptr) ++*late_;
    close();
  }
  void close_when_idle() override {
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

  void start_tls();
  void on_tls_failure();
  // Whether the certificates with which it began are still those of the files.
  bool tls_is_current(Moment now) {
    if (wire_.tls() == nullptr) return true;
    server_->options.tls->look(MonotonicTime(now.time_since_epoch()));
    return wire_.tls()->context() == server_->options.tls->context();
  }
  void read_first(std::chrono::milliseconds patience);
  void read_header();
  error_code parse();
  void on_header(error_code ec);
  void read_body();
  void on_body(error_code ec);
  void handle();
  void watch_for_hang_up();
  void on_broken(error_code ec);
  void refuse(unsigned status, char const* why);
  void write_some();
  template <typename Do>
  void or_cut_off(Do const& work);
  void on_written(error_code ec);
  void refuse_rest();
  void linger();
  void watch_stream();
  void on_piece(error_code ec);

  // An answer under way.
  struct Answer {
    Outgoing bytes;
    bool keep_alive = false;
    Moment begun;
  };
  // An answer by a ResponseStream: its head, then the piece under way.
  struct Outflow {
    std::weak_ptr<ResponseStream::State> stream;
    std::string piece;
  };

  std::shared_ptr<Server::State> server_;
  Wire wire_;
  std::string peer_;
  std::shared_ptr<std::vector<std::string> const> peer_names_;
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

void BeastConnection::close() {
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
  wire_.close();
  server_->connections.erase(shared_from_this());
}

void BeastConnection::start() {
  if (server_->options.tls) return start_tls();
  read_first(server_->options.header_timeout);
}

void BeastConnection::start_tls() {
  idle_ = true;
  limit(server_->options.header_timeout, &server_->counts.timeouts);
  auto& tls = *server_->options.tls;
  tls.look(MonotonicTime(std::chrono::steady_clock::now().time_since_epoch()));
  auto session =
      std::make_unique<TlsSession>(tls.context(), wire_.socket.native_handle(), std::string());
  wire_.start_tls(std::move(session), [self = shared_from_this()](error_code ec, std::size_t) {
    if (self->closed_) return;
    if (ec) return self->on_tls_failure();
    auto names = self->wire_.tls()->peer_names();
    if (!names.empty())
      self->peer_names_ = std::make_shared<std::vector<std::string> const>(std::move(names));
    self->read_first(self->server_->options.header_timeout);
  });
}

void BeastConnection::on_tls_failure() {
  ++server_->counts.tls_failures;
  auto const& failure = wire_.tls()->failure();
  // Whoever only looks whether the port is open says nothing.
  if (failure.empty()) return close();
  server_->log_tls_failure(peer_, failure);
  if (wire_.tls()->met_http()) {
    static constexpr std::string_view answer =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
        "Content-Length: 43\r\n\r\nthis port speaks TLS alone: write https://\n";
    if (::send(wire_.socket.native_handle(), answer.data(), answer.size(), MSG_NOSIGNAL) < 0)
      return close();
  }
  // The alert that tells the client why must not be lost either.
  refuse_rest();
}

void BeastConnection::read_first(std::chrono::milliseconds patience) {
  idle_ = true;
  if (closing_) return close();
  if (buffer_.size() > 0) return read_header();
  limit(patience, nullptr);  // an idle connection that ends is nothing to count
  wire_.async_read_some(buffer_.prepare(4096),
                        [self = shared_from_this()](error_code ec, std::size_t n) {
                          if (self->closed_) return;
                          if (ec) return self->close();
                          self->buffer_.commit(n);
                          self->read_header();
                        });
}

void BeastConnection::read_header() {
  idle_ = false;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(server_->options.header_limit));
  parser_->body_limit(server_->options.body_limit);
  limit(server_->options.header_timeout, &server_->counts.timeouts);
  if (auto const ec = parse(); ec || parser_->is_header_done()) return on_header(ec);
  beast::http::async_read_header(wire_, buffer_, *parser_,
                                 [self = shared_from_this()](error_code ec, std::size_t) {
                                   if (!self->closed_) self->on_header(ec);
                                 });
}

// What has come already: nearly always all of it, without a read.
error_code BeastConnection::parse() {
  bool const header = !parser_->is_header_done();
  error_code ec;
  while (buffer_.size() > 0 && !(header ? parser_->is_header_done() : parser_->is_done())) {
    buffer_.consume(parser_->put(buffer_.data(), ec));
    if (ec) break;
  }
  return ec == beast::http::error::need_more ? error_code() : ec;
}

void BeastConnection::on_header(error_code ec) {
  if (ec) return on_broken(ec);
  auto const& message = parser_->get();
  if (parser_->is_done() || !beast::iequals(message[beast::http::field::expect], "100-continue")) {
    return read_body();
  }
  static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(wire_, asio::buffer(go_on.data(), go_on.size()),
                    [self = shared_from_this()](error_code failure, std::size_t) {
                      if (self->closed_) return;
                      if (failure) return self->on_broken(failure);
                      self->read_body();
                    });
}

void BeastConnection::read_body() {
  if (!parser_->is_done()) {
    parser_->eager(true);
    if (auto const ec = parse()) return on_broken(ec);
  }
  if (parser_->is_done()) return handle();
  limit(server_->options.body_timeout, &server_->counts.timeouts);
  beast::http::async_read(wire_, buffer_, *parser_,
                          [self = shared_from_this()](error_code ec, std::size_t) {
                            if (!self->closed_) self->on_body(ec);
                          });
}

void BeastConnection::on_body(error_code ec) {
  if (ec) return on_broken(ec);
  handle();
}

void BeastConnection::on_broken(error_code ec) {
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

void BeastConnection::refuse(unsigned status, char const* why) {
  ++server_->counts.refused;
  refused_ = true;
  keep_alive_ = false;
  head_ = false;
  answer(text_response(status, why));
}

void BeastConnection::handle() {
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
  request.peer_names = peer_names_;

  auto state = std::make_shared<Responder::State>();
  state->loop_state = server_->loop_state;
  state->connection = weak_from_this();
  if (accepts_gzip(header(request.headers, "Accept-Encoding").value_or("")))
    state->gzip = server_->options.gzip;
  responder_ = state;
  Responder const responder(state);
  try {
    server_->handler(std::move(request), responder);
  } catch (std::exception const& exception) {
    server_->log.error("a request's handler failed: {}", printable(exception.what()));
    responder(text_response(500, "internal error\n"));
  }
  if (!closed_ && state->watched && !state->answered) watch_for_hang_up();
}

// While the answer is being made elsewhere: readable with nothing to read means that the client
// has gone. The wait is left to end by itself; it looks only at the request that it was made for.
void BeastConnection::watch_for_hang_up() {
  wire_.socket.async_wait(Socket::wait_read,
                          [self = shared_from_this(), watched = responder_](error_code ec) {
                            auto const responder = watched.lock();
                            if (ec || self->closed_ || !responder || responder->answered) return;
                            if (self->wire_.gone()) responder->abandoned = true;
                          });
}

void BeastConnection::answer(Response response) {
  if (closed_ || answer_ || outflow_) return;
  responder_.reset();
  auto const now = std::chrono::steady_clock::now();
  bool const keep_alive = keep_alive_ && !closing_ && !server_->stopped && tls_is_current(now);
  or_cut_off([&] {
    Outgoing bytes(std::move(response), head_, http_1_0_, keep_alive);
    answer_.emplace(Answer{std::move(bytes), keep_alive, now});
    write_some();
  });
}

// What makes a body's pieces may throw: nothing but the end tells the client that they are not all.
template <typename Do>
void BeastConnection::or_cut_off(Do const& work) {
  try {
    work();
  } catch (std::exception const& exception) {
    server_->log.error("an answer is cut off: {}", printable(exception.what()));
    close();
  }
}

// Piece by piece, so that a reader that stands still is found after write_timeout whatever is
// left to send, and one that dribbles by the end of the whole answer's time.
void BeastConnection::write_some() {
  auto const patience = server_->options.write_timeout;
  auto const in_all = patience + std::chrono::seconds(answer_->bytes.made() >> 16);
  limit(std::min(answer_->begun + in_all, std::chrono::steady_clock::now() + patience),
        &server_->counts.timeouts);
  auto const [head, body] = answer_->bytes.left();
  std::array const left{asio::buffer(head), asio::buffer(body)};
  wire_.async_write_some(left, [self = shared_from_this()](error_code ec, std::size_t n) {
    if (self->closed_) return;
    if (ec) return self->on_written(ec);
    self->or_cut_off([&] {
      if (!self->answer_->bytes.sent(n)) return self->on_written({});
      self->write_some();
    });
  });
}

void BeastConnection::on_written(error_code ec) {
  bool const keep = !ec && answer_->keep_alive;
  answer_.reset();
  if (keep) return read_first(server_->options.idle_timeout);
  if (ec || !refused_) return close();
  refuse_rest();
}

void BeastConnection::refuse_rest() {
  wire_.shutdown_send();
  drain_.resize(64 << 10);
  limit(std::chrono::seconds(5), nullptr);
  linger();
}

// Closing while bytes are unread makes the kernel reset the connection, and the client would lose
// the answer that tells why; so what it is still sending is read away for a while.
void BeastConnection::linger() {
  wire_.socket.async_read_some(asio::buffer(drain_),
                               [self = shared_from_this()](error_code ec, std::size_t) {
                                 if (self->closed_) return;
                                 if (ec) return self->close();
                                 self->linger();
                               });
}

// A stream takes over the connection: no other request is read from it.
void BeastConnection::begin_stream(Response const& head,
                                   std::weak_ptr<ResponseStream::State> stream) {
  if (closed_ || answer_ || outflow_) return;
  responder_.reset();
  ++server_->counts.streams;
  auto& outflow = outflow_.emplace();
  outflow.stream = std::move(stream);
  BodyEnd end;
  end.chunked = !http_1_0_;
  outflow.piece = response_head(head, end, http_1_0_, false);
  limit(server_->options.write_timeout, &server_->counts.cut_streams);
  asio::async_write(wire_, asio::buffer(outflow.piece),
                    [self = shared_from_this()](error_code ec, std::size_t) {
                      if (self->closed_) return;
                      if (self->head_) return self->close();
                      if (!ec) self->watch_stream();
                      self->on_piece(ec);
                    });
}

// Readable with nothing to read: the client has gone. With something: it says what nobody asked.
void BeastConnection::watch_stream() {
  wire_.socket.async_wait(Socket::wait_read, [self = shared_from_this()](error_code ec) {
    if (!ec) self->close();
  });
}

void BeastConnection::send_piece(std::string piece) {
  if (closed_ || !outflow_) return;
  outflow_->piece = std::move(piece);
  limit(server_->options.write_timeout, &server_->counts.cut_streams);
  auto const sent = [self = shared_from_this()](error_code ec, std::size_t) {
    if (!self->closed_) self->on_piece(ec);
  };
  asio::const_buffer const bytes(outflow_->piece.data(), outflow_->piece.size());
  if (http_1_0_)
    asio::async_write(wire_, bytes, sent);
  else
    asio::async_write(wire_, beast::http::make_chunk(bytes), sent);
}

void BeastConnection::on_piece(error_code ec) {
  auto const stream = outflow_->stream.lock();
  if (ec || !stream) return close();
  outflow_->piece = {};
  limit_never();
  stream->idle = true;
  if (stream->notices.on_idle) stream->notices.on_idle();
}

}  // namespace

std::shared_ptr<Connection> Connection::make(std::shared_ptr<Server::State> server, int fd,
                                             std::string peer) {
  Socket socket(server->io);
  error_code ec;
  socket.assign(asio::generic::stream_protocol(server->family, 0), fd, ec);
  if (ec) {
    ::close(fd);
    return nullptr;
  }
  return std::make_shared<BeastConnection>(std::move(server), std::move(socket), std::move(peer));
}

}  // namespace dadvisor::http
