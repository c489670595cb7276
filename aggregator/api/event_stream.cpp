#include "aggregator/api/event_stream.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <optional>

#include "aggregator/api/graphite_routes.hpp"
#include "graphite-bridge/events_query.hpp"

namespace dadvisor::aggregator::api {
namespace {

std::optional<std::uint64_t> parse_id(std::string_view text) {
  std::uint64_t id = 0;
  auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    auto const end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

bool carries_all(graphite::Event const& event, std::vector<std::string> const& tags) {
  return std::ranges::all_of(tags, [&](std::string const& tag) {
    return std::ranges::find(event.tags, tag) != event.tags.end();
  });
}

}  // namespace

struct EventStream::Client {
  std::uint64_t position = 0;  // the last event that was looked at for it
  std::vector<std::string> tags;
  std::optional<http::ResponseStream> stream;
  bool greeted = false;
};

struct EventStream::Shared {
  EventStream* owner;
  std::atomic<bool> notified = false;
};

EventStream::EventStream(http::Loop& loop, event::EventReader reader, EventStreamOptions options)
    : loop_(loop),
      reader_(std::move(reader)),
      options_(options),
      shared_(std::make_shared<Shared>()) {
  shared_->owner = this;
  heartbeat_ = loop_.after(options_.heartbeat, [this] { beat(); });
}

EventStream::~EventStream() { shared_->owner = nullptr; }

void EventStream::answer(http::Request const& request, http::Responder const& respond) {
  auto given = http::header(request.headers, "Last-Event-ID");
  if (!given) given = http::parameter(request.parameters, "last_event_id");
  auto client = std::make_shared<Client>();
  if (given && !given->empty()) {
    auto const id = parse_id(*given);
    if (!id) return respond(http::text_response(400, "Last-Event-ID: must be an event's number\n"));
    client->position = *id;
  } else {
    auto const last = reader_.last_id();
    if (!last) return respond(error_response(last.error()));
    client->position = *last;
  }
  if (clients_.size() >= options_.most_clients) {
    ++counters_.refused;
    auto response = http::text_response(503, "too many follow the events; try again later\n");
    response.headers.emplace_back("Retry-After", "60");
    return respond(std::move(response));
  }
  client->tags = words_of(http::parameter(request.parameters, "tags").value_or(""));
  auto head = http::typed_response(200, "text/event-stream", "");
  head.headers.emplace_back("Cache-Control", "no-store");
  http::StreamNotices notices;
  notices.on_idle = [shared = shared_, weak = std::weak_ptr(client)] {
    auto const alive = weak.lock();
    if (shared->owner != nullptr && alive) shared->owner->pump(*alive);
  };
  notices.on_closed = [shared = shared_, weak = std::weak_ptr(client)] {
    if (shared->owner == nullptr) return;
    shared->owner->clients_.erase(weak.lock());
    shared->owner->counters_.clients = shared->owner->clients_.size();
  };
  client->stream.emplace(respond.stream(std::move(head), std::move(notices)));
  if (!client->stream->open()) return;
  ++counters_.accepted;
  clients_.insert(std::move(client));
  counters_.clients = clients_.size();
}

void EventStream::notify() {
  if (shared_->notified.exchange(true)) return;  // one call at a time waits
  loop_.post([shared = shared_] {
    shared->notified = false;
    if (shared->owner == nullptr) return;
    for (auto const& client : shared->owner->clients_) shared->owner->pump(*client);
  });
}

void EventStream::pump(Client& client) {
  counters_.clients = clients_.size();
  if (!client.stream || !client.stream->idle()) return;
  std::string text;
  if (!client.greeted) text = ": dadvisor's events\n\n";
  client.greeted = true;
  // Pages without anything for this client are read over, a few at a time.
  for (int pages = 0; text.empty() && pages < 10; ++pages) {
    auto const events = reader_.after(client.position, options_.page);
    if (!events) {
      ++counters_.read_failures;
      return;
    }
    for (auto const& event : *events) {
      client.position = event.id;
      if (!carries_all(event, client.tags)) continue;
      text += "id: " + std::to_string(event.id) + "\ndata: " + graphite::event_json(event) + "\n\n";
      ++counters_.sent;
    }
    if (events->size() < options_.page) break;
    // Not all at once: the loop has others to serve.
    if (text.empty() && pages == 9) notify();
  }
  client.stream->send(std::move(text));
}

void EventStream::beat() {
  for (auto const& client : clients_) {
    pump(*client);  // what a call to it may have been too early for
    if (client->stream && client->stream->idle()) client->stream->send(": alive\n\n");
  }
  heartbeat_ = loop_.after(options_.heartbeat, [this] { beat(); });
}

}  // namespace dadvisor::aggregator::api
