#include "common/grpc/client.hpp"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <deque>
#include <map>
#include <optional>

#include "common/core/fd.hpp"
#include "common/core/log.hpp"
#include "common/grpc/message_reader.hpp"

namespace dadvisor::grpc {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t read_bytes = 16 << 10;

Errc code_of(int status) {
  switch (status) {
    case 4:
      return Errc::timeout;
    case 5:
      return Errc::not_found;
    case 7:
    case 16:
      return Errc::denied;
    case 12:
      return Errc::unsupported;
    case 14:
      return Errc::unavailable;
    default:
      return Errc::io;
  }
}

Result<Fd> connect_to(std::string const& path) {
  auto const what = "unix:" + path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return Error{Errc::unavailable, ENAMETOOLONG, what + ": no path of a socket"};
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return os_error(errno, what);
  // A unix socket connects at once or not at all: EAGAIN is a listener that takes nobody.
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    auto error = os_error(errno, what);
    if (error.code != Errc::denied) error.code = Errc::unavailable;
    return error;
  }
  return socket;
}

}  // namespace

struct Client::State : std::enable_shared_from_this<Client::State> {
  struct EndSession {
    void operator()(nghttp2_session* session_of) const { ::nghttp2_session_del(session_of); }
  };
  struct Exchange {
    Call call;
    Callbacks callbacks;
    std::string body;  // the request's frame
    std::size_t sent = 0;
    MessageReader answer{0};
    std::optional<int> http_status, status;
    std::string reason;
    http::Timer deadline;
  };

  State(http::Loop& its_loop, std::string its_path) : loop(its_loop), path(std::move(its_path)) {}

  static State& of(void* user) { return *static_cast<State*>(user); }
  void add(Call call, Callbacks callbacks);
  void open();
  void submit(Call call, Callbacks callbacks);
  void read();
  void send();
  void run_due();
  void fail(Error error);
  void finish(std::int32_t id, Result<void> result);
  void cancel(std::int32_t id, Error error);
  void take(std::int32_t id, std::string_view bytes);
  void header(std::int32_t id, std::string_view name, std::string_view value);
  void closed(std::int32_t id);
  std::string name_of(Call const& call) const {
    return fmt::format("{} at unix:{}", call.method, path);
  }

  http::Loop& loop;
  std::string path;
  Fd socket;
  std::unique_ptr<nghttp2_session, EndSession> session;
  http::Readable readable;
  http::Timer again;
  std::string unsent;
  std::map<std::int32_t, Exchange> exchanges;  // by HTTP/2 stream
  std::deque<std::function<void()>> due;       // callbacks, for when the session is at rest
  std::optional<Error> failure;                // why the connection is no more
  bool ended = false;                          // the Client has gone
};

void Client::State::add(Call call, Callbacks callbacks) {
  loop.post([weak = weak_from_this(), call = std::move(call),
             callbacks = std::move(callbacks)]() mutable {
    auto const self = weak.lock();
    if (!self || self->ended) return;
    if (!self->session && !self->failure) self->open();
    if (self->failure) {
      if (callbacks.on_end) callbacks.on_end(self->failure->within(self->name_of(call)));
      return;
    }
    self->submit(std::move(call), std::move(callbacks));
    self->send();
    self->run_due();
  });
}

void Client::State::open() {
  auto connected = connect_to(path);
  if (!connected) {
    failure = connected.error();
    return;
  }
  socket = std::move(*connected);
  nghttp2_session_callbacks* callbacks = nullptr;
  ::nghttp2_session_callbacks_new(&callbacks);
  ::nghttp2_session_callbacks_set_on_header_callback(
      callbacks, [](nghttp2_session*, nghttp2_frame const* frame, std::uint8_t const* name,
                    std::size_t name_size, std::uint8_t const* value, std::size_t value_size,
                    std::uint8_t, void* user) {
        of(user).header(frame->hd.stream_id, {reinterpret_cast<char const*>(name), name_size},
                        {reinterpret_cast<char const*>(value), value_size});
        return 0;
      });
  ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t id, std::uint8_t const* data,
                    std::size_t size, void* user) {
        of(user).take(id, {reinterpret_cast<char const*>(data), size});
        return 0;
      });
  ::nghttp2_session_callbacks_set_on_stream_close_callback(
      callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
        of(user).closed(id);
        return 0;
      });
  nghttp2_session* made = nullptr;
  int const failed = ::nghttp2_session_client_new(&made, callbacks, this);
  ::nghttp2_session_callbacks_del(callbacks);
  if (failed != 0) {
    failure = Error{Errc::io, 0, ::nghttp2_strerror(failed)};
    return;
  }
  session.reset(made);
  nghttp2_settings_entry const settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
  ::nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  readable = loop.when_readable(socket.get(), [this] { read(); });
}

