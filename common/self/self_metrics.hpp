#pragma once
// A program's own metrics, read when its /metrics page is asked for (prometheus-cpp's Collectable
// and TextSerializer). Counters stay where they are counted; here is only where to look.

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace dadvisor::self {

// Add everything before the first text(); from then on text() may be called from any thread, and
// so must be the functions.
class SelfMetrics {
 public:
  using Read = std::function<double()>;
  using Labels = std::vector<std::pair<std::string, std::string>>;
  // Names follow Prometheus: "dadvisor_..._total" for counters, base units (seconds, bytes).
  // Throws std::invalid_argument for a name that Prometheus would not take, or one given twice.
  void counter(std::string name, std::string help, Read read);
  void gauge(std::string name, std::string help, Read read);
  // One of several counters or gauges of a name, told apart by their labels; to be added one behind
  // the other.
  void counter(std::string name, std::string help, Labels labels, Read read);
  void gauge(std::string name, std::string help, Labels labels, Read read);

  // The page, in the text format 0.0.4.
  std::string text() const;
  static constexpr char const* content_type = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct Entry {
    std::string name, help;
    bool is_counter;
    Labels labels;
    Read read;
  };
  void add(Entry entry);
  std::vector<Entry> entries_;
};

}  // namespace dadvisor::self
