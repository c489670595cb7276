#pragma once
// seriesByTag('name=disk.used','dc!=sh','host=~h[12]'): which tagged series a target means. The
// language hands the expressions to SeriesSource::fetch_tagged; a source that has tags reads them
// with this. Semantics of graphite-web's tags/base.py. Immutable, any thread.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "graphite-bridge/regex.hpp"

namespace dadvisor::graphite {

struct TagExpression {
  std::string tag;             // "name" is the metric's own name
  bool negated = false;        // != and !=~
  std::string value;           // what must be equal; a tag that is absent has the value ""
  std::optional<Regex> regex;  // =~ and !=~: must match from the value's start on
};

class TagQuery {
 public:
  explicit TagQuery(std::vector<TagExpression> expressions, std::string text = {})
      : expressions_(std::move(expressions)), text_(std::move(text)) {}
  std::vector<TagExpression> const& expressions() const { return expressions_; }
  // As they were given, each with its length in front: queries of the same text are the same.
  // Empty: nobody knows.
  std::string const& text() const { return text_; }
  bool matches(std::map<std::string, std::string> const& tags) const;

 private:
  std::vector<TagExpression> expressions_;
  std::string text_;
};

// Of "tag=value" and its like. Errc::malformed: a text that is none, or no expression that demands
// a value (it would mean every series).
Result<TagQuery> parse_tag_query(std::vector<std::string> const& expressions);

}  // namespace dadvisor::graphite
