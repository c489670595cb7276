#pragma once
// What the resolver tells the agent, as lines of JSON over its socket (PROTOCOL.md): both ends'
// writing and reading. A line has one member, whose name is its kind. What is no such line is
// Errc::malformed; kinds and members that are not known here are passed over, those that are not
// told keep their defaults. Pure.

#include <boost/json/stream_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

#include "agent/runtime/container.hpp"
#include "agent/runtime/runtime_event.hpp"
#include "agent/runtime/runtime_report.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent::documents {

inline constexpr std::int64_t format = 1;
inline constexpr std::size_t longest_line = 1 << 20;
inline constexpr std::size_t longest_body = 2 << 20;  // of lines that an agent tells

// The first line of a stream. `run` tells one run of the resolver from another: numbers of events
// begin anew with it.
struct Hello {
  std::int64_t format = documents::format;
  std::string run;
};
struct Gone {
  std::string id;  // of a container that is to be forgotten
};
struct Updated {
  std::string id;  // of a container whose limits were changed
};
struct Told {
  std::uint64_t number = 0;  // from 1 on, rising by one
  RuntimeEvent event;
};
using Document = std::variant<Hello, Container, Gone, Updated, Told, RuntimeReport>;

// A line, with its end. A container that makes one longer than longest_line is told without
// labels, environment, volumes and words on its error; `cut` is then set.
std::string line_of(Document const& document, bool* cut = nullptr);

// A stream of lines, cut anywhere into pieces.
class Reader {
 public:
  Reader();
  // Takes a piece; calls `on_document` for each whole one. After malformed or too_large the stream
  // is of no use any more.
  Result<void> feed(std::string_view bytes, std::function<void(Document)> const& on_document);
  // Forgets a piece of a line: another stream begins.
  void reset();

 private:
  boost::json::stream_parser parser_;
  std::size_t bytes_ = 0;  // of the line being read
};

}  // namespace dadvisor::agent::documents
