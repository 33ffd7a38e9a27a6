// The port through which questions are answered. Filled by sqlite and postgres, held to it by
// metrics_reader_contract.hpp.
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

// Which rows of a granularity's view are wanted.
struct WindowQuery {
  tally::Granularity granularity = tally::Granularity::hour;
  tally::Dimension dimension = tally::Dimension::total;
  WindowStart from;                                     // inclusive
  WindowStart to;                                       // exclusive
  std::optional<std::vector<std::string_view>> values;  // only these, if given
  bool with_users = true;                               // sketches cost; ranking does without
};

// Windows of one granularity, side by side.
struct WindowRun {
  tally::Granularity granularity = tally::Granularity::minute;
  WindowStart from;  // inclusive
  WindowStart to;    // exclusive

  friend bool operator==(const WindowRun&, const WindowRun&) = default;
};

// Which values are ranked: those of one dimension in all of these runs together.
struct ValueQuery {
  tally::Dimension dimension = tally::Dimension::page;
  std::span<const WindowRun> runs;
};

// What one value counts, or a part of it. The views live until the callback returns.
struct ValueRow {
  std::string_view value;
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  std::string_view users;  // hll storage format; empty in count_by_value()
};

// One row of a view, as it passes by: the views into it live until the callback returns. A window can have
// several rows of the same value (a row for each partition, and unrolled remainders): counts add, sketches
// unite.
struct ViewRow {
  WindowStart start;
  std::int32_t partition = 0;
  std::string_view value;
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  std::string_view users;  // hll storage format; empty without with_users
};

// For each granularity the moment below which it is not complete.
struct Horizons {
  std::array<WallTime, tally::granularity_count> pruned_to;

  [[nodiscard]] WallTime of(tally::Granularity granularity) const {
    return pruned_to[static_cast<std::size_t>(granularity)];
  }
};

// The store as it stood at one moment: all answers of one snapshot agree with each other. When the
// cancellation that snapshot() was given is due, each call ends with its error, within about 0.2 s also while
// the store is silent; the snapshot is of no use afterwards.
class MetricsSnapshot {
 public:
  MetricsSnapshot() = default;
  MetricsSnapshot(const MetricsSnapshot&) = delete;
  MetricsSnapshot& operator=(const MetricsSnapshot&) = delete;
  virtual ~MetricsSnapshot() = default;

  virtual Result<Horizons> horizons() = 0;
  // The rows of activity_dimensions by number: each dimension that is or was counted, `total` too.
  virtual Result<std::vector<tally::KnownDimension>> dimensions() = 0;
  virtual Result<void> scan(const WindowQuery& query, std::function<void(const ViewRow&)> take) = 0;

  // Values in ascending order of their bytes, so that any number of them passes through bounded memory: the
  // store sorts, on its disk if it must. What is not rolled up yet is in it, as with scan(). count_by_value:
  // one row a value, its sums. users_by_value: one row for each stored row, values side by side.
  virtual Result<void> count_by_value(const ValueQuery& query, std::function<void(const ValueRow&)> take) = 0;
  virtual Result<void> users_by_value(const ValueQuery& query, std::function<void(const ValueRow&)> take) = 0;

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

  // From any thread; each snapshot is used by one thread. Blocks while all connections are in use.
  // ErrorKind::unavailable: the store is away, or the cancellation is due. ErrorKind::invalid: a person must
  // act. A client is told only the code of either.
  virtual Result<std::unique_ptr<MetricsSnapshot>> snapshot(const Cancellation& cancellation = {}) = 0;
};

}  // namespace weir::report
