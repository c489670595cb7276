#include "agent/export/container_page.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "agent/export/container_families.hpp"

namespace dadvisor::agent {

// The page of one tick, which is never changed while somebody reads it.
struct ContainerMoment {
  // What stands behind a container's extra labels on each of its lines.
  struct Shown {
    std::uint32_t slot = 0;
    Labels of;           // the labels of the entity that `labels` was made of
    std::string labels;  // `id="/docker/ID",...}`
    // Of the batch.
    EntityKey const* key = nullptr;
    Row const* row = nullptr;
  };
  std::shared_ptr<Batch const> batch;
  bool weights = false;
  std::vector<Shown> shown;  // by slot
};

namespace {

using Shows = ContainerColumn::Shows;

constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

std::size_t position_of(Schema const& schema, MetricId metric) {
  auto const found = std::ranges::find(schema.metrics, metric);
  return found == schema.metrics.end() ? nowhere
                                       : static_cast<std::size_t>(found - schema.metrics.begin());
}

Cell cell_of(Row const& row, std::size_t position) {
  return position < row.cells.size() ? row.cells[position] : Cell();
}

// How many decimal digits a figure has when it is shown.
unsigned digits_of(ContainerColumn const& column) {
  if (column.shows == Shows::tick || column.shows == Shows::start) return 9;  // ns
  if (column.shows != Shows::cell) return 0;
  auto const* metric = find_metric(column.container != 0 ? column.container : column.host);
  return metric ? static_cast<unsigned>(std::lround(-std::log10(metric->scale))) : 0;
}

// A label's name as cAdvisor makes it: what Prometheus does not allow becomes '_'.
std::string label_name(std::string_view key) {
  std::string name = "container_label_";
  for (char const c : key) {
    bool const allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    name += allowed ? c : '_';
  }
  return name;
}

// `id="...",name="..."}`: all but what stands in front on some lines. Labels without a value are
// left out: to Prometheus they are the same.
std::string label_text(Entity const& entity, std::optional<ContainerFacts> const& facts) {
  if (entity.key.kind == EntityKind::host) return "id=\"/\"}";
  std::map<std::string, std::string_view> all;
  auto const add = [&](std::string name, std::optional<std::string_view> value) {
    if (value && !value->empty()) all.emplace(std::move(name), *value);
  };
  for (char const* key : {"app", "instance", "owner"})
    add(label_name(std::string("dadvisor_") + key), entity.labels.find(key));
  add("image", entity.labels.find("image"));
  add("name", entity.labels.find("name"));
  // One without a cgroup that could be found is told apart by its id all the same.
  bool const placed = facts && !facts->cgroup.empty();
  add("id", placed ? std::string_view(facts->cgroup) : std::string_view(entity.key.container_id));
  if (facts)
    for (auto const& [key, value] : facts->labels) add(label_name(key), value);
  std::string text;
  for (auto const& [name, value] : all)
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", name, escaped_label_value(value));
  return text + "}";
}

// As runc made the weight: 1 + (shares - 2) * 9999 / 262142.
std::int64_t shares_of_weight(std::int64_t weight) { return 2 + (weight - 1) * 262'142 / 9'999; }

std::optional<std::int64_t> figure_of(Shows shows, ContainerMoment const& moment,
                                      ContainerMoment::Shown const& one, std::size_t position) {
  constexpr std::int64_t period = 100'000;  // us; the kernel's default
  if (shows == Shows::tick) return moment.batch->tick.time_since_epoch().count();
  if (shows == Shows::start && one.key->start_ns > 0) return one.key->start_ns;
  Cell const cell = cell_of(*one.row, position);
  if (!cell || shows == Shows::start) return std::nullopt;
  switch (shows) {
    case Shows::cpu_period:
      return period;
    case Shows::cpu_quota:
      return std::llround(cell_real(*cell) * period);
    case Shows::cpu_shares:
      return moment.weights ? shares_of_weight(*cell) : *cell;
    default:
      return *cell;
  }
}

}  // namespace

void ContainerPage::show(std::shared_ptr<Batch const> batch, bool weights, Facts const& facts) {
  auto next = std::make_shared<ContainerMoment>();
  std::vector<ContainerMoment::Shown> none;
  auto& last = moment_ ? moment_->shown : none;
  bool const read = moment_.use_count() > 1;  // by a client who is not through with it
  next->shown.reserve(batch->entities.size());
  auto before = last.begin();
  auto row = batch->rows.begin();
  for (auto const& [slot, entity] : batch->entities) {
    while (row != batch->rows.end() && row->slot < slot) ++row;
    if (row == batch->rows.end() || row->slot != slot) continue;
    while (before != last.end() && before->slot < slot) ++before;
    auto& one = next->shown.emplace_back();
    if (before != last.end() && before->slot == slot && before->of == entity.labels) {
      if (read)
        one = *before;
      else
        one = std::move(*before);
    } else {
      bool const container = entity.key.kind == EntityKind::container;
      one.slot = slot;
      one.of = entity.labels;
      one.labels = label_text(entity, container ? facts(entity.key.container_id) : std::nullopt);
    }
    one.key = &entity.key;
    one.row = &*row;
  }
  next->batch = std::move(batch);
  next->weights = weights;
  moment_ = std::move(next);
}

std::size_t ContainerPage::bytes() const {
  if (!moment_) return 0;
  constexpr std::size_t name_and_figure = 90, text_of_family = 180;
  std::size_t labels = 0;
  for (auto const& one : moment_->shown) labels += one.labels.size() + name_and_figure;
  return container_families().size() * (labels + text_of_family);
}

bool ContainerLines::write(MetricsText& into, std::size_t enough) {
  if (!moment_) return true;
  into.stamp(moment_->batch->tick);
  auto const families = container_families();
  for (; family_ < families.size(); ++family_) {
    auto const& family = families[family_];
    for (; column_ < family.columns.size(); ++column_) {
      if (!write_column(family, family.columns[column_], into, enough)) return false;
      at_ = 0;
    }
    column_ = 0;
    begun_ = false;
  }
  into.stamp(std::nullopt);
  return true;
}

bool ContainerLines::write_column(ContainerFamily const& family, ContainerColumn const& column,
                                  MetricsText& into, std::size_t enough) {
  bool const of_all = column.shows == Shows::tick || column.shows == Shows::start;
  bool const bare = column.shows == Shows::machine;
  std::string const labels = bare ? "" : fmt::format("{{{}", column.labels);
  unsigned const digits = digits_of(column);
  auto const& schemas = moment_->batch->schemas;
  auto const& shown = moment_->shown;
  std::vector<std::size_t> positions(schemas.size());
  // Containers first, then the host.
  for (bool const host : {false, true}) {
    auto const end = host ? 2 * shown.size() : shown.size();
    if (at_ >= end) continue;
    MetricId const metric = host ? column.host : column.container;
    if (of_all ? host : metric == 0) {
      at_ = end;
      continue;
    }
    for (std::size_t i = 0; i < positions.size(); ++i)
      positions[i] = position_of(schemas[i], metric);
    for (; at_ < end; ++at_) {
      auto const& one = shown[host ? at_ - shown.size() : at_];
      if (!of_all && (one.key->kind == EntityKind::host) != host) continue;
      auto const figure = figure_of(column.shows, *moment_, one, positions[one.row->schema]);
      if (!figure) continue;
      if (into.size() >= enough) return false;
      if (!std::exchange(begun_, true)) into.family(family.name, family.type, family.help);
      into.series(labels, bare ? std::string_view() : one.labels, *figure, digits);
    }
  }
  return true;
}

}  // namespace dadvisor::agent
