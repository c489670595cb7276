#pragma once
// Regular expressions as targets use them: Python's re.sub and re.search on RE2, whose time is
// linear in the text. What RE2 has not (look-around, back references inside the pattern) is an
// error here. Immutable after compile, any thread.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace re2 {
class RE2;
}

namespace dadvisor::graphite {

class Regex {
 public:
  // Errc::malformed with RE2's reason.
  static Result<Regex> compile(std::string_view pattern);

  // Whether it matches somewhere in `text`; `matches_start` only from the first byte on.
  bool matches(std::string_view text) const;
  bool matches_start(std::string_view text) const;
  // Its named groups, of a match from the first byte on; nothing when there is none.
  std::optional<std::map<std::string, std::string>> fields_at_start(std::string_view text) const;

  // Every match in `text` replaced by `replacement`, in which \1..\99 and \g<n>, \g<name> stand
  // for groups. An empty match right after another one is replaced too, as Python >= 3.7 does:
  // sub("(.*)", "x", "a") is "xx". Errc::malformed: no such group, unknown escape.
  Result<std::string> replace(std::string_view text, std::string_view replacement) const;

 private:
  Regex(std::shared_ptr<re2::RE2 const> regex, std::string_view pattern);
  std::shared_ptr<re2::RE2 const> regex_;
  // Rules of carbon's files are asked of thousands of names: what most of them begin with is looked
  // at first.
  bool anything_;          // it matches every text
  std::string beginning_;  // of every text that matches; may be empty
};

}  // namespace dadvisor::graphite
