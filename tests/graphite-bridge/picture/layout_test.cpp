#include "graphite-bridge/picture/layout.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "letters.hpp"

using namespace dadvisor::graphite;
using namespace dadvisor::graphite::picture;
using test::even_letters;
using test::series_of;

namespace {

constexpr Window hour{0, 3600, 3600};

Layout layout_of(SeriesList const& series, PictureOptions const& options,
                 Window const& window = hour) {
  return make_layout(series, window, options, even_letters);
}

PictureOptions sized(int width, int height) {
  PictureOptions out;
  out.width = width;
  out.height = height;
  return out;
}

std::vector<double> ramp(std::size_t count) {
  std::vector<double> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(static_cast<double>(i));
  return out;
}

Box box_of(PlacedText const& text, Font const& font) {
  double const width = even_letters(text.text, font);
  double const left = text.align == Align::left    ? text.x
                      : text.align == Align::right ? text.x - width
                                                   : text.x - width / 2;
  return {left, text.baseline - font.size * 0.75, left + width, text.baseline + font.size * 0.2};
}

// All texts that stand outside of the plot, with what they cover.
std::vector<std::pair<std::string, Box>> boxes(Layout const& layout) {
  std::vector<std::pair<std::string, Box>> out;
  for (auto const& text : layout.titles) {
    out.emplace_back(text.text, box_of(text, layout.title_font));
  }
  for (auto const* texts : {&layout.value_labels, &layout.time_labels, &layout.contexts,
                            &layout.legend.figures, &layout.legend.rest, &layout.last_values}) {
    for (auto const& text : *texts) out.emplace_back(text.text, box_of(text, layout.font));
  }
  for (auto const& entry : layout.legend.entries) {
    out.emplace_back(entry.name.text, box_of(entry.name, layout.font));
  }
  return out;
}

bool overlap(Box const& a, Box const& b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

}  // namespace

TEST_CASE("times and values have their places in the plot") {
  auto const layout = layout_of({series_of("a", ramp(60))}, sized(600, 300));
  auto const& plot = layout.plot;
  CHECK(layout.x_of(0) == plot.left);
  CHECK(layout.x_of(3600) == Approx(plot.right));
  CHECK(layout.x_of(1800) == Approx((plot.left + plot.right) / 2));
  CHECK(layout.left.bottom == 0);
  CHECK(layout.left.top == 60);
  CHECK(layout.y_of(0, false) == plot.bottom);
  CHECK(layout.y_of(60, false) == Approx(plot.top));
  CHECK(layout.y_of(30, false) == Approx((plot.top + plot.bottom) / 2));
  CHECK(std::isfinite(layout.y_of(1e308, false)));
  CHECK(layout.message.empty());
}

TEST_CASE("no text lies on another or beyond the sheet, at any size") {
  SeriesList series;
  for (int i = 0; i < 8; ++i) {
    series.push_back(
        series_of("cluster.web.host" + std::to_string(i) + ".some.long.leaf", ramp(60)));
    series.back().values.back() += i;  // last values close to one another
  }
  series.back().drawing.second_y_axis = true;
  for (auto const& [width, height] : std::vector<std::pair<int, int>>{{330, 250},
                                                                      {600, 300},
                                                                      {1600, 600},
                                                                      {200, 100},
                                                                      {120, 80},
                                                                      {60, 40},
                                                                      {10, 10},
                                                                      {1, 1},
                                                                      {4096, 30},
                                                                      {30, 4096}}) {
    for (int variant = 0; variant < 8; ++variant) {
      auto options = sized(width, height);
      options.title = "A title that is rather long for small pictures of this kind\nand a second";
      options.left.title = "left";
      options.right.title = "right";
      if (variant & 1) options.legend_values = {LegendValue::last, LegendValue::max};
      if (variant & 2) options.label_last = true;
      if (variant & 4) series.back().drawing.second_y_axis = false;
      auto const layout = layout_of(series, options);
      INFO(width << "x" << height << " " << variant);
      CHECK(layout.plot.width() > 0);
      CHECK(layout.plot.height() > 0);
      auto const all = boxes(layout);
      for (std::size_t i = 0; i < all.size(); ++i) {
        INFO(all[i].first);
        CHECK(all[i].second.left >= -0.5);
        CHECK(all[i].second.right <= width + 0.5);
        CHECK(all[i].second.top >= -0.5);
        CHECK(all[i].second.bottom <= height + 0.5);
        for (std::size_t j = 0; j < i; ++j) {
          INFO(all[j].first);
          CHECK_FALSE(overlap(all[i].second, all[j].second));
        }
      }
    }
  }
}

TEST_CASE("a small picture gives up its legend before its titles and its axes last") {
  auto options = sized(330, 250);
  options.title = "title";
  auto const whole = layout_of({series_of("a", ramp(60))}, options);
  CHECK(whole.legend.entries.size() == 1);
  options.height = 80;
  auto const low = layout_of({series_of("a", ramp(60))}, options);
  CHECK(low.legend.entries.empty());
  CHECK(low.titles.size() == 1);
  options.height = 55;
  auto const lower = layout_of({series_of("a", ramp(60))}, options);
  CHECK(lower.titles.empty());
  CHECK(lower.has_axes);
  options.height = 20;
  CHECK_FALSE(layout_of({series_of("a", ramp(60))}, options).has_axes);
}

TEST_CASE("the legend is hidden for more than ten series unless it is asked for") {
  SeriesList series(11, series_of("same", {1, 2}));
  auto options = sized(600, 300);
  CHECK(layout_of(series, options).legend.entries.empty());
  options.hide_legend = false;
  CHECK(layout_of(series, options).legend.entries.size() == 11);
  options.unique_legend = true;
  CHECK(layout_of(series, options).legend.entries.size() == 1);
  series.resize(10);
  options = sized(600, 300);
  CHECK(layout_of(series, options).legend.entries.size() == 10);
  options.hide_legend = true;
  CHECK(layout_of(series, options).legend.height == 0);
  SeriesList many(1000, series_of("same", {1, 2}));
  options.hide_legend = false;
  auto const layout = layout_of(many, options);
  REQUIRE(layout.legend.rest.size() == 1);
  CHECK(layout.legend.rest[0].text ==
        "+ " + std::to_string(1000 - layout.legend.entries.size()) + " more");
  CHECK(layout.legend.height <= 300 * 0.4);
}

TEST_CASE("the legend tells figures of the window alone, absent ones as a dash") {
  auto options = sized(600, 300);
  options.legend_values = {LegendValue::last, LegendValue::min, LegendValue::max,
                           LegendValue::average};
  auto const layout =
      layout_of({series_of("a", {absent, 2, 4, 1000, absent}), series_of("b", {absent, absent})},
                options, {0, 200, 200});  // 1000 stands at 240
  std::vector<std::string> texts;
  for (auto const& text : layout.legend.figures) texts.push_back(text.text);
  std::string const dash = "\xE2\x80\x93";
  CHECK(texts == std::vector<std::string>{"last", "4", dash, "min", "2", dash, "max", "4", dash,
                                          "avg", "3", dash});
  CHECK(layout.legend.entries[0].name.text == "a");
}

TEST_CASE("names with figures stand side by side where there is room") {
  SeriesList const series(6, series_of("same", {1, 2}));
  auto options = sized(330, 250);  // room for 6 rows, of which a low legend takes 3
  options.legend_values = {LegendValue::last};
  auto const legend = layout_of(series, options).legend;
  REQUIRE(legend.entries.size() == 6);
  CHECK(legend.height == 3 * 15);
  CHECK(legend.entries[1].name.baseline > legend.entries[0].name.baseline);
  CHECK(legend.entries[1].name.x == legend.entries[0].name.x);
  CHECK(legend.entries[5].name.x > legend.entries[0].name.x);
  std::size_t headings = 0;
  double widest = 0;
  for (auto const& text : legend.figures) {
    headings += text.text == "last";
    widest = std::max(widest, text.x);
  }
  CHECK(headings == 3);
  CHECK(widest <= 330);
}

TEST_CASE("marks have a name in the legend and no figures") {
  auto marks = series_of("deploys", {absent, 1});
  marks.drawing.infinite = true;
  auto options = sized(600, 300);
  options.legend_values = {LegendValue::max};
  auto const legend = layout_of({series_of("a", {5, 7}), marks}, options).legend;
  REQUIRE(legend.entries.size() == 2);
  std::vector<std::string> texts;
  for (auto const& text : legend.figures) texts.push_back(text.text);
  CHECK(texts == std::vector<std::string>{"max", "7", ""});
  options.height = 150;  // a legend of one name a block: no heading above marks alone
  std::size_t headings = 0;
  auto const low = layout_of({series_of("a", {5, 7}), marks}, options).legend;
  for (auto const& text : low.figures) headings += text.text == "max";
  CHECK(low.entries[1].name.x > low.entries[0].name.x);
  CHECK(headings == 1);
}

TEST_CASE("blanks at the end of a name take no room") {
  auto options = sized(600, 300);
  options.hide_legend = false;
  auto const tight = layout_of({series_of("a", {1}), series_of("b", {1})}, options);
  auto const padded =
      layout_of({series_of("a" + std::string(90, ' '), {1}), series_of("b", {1})}, options);
  CHECK(padded.legend.entries[0].name.text == "a");
  CHECK(padded.legend.entries[1].name.x == tight.legend.entries[1].name.x);
}

TEST_CASE("a title that is too long becomes smaller before it loses letters") {
  auto options = sized(330, 250);  // titles of 12, other texts of 10: letters of 7.2 and 6
  auto const titled = [&](int letters) {
    options.title = std::string(static_cast<std::size_t>(letters), 'x');
    return layout_of({series_of("a", ramp(60))}, options);
  };
  CHECK(titled(43).title_font.size == 12);  // 309.6 of 310
  CHECK(titled(48).title_font.size == 10.5);
  CHECK(titled(48).titles[0].text == options.title);
  CHECK(titled(51).titles[0].text == options.title);
  auto const longer = titled(52);
  CHECK(longer.title_font.size == 10);
  CHECK(longer.titles[0].text.find("\xE2\x80\xA6") != std::string::npos);
}

TEST_CASE("names that have no room lose their middle") {
  auto const layout = layout_of(
      {series_of("beginning." + std::string(200, 'x') + ".end", ramp(60))}, sized(330, 250));
  auto const name = layout.legend.entries.at(0).name.text;
  CHECK(name.starts_with("beginning."));
  CHECK(name.ends_with(".end"));
  CHECK(name.find("\xE2\x80\xA6") != std::string::npos);
}

TEST_CASE("nothing to draw says so") {
  CHECK(layout_of({}, sized(330, 250)).message == "No data");
  CHECK(layout_of({series_of("a", {absent, absent})}, sized(330, 250)).message == "No data");
  CHECK(layout_of({series_of("a", {HUGE_VAL})}, sized(330, 250)).message == "No data");
  CHECK(layout_of({series_of("a", {absent, 0})}, sized(330, 250)).message.empty());
  auto const empty = layout_of({}, sized(330, 250));
  CHECK(empty.value_labels.empty());
  CHECK_FALSE(empty.time_labels.empty());  // of which time there is nothing
}

TEST_CASE("thresholds are within the scale, their labels apart") {
  auto options = sized(600, 300);
  options.thresholds = {
      {100, "page", Role::crit}, {95, "warn", Role::warn}, {99, "near", Role::warn}};
  auto const layout = layout_of({series_of("a", ramp(60))}, options);
  CHECK(layout.left.top == 100);
  REQUIRE(layout.thresholds.size() == 3);
  CHECK(layout.thresholds[0].position == Approx(layout.plot.top));
  std::vector<Box> labels;
  for (auto const& line : layout.thresholds) {
    if (line.label) labels.push_back(box_of(*line.label, layout.font));
  }
  CHECK(labels.size() >= 2);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    CHECK(labels[i].top >= layout.plot.top - 1);
    for (std::size_t j = 0; j < i; ++j) CHECK_FALSE(overlap(labels[i], labels[j]));
  }
}

