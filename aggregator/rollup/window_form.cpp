#include "aggregator/rollup/window_form.hpp"

namespace dadvisor::aggregator::rollup {

void append_window(WindowLayout const& layout, WindowRow const& row, store::Rows& rows) {
  std::size_t const at = rows.size();
  rows.insert(at, store::tick_ns(row.window));
  rows.set(at, layout.ticks_place(), static_cast<std::int64_t>(row.ticks));
  rows.set(at, layout.step_place(), row.step.count());
  for (std::size_t i = 0; i < row.figures.size(); ++i) {
    auto const set = [&](WindowPart part, double value) {
      rows.set(at, layout.stored_place(i, part), *real_cell(value));
    };
    WindowFigure const& figure = row.figures[i];
    Keeping const keeping = layout.columns()[i].keeping;
    if (keeping == Keeping::counter) {
      if (row.readings[i])
        rows.set(at, layout.stored_place(i, WindowPart::value), *row.readings[i]);
      double const sum = figure.count > 0 ? figure.sum : 0;
      if (row.increases[i] != sum) set(WindowPart::increase, row.increases[i]);
    }
    if (figure.count == 0) continue;
    switch (keeping) {
      case Keeping::order:
        set(WindowPart::value, figure.last);
        continue;
      case Keeping::least:
      case Keeping::greatest:
        set(WindowPart::last, figure.last);
        continue;
      case Keeping::parts:
        set(WindowPart::sum, figure.sum);
        break;
      default:
        set(WindowPart::last, figure.last);
        if (figure.min == figure.max) break;
        set(WindowPart::min, figure.min);
        set(WindowPart::max, figure.max);
        if (keeping != Keeping::quotient) set(WindowPart::sum, figure.sum);
    }
    if (figure.count != row.ticks) set(WindowPart::count, figure.count);
  }
}

WindowRow read_window(WindowLayout const& layout, WallTime window, std::span<Cell const> cells) {
  WindowRow row;
  clear_window(layout, row);
  row.window = window;
  row.ticks = static_cast<double>(cells[layout.ticks_place()].value_or(0));
  row.step = Nanoseconds(cells[layout.step_place()].value_or(0));
  for (std::size_t i = 0; i < row.figures.size(); ++i) {
    auto const cell = [&](WindowPart part) -> Cell const& {
      return cells[layout.stored_place(i, part)];
    };
    auto const get = [&](WindowPart part, double otherwise) {
      return cell(part) ? cell_real(*cell(part)) : otherwise;
    };
    WindowFigure& figure = row.figures[i];
    Keeping const keeping = layout.columns()[i].keeping;
    switch (keeping) {
      case Keeping::order:
        if (cell(WindowPart::value)) figure.take(cell_real(*cell(WindowPart::value)));
        break;
      case Keeping::least:
      case Keeping::greatest:
        if (cell(WindowPart::last)) figure.take(cell_real(*cell(WindowPart::last)));
        break;
      case Keeping::parts:
        if (cell(WindowPart::sum))
          figure = {0, 0, cell_real(*cell(WindowPart::sum)), 0, get(WindowPart::count, row.ticks)};
        break;
      default:
        if (!cell(WindowPart::last)) break;
        figure.last = cell_real(*cell(WindowPart::last));
        figure.count = get(WindowPart::count, row.ticks);
        figure.min = get(WindowPart::min, figure.last);
        figure.max = get(WindowPart::max, figure.last);
        if (keeping != Keeping::quotient)
          figure.sum = get(WindowPart::sum, figure.last * figure.count);
    }
    if (keeping != Keeping::counter) continue;
    row.readings[i] = cell(WindowPart::value);
    row.increases[i] = get(WindowPart::increase, figure.count > 0 ? figure.sum : 0);
  }
  return row;
}

}  // namespace dadvisor::aggregator::rollup
