#include "common/http/wire.hpp"

#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>

namespace dadvisor::http {

using Outcome = TlsSession::Outcome;

void Wire::start_tls(std::unique_ptr<TlsSession> session, Done done) {
  tls_ = std::move(session);
  handshake(std::move(done), false);
}

bool Wire::quiet() const {
  if (tls_) return tls_->quiet();
  char byte = 0;
  auto const n =
      ::recv(const_cast<Socket&>(socket).native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n < 0 && (errno == EAGAIN || errno == EINTR);
}

bool Wire::gone() const {
  if (tls_) return tls_->gone();
  char byte = 0;
  auto const n =
      ::recv(const_cast<Socket&>(socket).native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void Wire::shutdown_send() {
  if (tls_) tls_->say_goodbye();
  error_code ignored;
  socket.shutdown(Socket::shutdown_send, ignored);
}

void Wire::close() {
  if (tls_ && socket.is_open()) tls_->say_goodbye();
  error_code ignored;
  socket.shutdown(Socket::shutdown_both, ignored);
  socket.close(ignored);
}

template <typename Again>
void Wire::go_on(TlsSession::Step step, Done done, bool waited, Again again) {
  if (step.outcome == Outcome::want_read || step.outcome == Outcome::want_write) {
    auto const what = step.outcome == Outcome::want_read ? Socket::wait_read : Socket::wait_write;
    return socket.async_wait(
        what, [done = std::move(done), again = std::move(again)](error_code ec) mutable {
          if (ec) return done(ec, 0);
          again(std::move(done));
        });
  }
  error_code ec;
  if (step.outcome == Outcome::closed) ec = asio::error::eof;
  if (step.outcome == Outcome::cut) ec = asio::error::connection_reset;
  if (step.outcome == Outcome::failed) ec = asio::error::connection_aborted;
  if (waited) return done(ec, step.bytes);
  asio::post(get_executor(), [done = std::move(done), ec, n = step.bytes] { done(ec, n); });
}

// Closed meanwhile: the wait that was over already finds a socket that is none.
void Wire::handshake(Done done, bool waited) {
  if (!socket.is_open()) return done(asio::error::operation_aborted, 0);
  go_on(tls_->handshake(), std::move(done), waited,
        [this](Done then) { handshake(std::move(then), true); });
}

void Wire::read_tls(asio::mutable_buffer into, Done done, bool waited) {
  if (!socket.is_open()) return go_on({Outcome::cut, 0}, std::move(done), waited, [](Done) {});
  TlsSession::Step const step = into.size() == 0
                                    ? TlsSession::Step()
                                    : tls_->read({static_cast<char*>(into.data()), into.size()});
  go_on(step, std::move(done), waited,
        [this, into](Done then) { read_tls(into, std::move(then), true); });
}

void Wire::write_tls(asio::const_buffer from, Done done, bool waited) {
  if (!socket.is_open()) return go_on({Outcome::cut, 0}, std::move(done), waited, [](Done) {});
  TlsSession::Step const step =
      from.size() == 0 ? TlsSession::Step()
                       : tls_->write({static_cast<char const*>(from.data()), from.size()});
  go_on(step, std::move(done), waited,
        [this, from](Done then) { write_tls(from, std::move(then), true); });
}

}  // namespace dadvisor::http