TEST_CASE("marks and spans outside of the window are left out or cut") {
  auto options = sized(600, 300);
  options.marks = {
      {1, 1800, "deploy", "", {}}, {2, 1810, "again", "", {}}, {3, 9999, "late", "", {}}};
  options.spans = {{1800, 99999, Role::crit}, {5000, 6000, Role::warn}};
  auto const layout = layout_of({series_of("a", ramp(60))}, options);
  REQUIRE(layout.marks.size() == 2);
  CHECK(layout.marks[0].position == Approx(layout.x_of(1800)));
  CHECK_FALSE(layout.marks[0].label);  // ten seconds to the next: no room
  REQUIRE(layout.marks[1].label);
  CHECK(layout.marks[1].label->text == "again");
  REQUIRE(layout.spans.size() == 1);
  CHECK(layout.spans[0].box.left == Approx(layout.x_of(1800)));
  CHECK(layout.spans[0].box.right == Approx(layout.plot.right));
}

TEST_CASE("a second axis has its own scale on the right, on the lines of the first") {
  auto percent = series_of("percent", ramp(60));
  percent.drawing.second_y_axis = true;
  auto const layout = layout_of({series_of("count", {0, 871}), percent}, sized(600, 300));
  REQUIRE(layout.right);
  CHECK(layout.left.lines.size() == layout.right->lines.size());
  CHECK(layout.y_of(layout.right->lines[1], true) ==
        Approx(layout.y_of(layout.left.lines[1], false)));
  CHECK(layout.legend.entries[1].name.text == "percent (right)");
  bool right_label = false;
  for (auto const& label : layout.value_labels) right_label |= label.x > layout.plot.right;
  CHECK(right_label);
}