void Client::State::submit(Call call, Callbacks callbacks) {
  auto exchange = Exchange{};
  exchange.body = framed(call.message);
  exchange.answer = MessageReader(call.max_message);
  call.message.clear();
  std::vector<std::pair<std::string, std::string>> fields{
      {":method", "POST"},
      {":scheme", "http"},
      {":path", call.method},
      {":authority", "localhost"},
      {"te", "trailers"},
      {"content-type", "application/grpc"},
      {"user-agent", "dadvisor/" DADVISOR_VERSION}};
  fields.insert(fields.end(), call.metadata.begin(), call.metadata.end());
  std::vector<nghttp2_nv> headers;
  for (auto& [name, value] : fields)
    headers.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                       reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
                       NGHTTP2_NV_FLAG_NONE});
  nghttp2_data_provider body{};
  body.source.ptr = this;
  body.read_callback = [](nghttp2_session*, std::int32_t id, std::uint8_t* into, std::size_t room,
                          std::uint32_t* flags, nghttp2_data_source* source, void*) -> ssize_t {
    auto& self = of(source->ptr);
    auto const found = self.exchanges.find(id);
    if (found == self.exchanges.end()) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    auto& one = found->second;
    auto const size = std::min(room, one.body.size() - one.sent);
    std::memcpy(into, one.body.data() + one.sent, size);
    one.sent += size;
    if (one.sent == one.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  };
  std::int32_t const id = ::nghttp2_submit_request(session.get(), nullptr, headers.data(),
                                                   headers.size(), &body, nullptr);
  exchange.call = std::move(call);
  exchange.callbacks = std::move(callbacks);
  if (id < 0) {  // the peer takes no more on this connection
    Error error{Errc::unavailable, 0,
                name_of(exchange.call) + ": " + ::nghttp2_strerror(static_cast<int>(id))};
    due.push_back([on_end = std::move(exchange.callbacks.on_end), error = std::move(error)] {
      if (on_end) on_end(error);
    });
    return;
  }
  if (exchange.call.timeout > 0ms)
    exchange.deadline = loop.after(exchange.call.timeout, [this, id] {
      auto const found = exchanges.find(id);
      if (found == exchanges.end()) return;
      auto const self = shared_from_this();
      cancel(id,
             Error{Errc::timeout, 0, name_of(found->second.call) + ": no whole answer in time"});
      send();
      run_due();
    });
  exchanges.emplace(id, std::move(exchange));
}

void Client::State::read() {
  auto const self = shared_from_this();
  std::array<std::uint8_t, read_bytes> bytes;
  // As much as one reading takes: the loop calls again while there is more.
  auto const n = ::recv(socket.get(), bytes.data(), bytes.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    fail(n == 0 ? Error{Errc::unavailable, 0, "the peer hung up"}
                : Error{Errc::unavailable, errno, std::strerror(errno)});
  } else {
    auto const taken =
        ::nghttp2_session_mem_recv(session.get(), bytes.data(), static_cast<std::size_t>(n));
    if (taken < 0)
      fail({Errc::malformed, 0, ::nghttp2_strerror(static_cast<int>(taken))});
    else
      send();
  }
  run_due();
}

