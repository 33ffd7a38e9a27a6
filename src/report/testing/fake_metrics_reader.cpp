// A snapshot is a copy of all rows at the time of the call, so later changes of the store do not affect it.
#include "report/testing/fake_metrics_reader.hpp"

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

bool matches(const DeadLetterFilter& filter, const DeadLetterRow& row) {
  return (!filter.reason || *filter.reason == row.reason) && (!filter.from || row.at >= *filter.from) &&
         (!filter.to || row.at < *filter.to) && (!filter.partition || *filter.partition == row.partition) &&
         (!filter.offset || *filter.offset == row.offset) && !(filter.waiting_only && row.replayed_at) &&
         std::pair(row.partition, row.offset) > std::pair(filter.after_partition, filter.after_offset);
}

bool is_inside(const WindowQuery& query, const Horizons& horizons, WindowStart start) {
  return start >= query.from && start < query.to && start >= horizons.of(query.granularity);
}

}  // namespace

class FakeMetricsReader::Snapshot final : public MetricsSnapshot {
 public:
  Snapshot(FakeMetricsReader& reader, Rows rows, Cancellation cancellation)
      : reader_(reader), rows_(std::move(rows)), cancellation_(std::move(cancellation)) {}

  Result<Horizons> horizons() override {
    if (auto error = reader_.count_call()) return std::unexpected(*error);
    return rows_.horizons;
  }

  Result<std::vector<tally::KnownDimension>> dimensions() override {
    if (auto error = reader_.count_call()) return std::unexpected(*error);
    auto rows = rows_.dimensions;
    std::ranges::sort(rows, {}, &tally::KnownDimension::dimension);
    return rows;
  }

  Result<void> scan(const WindowQuery& query, std::function<void(const ViewRow&)> take) override {
    if (auto error = reader_.count_call()) return std::unexpected(*error);
    record_scan(query);
    return scan_rows(query, take);
  }

  Result<void> count_by_value(const ValueQuery& query, std::function<void(const ValueRow&)> take) override {
    if (auto error = reader_.count_call()) return std::unexpected(*error);
    std::map<std::string, Counts> sums;
    auto scanned = scan_all(query, false, [&](const ViewRow& row) {
      auto& sum = sums[std::string(row.value)];
      sum.events += row.events;
      sum.page_views += row.page_views;
    });
    if (!scanned) return scanned;
    for (const auto& [value, sum] : sums) {
      if (auto due = cancellation_.check(); !due) return due;
      take({value, sum.events, sum.page_views, {}});
    }
    return {};
  }

  Result<void> users_by_value(const ValueQuery& query, std::function<void(const ValueRow&)> take) override {
    if (auto error = reader_.count_call()) return std::unexpected(*error);
    {
      const std::lock_guard lock(reader_.mutex_);
      ++reader_.passes_over_users_;
    }
    std::multimap<std::string, WindowRow> found;
    auto scanned = scan_all(query, true, [&](const ViewRow& row) {
      found.emplace(
          row.value,
          WindowRow{.events = row.events, .page_views = row.page_views, .users = std::string(row.users)});
    });
    if (!scanned) return scanned;
    for (const auto& [value, row] : found) {
      if (auto due = cancellation_.check(); !due) return due;
      take({value, row.events, row.page_views, row.users});
    }
    return {};
  }

  Result<void> scan_day_marks(WindowStart from, WindowStart to,
                              std::function<void(const DayMark&)> take) override {
    if (auto error = reader_.count_call()) return std::unexpected(*error);
    const auto is_asked = [&](WindowStart day) {
      return day >= from && day < to && day >= rows_.horizons.of(Granularity::day);
    };
    for (const auto& [key, row] : rows_.windows) {
      if (auto due = cancellation_.check(); !due) return due;
      if (key.granularity == Granularity::day && key.dimension == tally::Dimension::total &&
          is_asked(key.start))
        take({.day = key.start,
              .partition = key.partition,
              .events = row.events,
              .last_write = rows_.last_writes.at(key)});
    }
    for (const auto& [partition, minute] : rows_.pending_rollups) {
      const WindowStart day = tally::floor_to(Granularity::day, minute);
      if (is_asked(day)) take({.day = day, .partition = partition, .is_pending = true});
    }
    return {};
  }

  Result<std::vector<tally::LedgerRow>> ledger() override {
    if (auto error = reader_.count_call()) return std::unexpected(*error);
    std::vector<tally::LedgerRow> rows;
    for (const auto& [partition, row] : rows_.ledger) rows.push_back(row);
    return rows;
  }

  Result<std::vector<DeadLetterGroup>> dead_letter_groups(const DeadLetterFilter& filter) override {
    if (auto error = reader_.count_call()) return std::unexpected(*error);
    std::map<std::string, DeadLetterGroup> groups;
    for (const auto& [id, row] : rows_.dead_letters) {
      if (!matches(filter, row)) continue;
      DeadLetterGroup& group = groups[row.reason];
      if (group.count == 0 || row.at >= group.newest.at) group.newest = row;
      ++group.count;
      group.attempts += row.attempts;
      if (row.replayed_at) ++group.replayed;
    }
    std::vector<DeadLetterGroup> found;
    for (auto& [reason, group] : groups) found.push_back(std::move(group));
    return found;
  }

