#pragma once
// A value or an Error: for what happens on a good day (a container vanishes, a peer hangs up, a
// line is malformed). Named as std::expected, so that C++23 is an alias away. Exceptions are for
// start-up and for what libraries throw; they never cross a stage of the pipeline.

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace dadvisor {

enum class Errc {
  gone,         // it was there and has ended (cgroup, process, peer)
  not_found,    // it never was there
  denied,       // no right to it
  malformed,    // what was read or received is not what it must be
  too_large,    // over a limit
  unavailable,  // try again later: connect refused, 5xx, disk full
  timeout,      // no answer in time
  conflict,     // contradicts what is known
  unsupported,  // this kernel, peer or version does not do that
  io,           // any other failure of the system; os_error tells
};

struct Error {
  Errc code = Errc::io;
  int os_error = 0;     // errno, or 0
  std::string context;  // what was tried, on what; for a person
  // Which limit of a query was met, as metrics name it: a text that lives for ever. Null: none.
  char const* limit = nullptr;

  // The same error, its context preceded by `outer`: "outer: context".
  Error within(std::string const& outer) const {
    return Error{code, os_error, context.empty() ? outer : outer + ": " + context, limit};
  }
};

// The Errc that an errno stands for, with "context: strerror" as its context.
Error os_error(int number, std::string context);
// One line for a person or a log.
std::string to_string(Error const& error);
char const* to_string(Errc code);

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  T& value() & { return (assert(has_value()), *std::get_if<0>(&state_)); }
  T const& value() const& { return (assert(has_value()), *std::get_if<0>(&state_)); }
  T&& value() && { return std::move(value()); }
  T& operator*() & { return value(); }
  T const& operator*() const& { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  T const* operator->() const { return &value(); }
  Error const& error() const { return (assert(!has_value()), *std::get_if<1>(&state_)); }
  T value_or(T other) const& { return has_value() ? value() : std::move(other); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : failed_(true), error_(std::move(error)) {}

  bool has_value() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return !failed_; }
  Error const& error() const { return (assert(failed_), error_); }

 private:
  bool failed_ = false;
  Error error_;
};

}  // namespace dadvisor
