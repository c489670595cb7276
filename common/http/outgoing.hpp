#pragma once
// The bytes of one answer on their way: its head, then its body, in chunks (RFC 9112, 7.1) while it
// is still being made. No I/O: whoever sends says how much has gone. One thread.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "common/http/message.hpp"

namespace dadvisor::http {

class Outgoing {
 public:
  // `head_alone`: HEAD, which has the length and no body. To HTTP/1.0, which has no chunks, and for
  // that length all of the body is made here. Throws what making it does.
  Outgoing(Response response, bool head_alone, bool http_1_0, bool keep_alive);

  // What is to be sent next, one behind the other; either may be empty. Valid until sent().
  std::pair<std::string_view, std::string_view> left() const;
  // `bytes` of that have gone; makes the next piece once it all has, and throws what that does.
  // False: it was the end.
  bool sent(std::size_t bytes);
  // The bytes of the body that were made so far.
  std::size_t made() const { return made_; }

 private:
  void begin_chunk();

  std::string head_;  // or what stands around a chunk
  std::string body_;
  std::size_t sent_ = 0;  // of both
  std::size_t made_ = 0;
  BodyPieces rest_;
};

}  // namespace dadvisor::http
