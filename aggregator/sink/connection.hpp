#pragma once
// One TCP connection that only sends, with bounds on every wait. One thread at a time.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/core/clock.hpp"
#include "common/core/fd.hpp"
#include "common/core/result.hpp"

namespace dadvisor::aggregator::sink {

class Connection {
 public:
  // Resolves and connects within `limit`; tries each of the name's addresses.
  static Result<std::unique_ptr<Connection>> open(std::string const& host, std::uint16_t port,
                                                  Nanoseconds limit);

  // Hands all of `bytes` to the kernel. Errors: gone (the peer closed or reset), timeout (it took
  // no byte for `limit`). After an error the connection is of no use.
  Result<void> send(std::string_view bytes, Nanoseconds limit);
  // Whether the peer still holds its end, as far as the kernel knows.
  bool alive() const;

 private:
  explicit Connection(Fd socket) : socket_(std::move(socket)) {}
  Fd socket_;
};

}  // namespace dadvisor::aggregator::sink
