#include "graphite-bridge/format/text_series.hpp"

#include <fmt/format.h>

#include <chrono>
#include <iterator>
#include <string_view>
#include <utility>

#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite {
namespace {

constexpr std::size_t steps_a_text_point = 16;  // for QueryBudget::work()

bool is_csv_plain(std::string_view text) {
  return text.find_first_of(",\"\r\n") == std::string_view::npos;
}

void append_csv_field(std::string& out, std::string_view text) {
  if (is_csv_plain(text)) {
    out += text;
    return;
  }
  out += '"';
  for (char const c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_time(std::string& out, std::int64_t local_seconds) {
  using namespace std::chrono;
  sys_seconds const time{seconds(local_seconds)};
  auto const day = floor<days>(time);
  year_month_day const date(day);
  hh_mm_ss const clock(time - day);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
                 static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                 static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                 clock.seconds().count());
}

}  // namespace

std::string to_csv(SeriesList const& series, TimeZone const& zone, QueryBudget* budget) {
  std::string out;
  for (auto const& one : series) {
    std::int64_t time = one.start;
    for (double const value : one.values) {
      if (!may_write(budget, out.size(), steps_a_text_point)) return {};
      append_csv_field(out, one.name);
      out += ',';
      append_time(out, time + zone.offset_at(time));
      out += ',';
      if (!is_absent(value)) append_repr(out, value, one.whole);
      out += "\r\n";
      time += one.step;
    }
  }
  return out;
}

std::string to_raw(SeriesList const& series, QueryBudget* budget) {
  std::string out;
  for (auto const& one : series) {
    fmt::format_to(std::back_inserter(out), "{},{},{},{}|", one.name, one.start, one.end, one.step);
    bool first = true;
    for (double const value : one.values) {
      if (!may_write(budget, out.size(), steps_a_text_point)) return {};
      if (!std::exchange(first, false)) out += ',';
      if (is_absent(value)) {
        out += "None";
      } else {
        append_repr(out, value, one.whole);
      }
    }
    out += '\n';
  }
  return out;
}

}  // namespace dadvisor::graphite