  Result<void> scan_dead_letters(const DeadLetterFilter& filter,
                                 std::function<bool(DeadLetterRow)> take) override {
    if (auto error = reader_.count_call()) return std::unexpected(*error);
    for (const auto& [id, row] : rows_.dead_letters) {
      if (auto due = cancellation_.check(); !due) return due;
      if (matches(filter, row) && !take(row)) return {};
    }
    return {};
  }

 private:
  struct Counts {
    std::int64_t events = 0;
    std::int64_t page_views = 0;
  };

  void record_scan(const WindowQuery& query) {
    const std::lock_guard lock(reader_.mutex_);
    reader_.scans_.push_back(query);
    reader_.scans_.back().values.reset();  // these views are invalid after the call
  }

  Result<void> scan_rows(const WindowQuery& query, const std::function<void(const ViewRow&)>& take) const {
    for (const auto& [key, row] : rows_.windows) {
      if (auto due = cancellation_.check(); !due) return due;
      if (key.dimension != query.dimension || !is_wanted(query, key.value)) continue;
      if (key.granularity == query.granularity)
        emit(query, row, key.start, {row.events, row.page_views}, take);
      else if (key.granularity == Granularity::minute &&
               rows_.pending_rollups.contains({key.partition, key.start}))
        emit_pending(query, row, take);
    }
    return {};
  }

  Result<void> scan_all(const ValueQuery& query, bool with_users,
                        const std::function<void(const ViewRow&)>& take) const {
    for (const WindowRun& run : query.runs) {
      const WindowQuery of_run{.granularity = run.granularity,
                               .dimension = query.dimension,
                               .from = run.from,
                               .to = run.to,
                               .values = std::nullopt,
                               .with_users = with_users};
      if (auto scanned = scan_rows(of_run, take); !scanned) return scanned;
    }
    return {};
  }

  void emit(const WindowQuery& query, const WindowRow& row, WindowStart start, Counts counts,
            const std::function<void(const ViewRow&)>& take) const {
    if (!is_inside(query, rows_.horizons, start)) return;
    take({.start = start,
          .partition = row.key.partition,
          .value = row.key.value,
          .events = counts.events,
          .page_views = counts.page_views,
          .users = query.with_users ? std::string_view(row.users) : std::string_view()});
  }

  void emit_pending(const WindowQuery& query, const WindowRow& minute,
                    const std::function<void(const ViewRow&)>& take) const {
    const Counts pending{minute.events - minute.rolled_events, minute.page_views - minute.rolled_page_views};
    if (pending.events == 0 && pending.page_views == 0) return;
    emit(query, minute, tally::floor_to(query.granularity, minute.key.start), pending, take);
  }

  FakeMetricsReader& reader_;
  const Rows rows_;
  const Cancellation cancellation_;
};

void FakeMetricsReader::put(WindowRow row) {
  const std::lock_guard lock(mutex_);
  auto key = row.key;
  const auto old = rows_.windows.find(key);
  if (old != rows_.windows.end() && old->second == row) return;
  rows_.last_writes[key] = WallTime{std::chrono::milliseconds{++writes_}};
  rows_.windows.insert_or_assign(std::move(key), std::move(row));
}

void FakeMetricsReader::put(tally::LedgerRow row) {
  const std::lock_guard lock(mutex_);
  rows_.ledger.insert_or_assign(row.partition, row);
}

void FakeMetricsReader::put(DeadLetterRow row) {
  const std::lock_guard lock(mutex_);
  const std::pair id{row.partition, row.offset};
  rows_.dead_letters.insert_or_assign(id, std::move(row));
}

void FakeMetricsReader::set_pending_rollup(std::int32_t partition, WindowStart minute, bool is_pending) {
  const std::lock_guard lock(mutex_);
  if (is_pending)
    rows_.pending_rollups.emplace(partition, minute);
  else
    rows_.pending_rollups.erase({partition, minute});
}

void FakeMetricsReader::put(tally::KnownDimension dimension) {
  const std::lock_guard lock(mutex_);
  rows_.dimensions.push_back(std::move(dimension));
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

int FakeMetricsReader::passes_over_users() const {
  const std::lock_guard lock(mutex_);
  return passes_over_users_;
}

Result<std::unique_ptr<MetricsSnapshot>> FakeMetricsReader::snapshot(const Cancellation& cancellation) {
  if (auto error = count_call()) return std::unexpected(*error);
  if (auto due = cancellation.check(); !due) return propagate(due);
  const std::lock_guard lock(mutex_);
  ++snapshots_;
  return std::make_unique<Snapshot>(*this, rows_, cancellation);
}

std::optional<Error> FakeMetricsReader::count_call() {
  const std::lock_guard lock(mutex_);
  if (!failure_ || calls_before_failure_-- > 0) return std::nullopt;
  return std::exchange(failure_, std::nullopt);
}

}  // namespace weir::report
