#include "aggregator/ingest/imported_points.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <optional>

#include "common/core/foreign.hpp"

namespace dadvisor::aggregator::ingest {
namespace {

using Slots = std::map<std::int64_t, double>;  // by begin

std::string_view take_word(std::string_view& line) {
  auto const end = std::min(line.find(' '), line.size());
  auto const word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

template <typename Number>
std::optional<Number> number_of(std::string_view word) {
  Number number{};
  auto const [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

bool read_header(std::string_view line, ImportedSeries& series) {
  series.path = take_word(line);
  if (line.empty()) return !series.path.empty();
  auto const step = number_of<std::int64_t>(line);
  if (!step || *step <= 0 || *step > longest_foreign_step) return false;
  series.step = *step;
  return !series.path.empty();
}

bool read_point(std::string_view line, ImportedPoint& point) {
  auto const time = number_of<std::int64_t>(take_word(line));
  auto const value = number_of<double>(take_word(line));
  if (!time || *time < 0 || !value || !std::isfinite(*value)) return false;
  point = {*time, *value, 0};
  if (line.empty()) return true;
  auto const span = number_of<std::int64_t>(line);
  if (!span || *span <= 0 || *span > longest_foreign_step) return false;
  point.span = *span;
  return true;
}

}  // namespace

Result<std::vector<ImportedSeries>> parse_imported_points(std::string_view body) {
  std::vector<ImportedSeries> all;
  for (std::size_t number = 1; !body.empty(); ++number) {
    auto const end = std::min(body.find('\n'), body.size());
    std::string_view line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    bool good = false;
    if (line.starts_with('=')) {
      good = read_header(line.substr(1), all.emplace_back());
    } else if (!all.empty()) {
      good = read_point(line, all.back().points.emplace_back());
    }
    if (!good)
      return Error{Errc::malformed, 0,
                   "line " + std::to_string(number) + " is neither a series nor a point"};
  }
  return all;
}

std::map<std::int64_t, double> slots_of(
    std::vector<ImportedPoint> const& points, std::int64_t step, bool shared,
    std::function<std::int64_t(std::int64_t time)> const& archive_step) {
  Slots slots, single;
  auto const fill = [&](std::int64_t first, std::int64_t end, double value) {
    double const its = shared ? value / static_cast<double>((end - first) / step) : value;
    for (std::int64_t slot = first; slot < end; slot += step) slots.insert_or_assign(slot, its);
  };
  for (ImportedPoint const& point : points) {
    std::int64_t const first = point.time - point.time % step;
    if (point.span == 0)
      single.insert_or_assign(first, point.value);
    else
      fill(first, first + std::max(step, point.span - point.span % step), point.value);
  }
  for (auto each = single.begin(); each != single.end();) {
    std::int64_t const archive = std::max(step, archive_step(each->first));
    std::int64_t const end = each->first - each->first % archive + archive;
    std::int64_t first = end - archive;
    while (each != single.end() && each->first < end) {
      auto const next = std::next(each);
      std::int64_t const until = next == single.end() ? end : std::min(end, next->first);
      fill(first, until, each->second);
      first = until;
      each = next;
    }
  }
  return slots;
}

}  // namespace dadvisor::aggregator::ingest
