// Answers on their way from whoever makes them to the connection, on the loop's thread.

#include "common/http/server_state.hpp"

namespace dadvisor::http {
namespace {

bool worth_compressing(Response const& response) {
  if (response.status != 200) return false;
  if (response.body.size() <= 1024 && !response.rest.next) return false;
  if (header(response.headers, "Content-Encoding")) return false;
  auto const type = header(response.headers, "Content-Type").value_or("");
  return type.starts_with("text/") || type.starts_with("application/json") ||
         type.starts_with("image/svg");
}

}  // namespace

Responder::State::~State() {
  if (answered) return;
  loop_state->post([weak = connection] {
    if (auto const alive = weak.lock()) alive->answer(text_response(500, "no answer was made\n"));
  });
}

void Responder::operator()(Response response) const {
  bool const compress = state_->gzip && !state_->abandoned && worth_compressing(response);
  if (compress && !state_->answered) gather(response);
  if (state_->answered.exchange(true)) return;
  if (compress) {
    if (auto packed = state_->gzip(response.body)) {
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
void Responder::unwatched() const { state_->watched = false; }

}  // namespace dadvisor::http
