// The interface through which module report reads a metrics store. Modules sqlite and postgres implement it.
// testing/metrics_reader_contract.hpp tests each implementation.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "report/cancellation.hpp"
#include "report/dead_letters.hpp"
#include "tally/ledger.hpp"
#include "tally/window.hpp"

namespace weir::report {

// Selects rows of the view of one granularity.
struct WindowQuery {
  tally::Granularity granularity = tally::Granularity::hour;
  tally::Dimension dimension = tally::Dimension::total;
  WindowStart from;                                     // inclusive
  WindowStart to;                                       // exclusive
  std::optional<std::vector<std::string_view>> values;  // if present, only rows of these values
  bool with_users = true;                               // false: no sketches, which is cheaper
};

// Consecutive windows of one granularity.
struct WindowRun {
  tally::Granularity granularity = tally::Granularity::minute;
  WindowStart from;  // inclusive
  WindowStart to;    // exclusive

  friend bool operator==(const WindowRun&, const WindowRun&) = default;
};

// Selects the rows of all values of one dimension in several runs together. The runs do not overlap.
struct ValueQuery {
  tally::Dimension dimension = tally::Dimension::page;
  std::span<const WindowRun> runs;
};

// The counts of one value, or a part of them. The views are valid until the callback returns.
struct ValueRow {
  std::string_view value;
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  std::string_view users;  // hll storage format; empty in count_by_value()
};

// One row of a view. The string views in it are valid until the callback returns. A window can have several
// rows of the same value: one for each partition, and rows of counts that are pending roll-up. The caller
// adds their counts and unites their sketches.
struct ViewRow {
  WindowStart start;
  std::int32_t partition = 0;
  std::string_view value;
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  std::string_view users;  // hll storage format; empty without with_users
};

// The total row of a day of one partition, without its sketch; or a minute of that day that is not wholly
// rolled up. Every event of a day is counted in its total row once its minute is rolled up, and with its
// other rows in one transaction. So without such a minute, equal marks mean equal rows of all dimensions.
struct DayMark {
  WindowStart day;
  std::int32_t partition = 0;
  bool is_pending = false;  // a minute that is not wholly rolled up; events and last_write are 0
  std::int64_t events = 0;
  WallTime last_write;
};

// For each granularity the time before which its windows may be pruned. Windows that start at or after it are
// complete.
struct Horizons {
  std::array<WallTime, tally::granularity_count> pruned_to;

  [[nodiscard]] WallTime of(tally::Granularity granularity) const {
    return pruned_to[static_cast<std::size_t>(granularity)];
  }
};

// One state of the store: all results of a snapshot are consistent with each other. Used by one thread.
//
// If the cancellation of snapshot() is due, each call ends with its error within about 0.2 s, even if the
// store does not respond. Afterwards the snapshot cannot be used. Each call can also return the errors of
// MetricsReader::snapshot().
class MetricsSnapshot {
 public:
  MetricsSnapshot() = default;
  MetricsSnapshot(const MetricsSnapshot&) = delete;
  MetricsSnapshot& operator=(const MetricsSnapshot&) = delete;
  virtual ~MetricsSnapshot() = default;

  virtual Result<Horizons> horizons() = 0;
  // Returns the rows of activity_dimensions in ascending order of their numbers: each dimension that is or
  // was counted, including `total`.
  virtual Result<std::vector<tally::KnownDimension>> dimensions() = 0;
  // Calls `take` for each row of the query, in no particular order.
  virtual Result<void> scan(const WindowQuery& query, std::function<void(const ViewRow&)> take) = 0;

  // These functions call `take` in ascending order of the values' bytes. The store sorts, on disk if
  // necessary, so the caller needs bounded memory for any number of values. As with scan(), the rows include
  // counts that are pending roll-up. count_by_value() returns one row with the sums of each value.
  // users_by_value() returns each stored row, and the rows of one value are consecutive.
  virtual Result<void> count_by_value(const ValueQuery& query, std::function<void(const ValueRow&)> take) = 0;
  virtual Result<void> users_by_value(const ValueQuery& query, std::function<void(const ValueRow&)> take) = 0;

  // Calls `take` for the marks of the days in [from, to), in no particular order. A day without one has no
  // rows.
  virtual Result<void> scan_day_marks(WindowStart from, WindowStart to,
                                      std::function<void(const DayMark&)> take) = 0;

  // Returns the ledger rows of the topic, in ascending order of their partitions.
  virtual Result<std::vector<tally::LedgerRow>> ledger() = 0;

  // The dead letters of the topic that match, by reason in ascending order of its bytes. Reads every row that
  // matches.
  virtual Result<std::vector<DeadLetterGroup>> dead_letter_groups(const DeadLetterFilter& filter) = 0;
  // The rows that match, in ascending order of partition and offset. Reading ends where `take` returns false.
  virtual Result<void> scan_dead_letters(const DeadLetterFilter& filter,
                                         std::function<bool(DeadLetterRow)> take) = 0;
};

class MetricsReader {
 public:
  MetricsReader() = default;
  MetricsReader(const MetricsReader&) = delete;
  MetricsReader& operator=(const MetricsReader&) = delete;
  virtual ~MetricsReader() = default;

  // Opens a snapshot. Thread-safe; destroy the snapshot before the reader. Blocks while all connections are
  // in use. Errors: ErrorKind::unavailable if the store does not respond or the cancellation is due;
  // ErrorKind::invalid if an operator must change something. The API sends only the code of an error to its
  // client, because the text can name internals.
  virtual Result<std::unique_ptr<MetricsSnapshot>> snapshot(const Cancellation& cancellation = {}) = 0;
};

}  // namespace weir::report
