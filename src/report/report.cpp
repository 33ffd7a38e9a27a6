// Each public function takes a snapshot of its own and answers from it alone, on the thread that asks. So the
// figures of one answer agree with each other. The only state that changes are the kept days.
#include "report/report.hpp"

#include <algorithm>
#include <utility>

#include "report/gather.hpp"
#include "report/kept_days.hpp"
#include "report/reading.hpp"

namespace weir::report {

Result<Summary> summarise(const Reading& reading, const AskedRange& asked,
                          const std::optional<Filter>& filter) {
  const auto range = round_outward(asked, reading.horizons);
  auto runs = split_runs(reading, decompose(range, tally::coarsest_granularity, reading.horizons));
  if (!runs) return propagate(runs);
  // With a filter, the rows of one value are read instead of the rows of `total`.
  const auto dimension = filter ? filter->dimension : tally::Dimension::total;
  const std::string_view value = filter ? std::string_view(filter->value) : "";
  auto gathered = gather_values(reading, *runs, dimension, {&value, 1});
  if (!gathered) return propagate(gathered);
  const Gathered& all = gathered->front();
  return Summary{range, all.numbers(), all.users.relative_error()};
}

Report::Report(MetricsReader& reader, LedgerNames names, KnowsLag knows_lag, std::size_t kept_bytes)
    : reader_(reader),
      names_(std::move(names)),
      knows_lag_(std::move(knows_lag)),
      kept_(kept_bytes > 0 ? std::make_unique<KeptDays>(kept_bytes) : nullptr) {}

Report::~Report() = default;

Result<SummaryAnswer> Report::summary(const SummaryQuery& query, const Cancellation& cancellation) {
  auto reading = begin_reading(reader_, cancellation, kept_.get());
  if (!reading) return propagate(reading);
  auto summary = summarise(*reading, query.range, query.filter);
  if (!summary) return propagate(summary);
  SummaryAnswer answer{*summary, std::nullopt};
  if (!query.compare_previous) return answer;
  // The earlier range ends where the rounded range begins, and has its length. It may be rounded again.
  auto previous = summarise(*reading, range_before(summary->range), query.filter);
  if (!previous) return propagate(previous);
  answer.previous = *previous;
  return answer;
}

Result<SeriesAnswer> Report::series(const SeriesQuery& query, const Cancellation& cancellation) {
  auto reading = begin_reading(reader_, cancellation, kept_.get());
  if (!reading) return propagate(reading);
  return series_of(*reading, query);
}

Result<TopAnswer> Report::top(const TopQuery& query, const Cancellation& cancellation) {
  auto reading = begin_reading(reader_, cancellation, kept_.get());
  if (!reading) return propagate(reading);
  return top_of(*reading, query);
}

Result<DimensionsAnswer> Report::dimensions(const Cancellation& cancellation) {
  auto snapshot = reader_.snapshot(cancellation);
  if (!snapshot) return store_failed(snapshot);
  auto rows = (*snapshot)->dimensions();
  if (!rows) return store_failed(rows);
  // Built-in ones in the order of their table, then the others by number.
  DimensionsAnswer answer{tally::built_in_known_dimensions()};
  std::ranges::sort(*rows, {}, &tally::KnownDimension::dimension);
  for (tally::KnownDimension& row : *rows)
    if (!tally::is_built_in(row.dimension)) answer.dimensions.push_back(std::move(row));
  return answer;
}

Result<DeadLettersAnswer> Report::dead_letters(const Cancellation& cancellation) {
  auto snapshot = reader_.snapshot(cancellation);
  if (!snapshot) return store_failed(snapshot);
  auto groups = (*snapshot)->dead_letter_groups({});
  if (!groups) return store_failed(groups);
  // The largest group first. Groups of equal size keep the order of the store, by reason.
  std::ranges::stable_sort(*groups, std::ranges::greater(), &DeadLetterGroup::count);
  return DeadLettersAnswer{std::move(*groups)};
}

Result<LedgerAnswer> Report::ledger(WallTime now, const Cancellation& cancellation) {
  auto snapshot = reader_.snapshot(cancellation);
  if (!snapshot) return store_failed(snapshot);
  return ledger_of(**snapshot, now);
}

Result<LedgerAnswer> Report::ledger_of(MetricsSnapshot& snapshot, WallTime now) {
  using std::chrono::milliseconds;
  auto rows = snapshot.ledger();
  if (!rows) return store_failed(rows);
  std::ranges::sort(*rows, {}, &tally::LedgerRow::partition);
  LedgerAnswer answer{names_.topic, names_.group_id, {}};
  for (const auto& row : *rows) {
    const auto& seen = row.observed;
    LedgerLine line{.row = row};
    // Clocks differ; nothing waits for less than no time.
    line.observed_age = std::max(milliseconds(0), now - seen.observed_at);
    // A lag is reported only while its observation is recent. Without one it is unknown, and not 0.
    if (line.observed_age <= observation_age_max && knows_lag_(row.partition))
      // The row may have moved after the end of the log was observed.
      line.lag = std::max<std::int64_t>(0, seen.log_end_offset - row.next_offset);
    if (seen.oldest_unread_at)  // the row has not moved since, so that record still waits
      line.oldest_unread_age = std::max(milliseconds(0), now - *seen.oldest_unread_at);
    else if (line.lag == 0)
      line.oldest_unread_age = milliseconds(0);
    answer.lines.push_back(line);
  }
  return answer;
}

}  // namespace weir::report
