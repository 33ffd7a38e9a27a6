// The figures of the live view (GET /api/v1/live): what happens now, in one snapshot.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "report/report.hpp"

namespace weir::report {

// All ranges end now, and are rounded outward to whole minutes as in every other answer.
inline constexpr std::chrono::minutes live_visitors_range{5};
inline constexpr std::size_t live_minutes = 30;
inline constexpr std::size_t live_pages = 10;

struct LiveQuery {
  WallTime now;
  // Starts of the current day, in the time zones of the readers. Each costs one more summary.
  std::vector<WindowStart> days;
};

struct LiveAnswer {
  std::string id;  // live_id() of `ledger`
  WallTime time;
  std::int64_t visitors = 0;              // unique users of the last 5 minutes
  SeriesAnswer minutes;                   // the last 30 minutes, the current one among them
  std::map<WindowStart, Summary> todays;  // from each of LiveQuery::days until now
  TopAnswer pages;                        // of this hour and the last one
  LedgerAnswer ledger;
};

// Returns the identity of what the store has counted. It changes with each flush that moved an offset, and
// with nothing else: not with a roll-up, nor with an observation of the log's end. All processes on one
// database compute the same id, also after a restart. The number before '-' is the count of passed offsets;
// the rest is a hash of each partition's position and of its last record. So two logs do not share an id.
[[nodiscard]] std::string live_id(const std::vector<tally::LedgerRow>& rows);

// One JSON object. `day` is one of the days of the query.
[[nodiscard]] std::string to_json(const LiveAnswer& answer, WindowStart day);

}  // namespace weir::report
