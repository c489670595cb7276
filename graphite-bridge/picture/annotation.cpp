#include "graphite-bridge/picture/annotation.hpp"

#include <algorithm>
#include <cmath>

#include "graphite-bridge/picture/unit_text.hpp"

namespace dadvisor::graphite::picture {
namespace {

void add_spans(Layout& layout, PictureOptions const& options) {
  for (auto const& span : options.spans) {
    double const left = layout.x_of(static_cast<double>(std::max(span.from, layout.window.from)));
    double const right =
        layout.x_of(static_cast<double>(std::min(span.until, layout.window.until)));
    if (right < left) continue;
    // A moment's span is still seen.
    double const least = std::min(left + 1, layout.plot.right);
    layout.spans.push_back(
        {{left, layout.plot.top, std::max(right, least), layout.plot.bottom}, span.role});
  }
}

void add_thresholds(Layout& layout, PictureOptions const& options, TextWidth const& measure) {
  auto const& plot = layout.plot;
  double const size = layout.font.size;
  std::vector<double> taken;
  auto const is_free = [&](double baseline) {
    return baseline - size >= plot.top && baseline <= plot.bottom &&
           std::none_of(taken.begin(), taken.end(),
                        [&](double other) { return std::fabs(other - baseline) < size * 1.1; });
  };
  for (auto const& threshold : options.thresholds) {
    double const y = layout.y_of(threshold.value, threshold.second_y_axis);
    if (!(y >= plot.top - 0.5 && y <= plot.bottom + 0.5)) continue;
    PlacedLine line{y, threshold.role, {}};
    auto const text = elided(clean_text(threshold.label), plot.width() * 0.6, layout.font, measure);
    for (double const baseline : {y - size * 0.35, y + size * 1.05, y + size * 2.15}) {
      if (text.empty() || !is_free(baseline)) continue;
      line.label = PlacedText{text, plot.right - size * 0.4, baseline, Align::right,
                              options.theme.of(threshold.role)};
      taken.push_back(baseline);
      break;
    }
    layout.thresholds.push_back(std::move(line));
  }
}

void add_marks(Layout& layout, PictureOptions const& options, TextWidth const& measure) {
  auto events = options.marks;
  std::erase_if(events, [&](Event const& event) {
    return event.when < layout.window.from || event.when > layout.window.until;
  });
  std::stable_sort(events.begin(), events.end(),
                   [](Event const& a, Event const& b) { return a.when < b.when; });
  double const size = layout.font.size;
  double const widest = std::max(layout.plot.width() * 0.3, size * 6);
  for (std::size_t i = 0; i < events.size(); ++i) {
    double const x = layout.x_of(static_cast<double>(events[i].when));
    PlacedLine line{x, Role::info, {}};
    double const next = i + 1 < events.size() ? layout.x_of(static_cast<double>(events[i + 1].when))
                                              : layout.plot.right;
    double const room = std::min(next - x - size, widest);
    if (room >= size * 3) {
      auto text = elided(clean_text(events[i].what), room, layout.font, measure);
      line.label = PlacedText{std::move(text), x + size * 0.4, layout.plot.top + size, Align::left,
                              options.theme.info};
    }
    layout.marks.push_back(std::move(line));
  }
}

// Labels no nearer than a line to one another, none outside of the plot.
void part(std::vector<PlacedText>& texts, Box const& plot, double distance, double below) {
  std::sort(texts.begin(), texts.end(),
            [](PlacedText const& a, PlacedText const& b) { return a.baseline < b.baseline; });
  double least = plot.top + below;
  for (auto& text : texts) {
    text.baseline = std::max(text.baseline, least);
    least = text.baseline + distance;
  }
  double most = plot.bottom + below;
  for (auto text = texts.rbegin(); text != texts.rend(); ++text) {
    text->baseline = std::min(text->baseline, most);
    most = text->baseline - distance;
  }
}

void add_last_values(Layout& layout, PictureOptions const& options) {
  double const size = layout.font.size;
  for (auto const& last : last_values(layout.curves, options)) {
    auto const& curve = layout.curves[last.curve];
    auto const value = std::find_if(curve.values.rbegin(), curve.values.rend(), is_drawable);
    if (value == curve.values.rend()) continue;
    double const y = layout.y_of(*value, curve.right);
    if (!std::isfinite(y)) continue;
    layout.last_values.push_back({last.text, layout.plot.right + size * 0.5, y + size * 0.36,
                                  Align::left, curve.color.with_alpha(1)});
  }
  part(layout.last_values, layout.plot, size * 1.2, size * 0.36);
}

}  // namespace

std::vector<LastValue> last_values(std::vector<Curve> const& curves,
                                   PictureOptions const& options) {
  std::vector<LastValue> out;
  if (!options.label_last) return out;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    auto const& curve = curves[i];
    if (curve.infinite || curve.invisible || !curve.figures.last) continue;
    out.push_back({i, number_text(*curve.figures.last, options.unit_system, options.unit)});
  }
  if (out.size() > most_last_values) {
    std::stable_sort(out.begin(), out.end(), [&](LastValue const& a, LastValue const& b) {
      return *curves[a.curve].figures.last > *curves[b.curve].figures.last;
    });
    out.resize(most_last_values);
  }
  return out;
}

void annotate(Layout& layout, PictureOptions const& options, TextWidth const& measure) {
  add_spans(layout, options);
  add_thresholds(layout, options, measure);
  add_marks(layout, options, measure);
  if (layout.message.empty()) add_last_values(layout, options);
}

}  // namespace dadvisor::graphite::picture
