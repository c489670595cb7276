#include "agent/resolver/resolver.hpp"

#include <charconv>
#include <limits>
#include <stdexcept>

#include "agent/runtime/documents.hpp"

namespace dadvisor::agent {

namespace {

// Looking at a thousand containers takes a millisecond or two: where they come and go all the time
// it is done less often, so that it never takes more than a twentieth of a core.
constexpr int least_rest = 20;

std::optional<std::uint64_t> number_in(http::Fields const& parameters, std::string_view name) {
  auto const text = http::parameter(parameters, name);
  if (!text) return std::nullopt;
  std::uint64_t number = 0;
  auto const [end, failure] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (failure != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return number;
}

}  // namespace

Resolver::Resolver(http::Loop& loop, Clock const& clock, ResolverOptions options,
                   MakeSource const& make, Log log)
    : loop_(loop),
      clock_(clock),
      options_(std::move(options)),
      log_(std::move(log)),
      feed_(options_.run) {
  auto& serving = options_.server;
  serving.header_limit = 4 << 10;
  serving.body_limit = documents::longest_body;
  serving.max_connections = 32;
  serving.gzip = nullptr;
  auto server = http::Server::listen(
      loop_, std::move(serving),
      [this](http::Request request, http::Responder respond) { answer(request, respond); },
      log_.named("socket"));
  if (!server) throw std::runtime_error(server.error().context);
  server_ = std::move(*server);
  source_ = make([this](std::string const& id) { feed_.updated(id); }, [this] { changed(); });
  changed();  // there may be none to watch
  beat();
}

Resolver::~Resolver() = default;

void Resolver::answer(http::Request const& request, http::Responder const& respond) {
  if (request.path == "/v1/stream" && request.method == "GET") return follow(respond);
  if (request.path == "/v1/taken" && request.method == "POST") {
    auto const run = http::parameter(request.parameters, "run");
    auto const number = number_in(request.parameters, "number");
    if (!run || !number) return respond(http::text_response(400, "run and number are needed\n"));
    feed_.taken(std::string(*run), *number);
    return respond({204, {}, {}});
  }
  if (request.path == "/v1/missed" && request.method == "POST")
    return take_missed(request, respond);
  respond(http::text_response(
      404, "GET /v1/stream, POST /v1/taken and POST /v1/missed are all there is\n"));
}

void Resolver::take_missed(http::Request const& request, http::Responder const& respond) {
  auto const seen = number_in(request.parameters, "seen_ns");
  std::vector<Container> lives;
  documents::Reader reader;
  auto const taken = reader.feed(request.body, [&](documents::Document document) {
    auto* life = std::get_if<Container>(&document);
    if (life && life->started_ns > 0) lives.push_back(std::move(*life));
  });
  if (!seen || *seen > std::numeric_limits<std::int64_t>::max() || !taken)
    return respond(http::text_response(400, "seen_ns and lines of containers are needed\n"));
  source_->missed(std::move(lives), WallTime(Nanoseconds(static_cast<std::int64_t>(*seen))));
  respond({204, {}, {}});
}

void Resolver::follow(http::Responder const& respond) {
  auto const reader = *readers_.insert(std::make_shared<Reader>()).first;
  feed_.follow(reader->follower);
  // What is said of a stream may come after this object, and with it the reader, has gone.
  auto const told =
      [this, weak = std::weak_ptr(reader)](void (Resolver::*then)(std::shared_ptr<Reader> const&)) {
        return [this, weak, then] {
          if (auto const alive = weak.lock()) (this->*then)(alive);
        };
      };
  http::Response head;
  head.headers = {{"Content-Type", "application/x-ndjson"}};
  reader->stream = respond.stream(std::move(head), {told(&Resolver::tell), told(&Resolver::leave)});
  if (!reader->stream->open()) leave(reader);
}

void Resolver::leave(std::shared_ptr<Reader> const& reader) {
  feed_.leave(reader->follower);
  readers_.erase(reader);
}

void Resolver::changed() {
  if (look_due_) return;
  look_due_ = true;
  look_timer_ = loop_.after(std::max<Nanoseconds>(options_.least_pause, least_rest * cost_),
                            [this] { look(); });
  follow_up_timer_ = loop_.after(options_.follow_up, [this] { look(); });
}

void Resolver::look() {
  auto const began = clock_.monotonic();
  look_due_ = false;
  if (feed_.look(*source_))
    for (auto const& reader : readers_) tell(reader);
  cost_ = clock_.monotonic() - began;
  if (feed_.cut() > 0 && !cut_logged_) {
    log_.warning("a container has more than 1 MiB of labels: it is told without; further ones too");
    cut_logged_ = true;
  }
}

void Resolver::tell(std::shared_ptr<Reader> const& reader) {
  if (!reader->stream || !reader->stream->idle()) return;
  reader->stream->send(feed_.next(reader->follower));
}

void Resolver::beat() {
  beat_timer_ = loop_.after(options_.pace, [this] {
    feed_.remind();
    look();
    for (auto const& reader : readers_) tell(reader);
    beat();
  });
}

}  // namespace dadvisor::agent
