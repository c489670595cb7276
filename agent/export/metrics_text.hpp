#pragma once
// What a Prometheus server reads from a page, in both of its forms: its own text format 0.0.4 and
// OpenMetrics 1.0, which modern servers ask for. The same families in the same order. Pure.

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/clock.hpp"

namespace dadvisor::agent {

enum class MetricsForm { prometheus, open_metrics };

// By the request's Accept header: OpenMetrics where it is named, whatever its rank, as Prometheus'
// own client libraries choose.
MetricsForm metrics_form(std::optional<std::string_view> accept);
std::string_view content_type(MetricsForm form);

class MetricsText {
 public:
  enum class Type { gauge, counter };

  explicit MetricsText(MetricsForm form) : form_(form) {}

  // Begins a family; its series follow. A counter whose name does not end in _total is of unknown
  // type in OpenMetrics, which would not read it otherwise.
  void family(std::string_view name, Type type, std::string_view help);
  // The stamp of the series that follow; nullopt: none, the reader's own.
  void stamp(std::optional<WallTime> time);

  // `labels`: with their braces, values escaped; or empty.
  template <typename Number>
  void series(std::string_view labels, Number value) {
    begin(labels);
    fmt::format_to(std::back_inserter(text_), "{}", value);
    end();
  }
  // A stored integer that is shown as a decimal fraction: `value` x 10^-`digits`, exactly.
  // `labels` in two parts, as most of them stay the same from family to family.
  void series(std::string_view labels, std::string_view more, std::int64_t value, unsigned digits);

  // What was written since the last piece was taken, in bytes.
  std::size_t size() const { return text_.size(); }
  // The next piece is written in the place of `memory`, what stands in it is lost.
  void write_into(std::string memory);
  void reserve(std::size_t bytes) { text_.reserve(bytes); }
  std::string take_piece() { return std::move(text_); }
  // Behind the last family: the end that the form demands.
  void finish();
  // All of a page that was not taken in pieces, finished.
  std::string take();

 private:
  void begin(std::string_view labels);
  void end();

  MetricsForm form_;
  std::string text_;
  std::string name_;   // of the family's series
  std::string stamp_;  // with a blank in front
};

// `value` as it stands between the quotes of a label: the same in both forms. Bytes that are no
// UTF-8, for which a server refuses the whole page, and control bytes stand as \xNN.
std::string escaped_label_value(std::string_view value);

}  // namespace dadvisor::agent
