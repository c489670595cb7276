#include "aggregator/store/open_rows.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "aggregator/store/wrapping.hpp"
#include "common/core/prefetch.hpp"

namespace dadvisor::aggregator::store {

OpenRows::OpenRows(Columns columns)
    : columns_(std::move(columns)), steps_(columns_->size()), newest_(width() + words(), 0) {}

OpenRows::OpenRows(Columns columns, Rows const& table) : OpenRows(std::move(columns)) {
  // The shapes come first, so that no row is written twice.
  std::vector<OpenSteps::Shape> shapes(columns_->size());
  for (std::size_t column = 0; column < shapes.size(); ++column) {
    std::int64_t value = 0;
    for (std::size_t row = 0; row < table.size(); ++row) {
      if (!table.has(row, column)) continue;
      auto const before = std::exchange(value, table.value(row, column));
      auto const step = minus(before, value);
      if (row > 0 && !shapes[column].fits(step))
        shapes[column] = shapes[column].joined(OpenSteps::Shape::least(step));
    }
  }
  steps_.reshape(shapes);
  for (std::size_t row = 0; row < table.size(); ++row)
    append(table.ticks()[row], table.values(row), table.present(row));
}

void OpenRows::append(TickNs tick, std::span<std::int64_t const> row,
                      std::span<std::uint64_t const> its_present) {
  constexpr std::size_t few = 64;
  if (width() <= few) {
    std::array<std::int64_t, few> steps;
    append(tick, row, its_present, std::span(steps).first(width()));
  } else {
    std::vector<std::int64_t> steps(width());
    append(tick, row, its_present, steps);
  }
}

// Once over the columns: what a row costs is the way of its cells, its values and its shapes into
// the cache, and back again.
void OpenRows::append(TickNs tick, std::span<std::int64_t const> row,
                      std::span<std::uint64_t const> its_present, std::span<std::int64_t> steps) {
  auto const known = present();
  std::int64_t* const values = newest_.data();
  auto const value_of = [&](std::size_t column) {
    bool const there = (its_present[column / 64] >> (column % 64)) & 1;
    return there ? row[column] : values[column];
  };
  if (empty()) {
    for (std::size_t column = 0; column < row.size(); ++column) values[column] = value_of(column);
  } else {
    if (!std::ranges::equal(its_present, known)) keep_present();
    std::uint8_t* out = steps_.add_row();
    std::uint8_t const* const shapes = steps_.shapes();
    std::uint64_t beyond = 0;
    for (std::size_t column = 0; column < row.size(); ++column) {
      std::int64_t const value = value_of(column);
      std::int64_t const step = minus(std::exchange(values[column], value), value);
      steps[column] = step;
      auto const its = OpenSteps::Shape::of(shapes[column]);
      auto const folded = its.folded(step);
      beyond |= its.beyond(folded, step);
      std::memcpy(out, &folded, sizeof folded);
      out += its.bytes;
    }
    if (beyond != 0) steps_.widen_newest(steps);
  }
  std::ranges::copy(its_present, known.begin());
  ticks_.append(tick);
}

void OpenRows::keep_present() {
  others_.push_back(size() - 1);
  auto const its = present();
  others_.insert(others_.end(), its.begin(), its.end());
}

template <typename Visit>
void OpenRows::visit_others(std::size_t first, Visit const& visit) const {
  std::size_t const each = 1 + words();
  for (std::size_t end = others_.size(); end > 0 && others_[end - each] >= first; end -= each)
    visit(static_cast<std::size_t>(others_[end - each]),
          std::span(others_).subspan(end - words(), words()));
}

template <typename Visit, typename VisitNone>
void OpenRows::visit_selected(Selection const& selection, Visit const& visit,
                              VisitNone const& visit_none) const {
  auto at = columns_->begin();
  for (auto const& [metric, place] : selection.places()) {
    at = std::lower_bound(at, columns_->end(), metric);
    if (at == columns_->end() || *at != metric)
      visit_none(place);
    else
      visit(static_cast<std::size_t>(at - columns_->begin()), place);
  }
}

void OpenRows::expect_selection(Selection const& selection) const {
  if (empty()) return;
  steps_.expect_column();
  __builtin_prefetch(&newest_.back());  // the bitmap
  visit_selected(
      selection, [&](std::size_t column, std::size_t) { __builtin_prefetch(&newest_[column]); },
      [](std::size_t) {});
}

void OpenRows::expect_steps(Selection const& selection) const {
  if (empty()) return;
  visit_selected(
      selection, [&](std::size_t column, std::size_t) { steps_.expect_steps(column); },
      [](std::size_t) {});
}

void OpenRows::expect_row() const {
  prefetch<Access::write>(newest_.data(), newest_.size() * sizeof newest_[0]);
  steps_.expect_row();
}

void OpenRows::drop_newest() {
  ticks_.drop_newest();
  if (empty()) return;
  std::size_t const row = size() - 1;
  steps_.add_row_to(row, values());
  steps_.drop_newest();
  if (others_.empty() || others_[others_.size() - 1 - words()] != row) return;
  std::ranges::copy(std::span(others_).last(words()), present().begin());
  others_.resize(others_.size() - 1 - words());
}

void OpenRows::drop_oldest(std::size_t rows) {
  steps_.drop_oldest(std::min(rows, steps_.rows()));
  ticks_.drop_oldest(rows);
  std::size_t const each = 1 + words();
  std::size_t first = 0;  // of the others that stay
  while (first < others_.size() && others_[first] < rows) first += each;
  others_.erase(others_.begin(), others_.begin() + static_cast<std::ptrdiff_t>(first));
  for (std::size_t at = 0; at < others_.size(); at += each) others_[at] -= rows;
}

void OpenRows::select(Selection const& selection, TickNs from, TickNs until,
                      SelectedRows& out) const {
  auto const first = ticks_.at_or_behind(from), last = ticks_.behind(until);
  if (first >= last) return;
  std::size_t const before = out.ticks.size();
  out.begin_rows(selection.width(), ticks_, first, last);
  auto const read = [&](std::size_t column, std::size_t place) {
    auto const its = steps_.column(column);
    std::int64_t* const values = out.columns[place].values.data() + before - first;
    std::int64_t const newest =
        its.values_back(last - 1, steps_.rows(), newest_[column], [](std::size_t, std::int64_t) {});
    values[last - 1] = newest;
    its.values_back(first, last - 1, newest,
                    [&](std::size_t row, std::int64_t value) { values[row] = value; });
    bool const present = ((newest_present()[column / 64] >> (column % 64)) & 1) != 0;
    if (!present || !others_.empty()) show_absent(column, place, first, last, before, out);
  };
  visit_selected(selection, read, [&](std::size_t place) { out.lack(place, before); });
}

void OpenRows::show_absent(std::size_t column, std::size_t place, std::size_t first,
                           std::size_t last, std::size_t before, SelectedRows& out) const {
  auto const has = [&](std::span<std::uint64_t const> present) {
    return ((present[column / 64] >> (column % 64)) & 1) != 0;
  };
  bool present = has(newest_present());
  std::size_t behind = size();  // rows from here on were seen
  auto const show = [&](std::size_t until) {
    for (; behind > until; --behind)
      if (!present && behind <= last) out.set(place, before + behind - 1 - first, std::nullopt);
  };
  visit_others(first, [&](std::size_t row, std::span<std::uint64_t const> bitmap) {
    show(row + 1);
    present = has(bitmap);
  });
  show(first);
}

bool OpenRows::oldest(std::size_t rows, ColumnTable& made) const {
  auto present = newest_bitmap();
  bool alike = true;
  visit_others(0, [&](std::size_t row, std::span<std::uint64_t const> bitmap) {
    if (row + 1 < rows)
      alike = false;
    else
      std::ranges::copy(bitmap, present.begin());
  });
  if (!alike) return false;
  made.ticks.clear();
  ticks_.append_to(made.ticks, 0, rows);
  std::size_t count = 0;
  for (std::size_t column = 0; column < columns_->size(); ++column) {
    if (((present[column / 64] >> (column % 64)) & 1) == 0) continue;
    if (made.columns.size() == count) made.columns.emplace_back();
    TableColumn& its = made.columns[count++];
    its.id = (*columns_)[column];
    its.values.resize(rows);
    its.has.clear();
    auto const steps = steps_.column(column);
    if (steps.shape().bytes == 0) {
      std::ranges::fill(its.values, newest_[column]);
      continue;
    }
    auto const newest = steps.values_back(rows - 1, steps_.rows(), newest_[column],
                                          [](std::size_t, std::int64_t) {});
    std::int64_t* const values = its.values.data();
    values[rows - 1] = newest;
    steps.values_back(0, rows - 1, newest,
                      [&](std::size_t row, std::int64_t value) { values[row] = value; });
  }
  made.columns.resize(count);
  return true;
}

Rows OpenRows::table(TickNs from) const {
  return columns_ ? table(ticks_.at_or_behind(from), size()) : Rows();
}

Rows OpenRows::table(std::size_t first, std::size_t last) const {
  std::vector<TickNs> ticks;
  ticks_.append_to(ticks, first, last);
  Rows made(*columns_, std::move(ticks));
  std::vector<std::int64_t> values(newest_.begin(),
                                   newest_.begin() + static_cast<std::ptrdiff_t>(width()));
  auto present = newest_bitmap();
  std::size_t behind = size();  // rows from here on were seen
  auto const show = [&](std::size_t until) {
    for (; behind > until; --behind) {
      if (behind < size()) steps_.add_row_to(behind - 1, values);
      if (behind <= last) made.set_row(behind - 1 - first, values, present);
    }
  };
  visit_others(first, [&](std::size_t row, std::span<std::uint64_t const> bitmap) {
    show(row + 1);
    std::ranges::copy(bitmap, present.begin());
  });
  show(first);
  return made;
}

}  // namespace dadvisor::aggregator::store