TEST_CASE("graphOnly is the plot alone, to the edges") {
  auto options = sized(200, 60);
  options.graph_only = true;
  options.title = "unseen";
  auto const layout = layout_of({series_of("a", ramp(60))}, options);
  CHECK(layout.plot == Box{0, 0, 200, 60});
  CHECK(boxes(layout).empty());
  CHECK(layout.value_lines.empty());
}

TEST_CASE("parts can be hidden one by one") {
  auto options = sized(600, 300);
  options.hide_y_axis = true;
  auto layout = layout_of({series_of("a", ramp(60))}, options);
  CHECK(layout.value_labels.empty());
  CHECK_FALSE(layout.time_labels.empty());
  CHECK_FALSE(layout.value_lines.empty());
  options = sized(600, 300);
  options.hide_x_axis = true;
  CHECK(layout_of({series_of("a", ramp(60))}, options).time_labels.empty());
  options = sized(600, 300);
  options.hide_grid = true;
  layout = layout_of({series_of("a", ramp(60))}, options);
  CHECK(layout.value_lines.empty());
  CHECK(layout.time_lines.empty());
  CHECK_FALSE(layout.value_labels.empty());
  options.hide_axes = true;
  CHECK(layout_of({series_of("a", ramp(60))}, options).value_labels.empty());
}
