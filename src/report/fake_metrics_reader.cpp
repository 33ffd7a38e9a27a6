#include "report/fake_metrics_reader.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace weir::report {

using tally::Granularity;
using tally::WindowRow;

namespace {

bool is_wanted(const WindowQuery& query, const std::string& value) {
  return !query.values || std::ranges::find(*query.values, value) != query.values->end();
}

bool is_inside(const WindowQuery& query, const Horizons& horizons, WindowStart start) {
  return start >= query.from && start < query.to && start >= horizons.of(query.granularity);
}

}  // namespace

class FakeMetricsReader::Snapshot final : public MetricsSnapshot {
 public:
  Snapshot(FakeMetricsReader& reader, Rows rows) : reader_(reader), rows_(std::move(rows)) {}

  Result<Horizons> horizons() override {
    if (auto error = reader_.count_call()) return std::unexpected(*error);
    return rows_.horizons;
  }

  Result<void> scan(const WindowQuery& query, std::function<void(const ViewRow&)> take) override {
    if (auto error = reader_.count_call()) return std::unexpected(*error);
    remember(query);
    for (const auto& [key, row] : rows_.windows) {
      if (key.dimension != query.dimension || !is_wanted(query, key.value)) continue;
      if (key.granularity == query.granularity)
        show(query, row, key.start, {row.events, row.page_views}, take);
      else if (key.granularity == Granularity::minute && rows_.unrolled.contains({key.partition, key.start}))
        show_remainder(query, row, take);
    }
    return {};
  }

  Result<std::vector<tally::LedgerRow>> ledger() override {
    if (auto error = reader_.count_call()) return std::unexpected(*error);
    std::vector<tally::LedgerRow> rows;
    for (const auto& [partition, row] : rows_.ledger) rows.push_back(row);
    return rows;
  }

 private:
  struct Counts {
    std::int64_t events = 0;
    std::int64_t page_views = 0;
  };

  void remember(const WindowQuery& query) {
    const std::lock_guard lock(reader_.mutex_);
    reader_.scans_.push_back(query);
    reader_.scans_.back().values.reset();  // views that would not outlive the question
  }

  void show(const WindowQuery& query, const WindowRow& row, WindowStart start, Counts counts,
            const std::function<void(const ViewRow&)>& take) const {
    if (!is_inside(query, rows_.horizons, start)) return;
    take({.start = start,
          .partition = row.key.partition,
          .value = row.key.value,
          .events = counts.events,
          .page_views = counts.page_views,
          .users = query.with_users ? std::string_view(row.users) : std::string_view()});
  }

  void show_remainder(const WindowQuery& query, const WindowRow& minute,
                      const std::function<void(const ViewRow&)>& take) const {
    const Counts left{minute.events - minute.rolled_events, minute.page_views - minute.rolled_page_views};
    if (left.events == 0 && left.page_views == 0) return;
    show(query, minute, tally::window_of(query.granularity, minute.key.start), left, take);
  }

  FakeMetricsReader& reader_;
  const Rows rows_;
};

void FakeMetricsReader::put(WindowRow row) {
  const std::lock_guard lock(mutex_);
  auto key = row.key;
  rows_.windows.insert_or_assign(std::move(key), std::move(row));
}

void FakeMetricsReader::put(tally::LedgerRow row) {
  const std::lock_guard lock(mutex_);
  rows_.ledger.insert_or_assign(row.partition, row);
}

void FakeMetricsReader::set_unrolled(std::int32_t partition, WindowStart minute, bool unrolled) {
  const std::lock_guard lock(mutex_);
  if (unrolled)
    rows_.unrolled.emplace(partition, minute);
  else
    rows_.unrolled.erase({partition, minute});
}

void FakeMetricsReader::set_horizon(Granularity granularity, WallTime pruned_to) {
  const std::lock_guard lock(mutex_);
  rows_.horizons.pruned_to[static_cast<std::size_t>(granularity)] = pruned_to;
}

void FakeMetricsReader::fail_call(int number, Error error) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(error);
  calls_before_failure_ = number;
}

std::vector<WindowQuery> FakeMetricsReader::scans() const {
  const std::lock_guard lock(mutex_);
  return scans_;
}

int FakeMetricsReader::snapshots() const {
  const std::lock_guard lock(mutex_);
  return snapshots_;
}

Result<std::unique_ptr<MetricsSnapshot>> FakeMetricsReader::snapshot() {
  if (auto error = count_call()) return std::unexpected(*error);
  const std::lock_guard lock(mutex_);
  ++snapshots_;
  return std::make_unique<Snapshot>(*this, rows_);
}

std::optional<Error> FakeMetricsReader::count_call() {
  const std::lock_guard lock(mutex_);
  if (!failure_ || calls_before_failure_-- > 0) return std::nullopt;
  return std::exchange(failure_, std::nullopt);
}

}  // namespace weir::report
