#pragma once
// A gRPC server of a test on a unix socket: HTTP/2 by nghttp2, each connection on a thread of its
// own. What it answers, well or badly, the test says.

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tests/common/http/raw_peer.hpp"

namespace dadvisor::test {

inline std::string grpc_frame(std::string_view message) {
  std::string frame(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8)
    frame.push_back(static_cast<char>((message.size() >> shift) & 0xff));
  return frame.append(message);
}

class FakeGrpc {
 public:
  struct Reply {
    std::vector<std::string> messages = {};
    int status = 0;
    std::string reason = {};
    std::string raw = {};  // behind the messages, as it is
    bool open = false;     // stays so for what push() sends
    bool silent = false;   // nothing at all
    std::string http_status = "200";
  };
  struct Asked {
    std::string method, name_space, message;
  };
  using Answer = std::function<Reply(Asked const&)>;

  FakeGrpc(std::string path, Answer answer)
      : answer_(std::move(answer)), server_(std::move(path), [this](int fd) { serve(fd); }) {}

  // To all streams that are open now.
  void push(std::string_view message) {
    std::lock_guard const lock(mutex_);
    pushed_.push_back(grpc_frame(message));
  }
  void hang_up() { server_.hang_up(); }
  // Opened since the start, and asked of by who is to get what is pushed.
  int streams() const { return streams_; }
  int connections() const { return server_.connections(); }

 private:
  struct Stream {
    Asked asked;
    Reply reply;
    std::string body, out;
    std::size_t pushed = 0;
  };
  struct Connection {
    FakeGrpc* server = nullptr;
    int fd = -1;
    std::map<std::int32_t, Stream> streams;
  };
  static Connection& of(void* user) { return *static_cast<Connection*>(user); }

  static nghttp2_nv field(char const* name, std::string const& value) {
    auto const bytes = [](char const* text) {
      return const_cast<std::uint8_t*>(reinterpret_cast<std::uint8_t const*>(text));
    };
    return {bytes(name), bytes(value.c_str()), std::strlen(name), value.size(),
            NGHTTP2_NV_FLAG_NONE};
  }

  static ssize_t give(nghttp2_session* session, std::int32_t id, std::uint8_t* into,
                      std::size_t room, std::uint32_t* flags, nghttp2_data_source*, void* user) {
    auto& stream = of(user).streams.at(id);
    auto const size = std::min(room, stream.out.size());
    std::memcpy(into, stream.out.data(), size);
    stream.out.erase(0, size);
    if (!stream.out.empty()) return static_cast<ssize_t>(size);
    if (stream.reply.open)
      return size > 0 ? static_cast<ssize_t>(size) : ssize_t{NGHTTP2_ERR_DEFERRED};
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    auto const status = std::to_string(stream.reply.status);
    nghttp2_nv const trailers[] = {field("grpc-status", status),
                                   field("grpc-message", stream.reply.reason)};
    ::nghttp2_submit_trailer(session, id, trailers, 2);
    return static_cast<ssize_t>(size);
  }

  static void answer(nghttp2_session* session, Connection& connection, std::int32_t id) {
    auto& stream = connection.streams[id];
    stream.asked.message = stream.body.size() > 5 ? stream.body.substr(5) : "";
    {
      std::lock_guard const lock(connection.server->mutex_);
      stream.pushed = connection.server->pushed_.size();
    }
    stream.reply = connection.server->answer_(stream.asked);
    if (stream.reply.silent) return;
    if (stream.reply.open) ++connection.server->streams_;
    for (auto const& message : stream.reply.messages) stream.out += grpc_frame(message);
    stream.out += stream.reply.raw;
    std::string const type = "application/grpc";
    nghttp2_nv const headers[] = {field(":status", stream.reply.http_status),
                                  field("content-type", type)};
    nghttp2_data_provider body{};
    body.read_callback = give;
    ::nghttp2_submit_response(session, id, headers, 2, &body);
  }

  void serve(int fd) {
    Connection connection{this, fd, {}};
    nghttp2_session_callbacks* callbacks = nullptr;
    ::nghttp2_session_callbacks_new(&callbacks);
    ::nghttp2_session_callbacks_set_on_header_callback(
        callbacks,
        [](nghttp2_session*, nghttp2_frame const* frame, std::uint8_t const* name, std::size_t n,
           std::uint8_t const* value, std::size_t m, std::uint8_t, void* user) {
          std::string_view const key(reinterpret_cast<char const*>(name), n);
          std::string_view const text(reinterpret_cast<char const*>(value), m);
          auto& asked = of(user).streams[frame->hd.stream_id].asked;
          if (key == ":path") asked.method = text;
          if (key == "containerd-namespace") asked.name_space = text;
          return 0;
        });
    ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t id, std::uint8_t const* data,
                      std::size_t size, void* user) {
          of(user).streams[id].body.append(reinterpret_cast<char const*>(data), size);
          return 0;
        });
    ::nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session* session, nghttp2_frame const* frame, void* user) {
          bool const last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
          if (last && frame->hd.type == NGHTTP2_DATA)
            answer(session, of(user), frame->hd.stream_id);
          return 0;
        });
    nghttp2_session* session = nullptr;
    ::nghttp2_session_server_new(&session, callbacks, &connection);
    ::nghttp2_session_callbacks_del(callbacks);
    ::nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0);
    talk(session, connection);
    ::nghttp2_session_del(session);
  }

  void talk(nghttp2_session* session, Connection& connection) {
    std::uint8_t bytes[4096];
    for (;;) {
      std::uint8_t const* out = nullptr;
      for (ssize_t n = 0; (n = ::nghttp2_session_mem_send(session, &out)) > 0;)
        raw_send(connection.fd, {reinterpret_cast<char const*>(out), static_cast<std::size_t>(n)});
      pollfd ready{connection.fd, POLLIN, 0};
      if (::poll(&ready, 1, 2) > 0) {
        auto const n = ::recv(connection.fd, bytes, sizeof bytes, 0);
        if (n <= 0) return;
        if (::nghttp2_session_mem_recv(session, bytes, static_cast<std::size_t>(n)) < 0) return;
      }
      std::lock_guard const lock(mutex_);
      for (auto& [id, stream] : connection.streams) {
        if (!stream.reply.open || stream.pushed == pushed_.size()) continue;
        while (stream.pushed < pushed_.size()) stream.out += pushed_[stream.pushed++];
        ::nghttp2_session_resume_data(session, id);
      }
    }
  }

  Answer answer_;
  std::mutex mutex_;
  std::vector<std::string> pushed_;
  std::atomic<int> streams_{0};
  RawServer server_;
};

}  // namespace dadvisor::test
