// All figures come from one snapshot. So the visitors, the minutes and the ledger show the same events.
#include "report/live.hpp"

#include <algorithm>
#include <utility>

#include "base/hash.hpp"
#include "base/hex.hpp"
#include "report/reading.hpp"

namespace weir::report {

namespace {

// The range of the given length that ends now.
AskedRange until(WallTime now, std::chrono::milliseconds span) { return {now - span, now}; }

// The points are whole minutes, so that the last one is the current minute.
SeriesQuery last_minutes(WallTime now) {
  constexpr auto minute = tally::Granularity::minute;
  const auto end = ceil_to(minute, std::chrono::ceil<std::chrono::seconds>(now));
  return {.range = {end - width_of(minute) * static_cast<std::int64_t>(live_minutes), now},
          .filter = std::nullopt,
          .interval = Interval::minute};
}

// Two hours, because the current one may have just begun.
TopQuery pages_of_two_hours(WallTime now) {
  const auto this_hour = std::chrono::floor<std::chrono::hours>(now);
  TopQuery query{.range = {this_hour - std::chrono::hours(1), now}};
  query.limit = live_pages;
  return query;
}

}  // namespace

std::string live_id(const std::vector<tally::LedgerRow>& rows) {
  std::int64_t offsets = 0;
  // The sum of the offsets grows while records are read. The hash also differs if a log was replaced by
  // another one.
  std::string positions;
  for (const tally::LedgerRow& row : rows) {
    offsets += row.next_offset - row.start_offset;
    positions += std::to_string(row.partition) + ':' + std::to_string(row.next_offset) + ':' +
                 std::to_string(row.last_record_hash.value_or(0)) + ';';
  }
  std::string id = std::to_string(offsets) + '-';
  append_hex(id, murmur3(positions).low);
  return id;
}

Result<std::string> Report::live_id(const Cancellation& cancellation) {
  auto snapshot = reader_.snapshot(cancellation);
  if (!snapshot) return store_failed(snapshot);
  auto rows = (*snapshot)->ledger();
  if (!rows) return store_failed(rows);
  std::ranges::sort(*rows, {}, &tally::LedgerRow::partition);
  return report::live_id(*rows);
}

Result<LiveAnswer> Report::live(const LiveQuery& query, const Cancellation& cancellation) {
  auto reading = begin_reading(reader_, cancellation, kept_.get());
  if (!reading) return propagate(reading);
  LiveAnswer answer{.time = query.now};
  auto visitors = summarise(*reading, until(query.now, live_visitors_range), std::nullopt);
  if (!visitors) return propagate(visitors);
  answer.visitors = visitors->numbers.unique_users;
  auto minutes = series_of(*reading, last_minutes(query.now));
  if (!minutes) return propagate(minutes);
  answer.minutes = std::move(*minutes);
  for (const WindowStart day : query.days) {
    // At midnight itself the range would be empty.
    const WallTime end = std::max(query.now, WallTime(day) + std::chrono::milliseconds(1));
    auto today = summarise(*reading, {day, end}, std::nullopt);
    if (!today) return propagate(today);
    answer.todays.emplace(day, *today);
  }
  auto pages = top_of(*reading, pages_of_two_hours(query.now));
  if (!pages) return propagate(pages);
  answer.pages = std::move(*pages);
  auto ledger = ledger_of(*reading->snapshot, query.now);
  if (!ledger) return propagate(ledger);
  answer.ledger = std::move(*ledger);
  std::vector<tally::LedgerRow> rows;
  for (const LedgerLine& line : answer.ledger.lines) rows.push_back(line.row);
  // Computed from the ledger of this snapshot, so the id always identifies the figures above.
  answer.id = report::live_id(rows);
  return answer;
}

}  // namespace weir::report