void Client::State::send() {
  if (!session || failure) return;
  for (;;) {
    if (unsent.empty()) {
      std::uint8_t const* data = nullptr;
      auto const size = ::nghttp2_session_mem_send(session.get(), &data);
      if (size < 0) return fail({Errc::malformed, 0, ::nghttp2_strerror(static_cast<int>(size))});
      if (size == 0) break;
      unsent.assign(reinterpret_cast<char const*>(data), static_cast<std::size_t>(size));
    }
    auto const n = ::send(socket.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      // A peer that does not read: the calls' own time ends that.
      again = loop.after(10ms, [this] {
        auto const self = shared_from_this();
        send();
        run_due();
      });
      return;
    }
    if (n < 0) return fail({Errc::unavailable, errno, std::strerror(errno)});
    unsent.erase(0, static_cast<std::size_t>(n));
  }
  // It has said that it ends, or was found to speak no HTTP/2.
  if (!::nghttp2_session_want_read(session.get()) && !::nghttp2_session_want_write(session.get()))
    fail({Errc::malformed, 0, "the peer speaks no HTTP/2, or ended the connection"});
}

// Last of all that an event of the loop leads to: a callback may destroy the Client.
void Client::State::run_due() {
  auto const self = shared_from_this();
  while (!due.empty() && !ended) {
    auto const one = std::move(due.front());
    due.pop_front();
    one();
  }
}

void Client::State::fail(Error error) {
  if (failure) return;
  failure = std::move(error);
  readable = {};
  again.cancel();
  socket.reset();
  while (!exchanges.empty()) {
    auto const id = exchanges.begin()->first;
    finish(id, failure->within(name_of(exchanges.begin()->second.call)));
  }
  // Not the session: this may run within a call of it.
}

void Client::State::finish(std::int32_t id, Result<void> result) {
  auto const found = exchanges.find(id);
  if (found == exchanges.end()) return;
  due.push_back([on_end = std::move(found->second.callbacks.on_end), result = std::move(result)] {
    if (on_end) on_end(result);
  });
  exchanges.erase(found);
}

void Client::State::cancel(std::int32_t id, Error error) {
  ::nghttp2_submit_rst_stream(session.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  finish(id, std::move(error));
}

void Client::State::take(std::int32_t id, std::string_view bytes) {
  auto const found = exchanges.find(id);
  if (found == exchanges.end()) return;  // cancelled, and the peer does not know yet
  auto& one = found->second;
  auto const read = one.answer.feed(bytes, [&](std::string_view message) {
    due.push_back([this, on_message = one.callbacks.on_message, message = std::string(message)] {
      if (on_message && !ended) on_message(message);
    });
  });
  if (!read) cancel(id, read.error().within(name_of(one.call)));
}

void Client::State::header(std::int32_t id, std::string_view name, std::string_view value) {
  auto const found = exchanges.find(id);
  if (found == exchanges.end()) return;
  auto const number = [&]() -> std::optional<int> {
    int parsed = 0;
    auto const [end, bad] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (bad != std::errc() || end != value.data() + value.size()) return std::nullopt;
    return parsed;
  };
  if (name == ":status") found->second.http_status = number();
  if (name == "grpc-status") found->second.status = number();
  if (name == "grpc-message") found->second.reason = printable(value, 200);
}

void Client::State::closed(std::int32_t id) {
  auto const found = exchanges.find(id);
  if (found == exchanges.end()) return;
  auto const& one = found->second;
  auto const what = name_of(one.call);
  if (one.http_status && *one.http_status != 200)
    return finish(id,
                  Error{Errc::malformed, 0, fmt::format("{}: answers {}", what, *one.http_status)});
  if (!one.status)
    return finish(id, Error{Errc::unavailable, 0, what + ": the answer was cut off"});
  if (*one.status != 0)
    return finish(id, Error{code_of(*one.status), 0,
                            fmt::format("{}: {} (gRPC status {})", what, one.reason, *one.status)});
  finish(id, {});
}

Client::Client(http::Loop& loop, std::string socket_path)
    : state_(std::make_shared<State>(loop, std::move(socket_path))) {}

Client::~Client() {
  state_->ended = true;
  state_->readable = {};
  state_->again.cancel();
  state_->exchanges.clear();
  state_->due.clear();
}

void Client::call(Call call, Callbacks callbacks) {
  state_->add(std::move(call), std::move(callbacks));
}

}  // namespace dadvisor::grpc
