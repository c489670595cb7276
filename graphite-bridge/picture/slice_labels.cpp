#include "graphite-bridge/picture/slice_labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "graphite-bridge/picture/unit_text.hpp"

namespace dadvisor::graphite::picture {
namespace {

constexpr double usual_least_share = 0.05;  // graphite-web's valueLabelsMin
constexpr double smallest_circle = 0.62;    // of what the area allows, when labels are outside
constexpr double least_for_outside = 3.5;   // of the font's size: a smaller circle has none

double luminance(Color const& color) {  // WCAG 2.1
  auto const linear = [](double part) {
    return part <= 0.04045 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue);
}

double contrast(Color const& a, Color const& b) {
  double const one = luminance(a), other = luminance(b);
  return (std::max(one, other) + 0.05) / (std::min(one, other) + 0.05);
}

// A rectangle around a text that is turned by `angle`, as far as it stands out in x and y.
Box around(double x, double y, double width, double height, double angle) {
  double const cosine = std::fabs(std::cos(angle)), sine = std::fabs(std::sin(angle));
  double const across = (width * cosine + height * sine) / 2;
  double const down = (width * sine + height * cosine) / 2;
  return {x - across, y - down, x + across, y + down};
}

bool overlap(Box const& a, Box const& b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

class Labels {
 public:
  Labels(Pie& pie, PictureOptions const& options, TextWidth const& measure)
      : pie_(pie), options_(options), measure_(measure) {}

  void place() {
    double const across = pie_.area.width() / 2, down = pie_.area.height() / 2;
    double const largest = std::max(std::min(across, down), 0.0);
    pie_.radius = largest;
    attempt();
    if (outside_ == 0) return;
    if (largest < size() * least_for_outside) {
      std::erase_if(pie_.labels, [](SliceLabel const& label) { return !label.inside; });
      return;
    }
    double const beside = across - widest_ - gap();
    double const above = down - (turned() ? widest_ : height()) - gap();
    pie_.radius = std::max(std::min({largest, beside, above}), largest * smallest_circle);
    attempt();
  }

 private:
  double size() const { return pie_.font.size; }
  double height() const { return size() * 1.1; }
  double gap() const { return size() * 0.4; }
  bool turned() const { return options_.pie.rotated; }

  std::string text_of(Slice const& slice) const {
    auto const& pie = options_.pie;
    bool const percent = pie.labels == ValueLabels::percent;
    bool const small = pie.least ? (percent ? slice.share * 100 : slice.value) < *pie.least
                                 : slice.share < usual_least_share;
    if (pie.labels == ValueLabels::none || small) return {};
    return percent ? fmt::format("{:.1f}%", slice.share * 100)
                   : number_text(slice.value, options_.unit_system, options_.unit);
  }

  // All labels for the radius as it is.
  void attempt() {
    pie_.labels.clear();
    taken_.clear();
    outside_ = 0;
    widest_ = 0;
    for (auto const& slice : pie_.slices) {
      auto const text = text_of(slice);
      if (text.empty()) continue;
      double const width = measure_(text, pie_.font);
      auto label = turned() ? along_radius(slice, width) : horizontal(slice, width);
      label.text = text;
      label.color = ink(slice, label.inside);
      if (!label.inside) {
        ++outside_;
        widest_ = std::max(widest_, width);
        auto const box = around(label.x, label.y, width, height(), label.angle);
        if (!is_free(box)) continue;
        taken_.push_back(box);
      }
      pie_.labels.push_back(std::move(label));
    }
  }

  bool is_free(Box const& box) const {
    double const top = std::max(pie_.area.top - 1, 1.0);
    double const bottom = std::min(pie_.area.bottom + gap() + 1, options_.height - 1.0);
    return box.left >= 1 && box.top >= top && box.right <= options_.width - 1 &&
           box.bottom <= bottom &&
           std::none_of(taken_.begin(), taken_.end(),
                        [&](Box const& other) { return overlap(box, other); });
  }

  SliceLabel at(double distance, double angle) const {
    SliceLabel out;
    out.x = pie_.x + distance * std::cos(angle);
    out.y = pie_.y + distance * std::sin(angle);
    return out;
  }

  // Whether a point lies in the slice, a little off its edges.
  bool within(Slice const& slice, double x, double y) const {
    double const dx = x - pie_.x, dy = y - pie_.y;
    double const distance = std::hypot(dx, dy);
    if (distance > pie_.radius - 2) return false;
    if (slice.share >= 1) return true;
    constexpr double whole = 2 * std::numbers::pi;
    double const behind = std::fmod(std::atan2(dy, dx) - slice.from + 2 * whole, whole);
    double const left = slice.until - slice.from - behind;
    auto const far = [&](double angle) {  // from the edge at that angle
      return angle >= std::numbers::pi / 2 ? distance : distance * std::sin(angle);
    };
    return left > 0 && far(behind) > 2 && far(left) > 2;
  }

  SliceLabel horizontal(Slice const& slice, double width) const {
    if (slice.share >= 1) return at(0, 0);
    double const w = width / 2, h = height() / 2;
    for (double const part : {0.62, 0.68, 0.74, 0.8, 0.55}) {
      auto out = at(pie_.radius * part, slice.middle());
      bool fits = true;
      for (auto const& [x, y] :
           {std::pair(-w, -h), {w, -h}, {-w, h}, {w, h}, {0.0, -h}, {0.0, h}, {-w, 0.0}, {w, 0.0}})
        fits = fits && within(slice, out.x + x, out.y + y);
      if (fits) return out;
    }
    // Outside: above and below the circle in the middle over it, else beside it.
    auto out = at(pie_.radius + gap(), slice.middle());
    out.x += w * std::clamp(std::cos(slice.middle()) * 1.6, -1.0, 1.0);
    out.y += h * std::sin(slice.middle());
    out.inside = false;
    return out;
  }

  SliceLabel along_radius(Slice const& slice, double width) const {
    double const angle = slice.middle();
    // The middle of the slice is wide enough for letters from here on.
    double const half = (slice.until - slice.from) / 2;
    double const begin = half >= std::numbers::pi / 2 ? gap() : (height() / 2 + 1) / std::tan(half);
    bool const fits = pie_.radius - gap() * 2 - width >= begin;
    auto out =
        at(fits ? pie_.radius - gap() * 2 - width / 2 : pie_.radius + gap() + width / 2, angle);
    out.inside = fits;
    // Read from the left to the right, whichever side of the circle it is on.
    out.angle = std::cos(angle) < 0 ? angle - std::numbers::pi : angle;
    return out;
  }

  Color ink(Slice const& slice, bool inside) const {
    auto const& theme = options_.theme;
    if (!inside) return theme.foreground;
    if (options_.pie.label_color) return *options_.pie.label_color;
    auto const& color = pie_.curves[slice.curve].color;
    auto const ground = color.over(theme.background, color.alpha);
    auto const dark = rgb(0x10151b), light = rgb(0xffffff);
    // White looks better on strong colours, though black's contrast may be a little more.
    return contrast(light, ground) >= std::min(4.0, contrast(dark, ground)) ? light : dark;
  }

  Pie& pie_;
  PictureOptions const& options_;
  TextWidth const& measure_;
  std::vector<Box> taken_;  // by labels outside
  std::size_t outside_ = 0;
  double widest_ = 0;  // of those
};

}  // namespace

void place_labels(Pie& pie, PictureOptions const& options, TextWidth const& measure) {
  Labels(pie, options, measure).place();
}

}  // namespace dadvisor::graphite::picture
