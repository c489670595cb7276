#include "agent/export/metrics_text.hpp"

#include <cassert>
#include <charconv>

#include "common/core/log.hpp"

namespace dadvisor::agent {
namespace {

constexpr std::string_view total = "_total";

// At most 20 digits, a sign, a point and a leading zero.
constexpr std::size_t longest_number = 24;

}  // namespace

MetricsForm metrics_form(std::optional<std::string_view> accept) {
  bool const named = accept && accept->find("application/openmetrics-text") != accept->npos;
  return named ? MetricsForm::open_metrics : MetricsForm::prometheus;
}

std::string_view content_type(MetricsForm form) {
  return form == MetricsForm::open_metrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

void MetricsText::family(std::string_view name, Type type, std::string_view help) {
  name_ = name;
  std::string_view shown = type == Type::counter ? "counter" : "gauge";
  if (form_ == MetricsForm::open_metrics && type == Type::counter) {
    if (name.ends_with(total))
      name.remove_suffix(total.size());
    else
      shown = "unknown";
  }
  fmt::format_to(std::back_inserter(text_), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, shown);
}

void MetricsText::stamp(std::optional<WallTime> time) {
  stamp_.clear();
  if (!time) return;
  auto const milliseconds =
      std::chrono::floor<std::chrono::milliseconds>(time->time_since_epoch()).count();
  stamp_ = form_ == MetricsForm::open_metrics
               ? fmt::format(" {}.{:03}", milliseconds / 1000, milliseconds % 1000)
               : fmt::format(" {}", milliseconds);
}

void MetricsText::begin(std::string_view labels) {
  text_ += name_;
  text_ += labels;
  text_ += ' ';
}

void MetricsText::end() {
  text_ += stamp_;
  text_ += '\n';
}

void MetricsText::series(std::string_view labels, std::string_view more, std::int64_t value,
                         unsigned digits) {
  text_ += name_;
  text_ += labels;
  text_ += more;
  text_ += ' ';
  // From the back: the last `digits` digits, without trailing zeros, then the point.
  char buffer[longest_number];
  char* const last = buffer + sizeof buffer;
  char* at = last;
  auto rest = static_cast<std::uint64_t>(value);
  if (value < 0) rest = 0 - rest;
  assert(digits <= 9);
  bool significant = false;
  for (unsigned i = 0; i < digits; ++i, rest /= 10) {
    auto const digit = static_cast<char>('0' + rest % 10);
    significant = significant || digit != '0';
    if (significant) *--at = digit;
  }
  if (at != last) *--at = '.';
  do {
    *--at = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (value < 0) *--at = '-';
  text_.append(at, last);
  end();
}

void MetricsText::write_into(std::string memory) {
  text_ = std::move(memory);
  text_.clear();
}

void MetricsText::finish() {
  if (form_ == MetricsForm::open_metrics) text_ += "# EOF\n";
}

std::string MetricsText::take() {
  finish();
  return take_piece();
}

std::string escaped_label_value(std::string_view value) {
  auto const clean = printable(value, value.size() * 4);
  std::string escaped;
  escaped.reserve(clean.size());
  for (char const c : clean) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace dadvisor::agent
