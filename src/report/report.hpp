// Answers questions from the windows in the store: sums of counts, unions of users, each answer in one
// snapshot.
//
// unique_users is always the estimate of a union, never a sum. What an answer costs is what it reads: a row
// of a view takes some microseconds to unite, so ranges are put together from the coarsest windows that fit
// (range.hpp), and past days are united once (gather.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "report/cancellation.hpp"
#include "report/dead_letters.hpp"
#include "report/interval.hpp"
#include "report/metrics_reader.hpp"
#include "report/query.hpp"
#include "report/range.hpp"
#include "report/time_zone.hpp"
#include "tally/ledger.hpp"
#include "tally/window.hpp"

namespace weir::report {

struct Numbers {
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  std::int64_t unique_users = 0;

  friend bool operator==(const Numbers&, const Numbers&) = default;
};

struct Summary {
  UsedRange range;
  Numbers numbers;
  double unique_users_error = 0;  // relative standard error; 0 while exact
};

struct SummaryAnswer {
  Summary summary;
  std::optional<Summary> previous;
};

struct Point {
  WindowStart time;  // where its interval begins; at the edges it counts only
                     // what lies inside the range
  Numbers numbers;

  friend bool operator==(const Point&, const Point&) = default;
};

struct SeriesAnswer {
  UsedRange range;
  Interval interval = Interval::hour;  // coarser than asked where nothing finer is kept
  // The zone in which days begin, if one was asked for: UTC where only days are kept.
  std::optional<TimeZone> zone;
  bool rounded = false;       // IntervalStarts::rounded
  std::vector<Point> points;  // every interval of the range, empty ones too
};

struct TopRow {
  std::string value;
  Numbers numbers;

  friend bool operator==(const TopRow&, const TopRow&) = default;
};

struct TopAnswer {
  UsedRange range;
  std::string dimension;  // its name
  std::vector<TopRow> rows;
  // The summary of the same range less the rows: values beyond the limit, those that their windows had no
  // place for, and the events of a time in which the dimension was not counted.
  std::int64_t other_events = 0;
  std::int64_t other_page_views = 0;
};

struct DimensionsAnswer {
  std::vector<tally::KnownDimension> dimensions;  // built-in ones first, total among them
};

// A row says how long its log was when its owner last looked (at least every 5 s). Beyond this age that is no
// answer: the owner may be dead, or refuse the partition (ON_OFFSET_GONE), while records come.
inline constexpr std::chrono::seconds observation_age_max{15};

struct LedgerLine {
  tally::LedgerRow row;
  // Records that the log has and that are not in the numbers; nothing if that is not known.
  std::optional<std::int64_t> lag;
  // 0 when nothing waits; nothing if that is not known.
  std::optional<std::chrono::milliseconds> oldest_unread_age;
  std::chrono::milliseconds observed_age{0};
};

struct LedgerAnswer {
  std::string topic;
  std::string group_id;
  std::vector<LedgerLine> lines;  // by partition
};

// What the ledger's rows of this process's store are kept under.
struct LedgerNames {
  std::string topic;
  std::string group_id;
};

struct KeptDays;   // kept_days.hpp
struct LiveQuery;  // live.hpp
struct LiveAnswer;
struct ExportQuery;  // export.hpp
struct ExportRow;

// Any thread may ask; a question blocks its thread until the store has answered, or until its cancellation is
// due. Errors: ErrorKind::invalid, the question cannot be answered as asked (code too_many_points);
// ErrorKind::unavailable, the store is away or the cancellation is due; ErrorKind::internal, a row of the
// store cannot be read.
//
// Memory of one question is below 64 MB, for any store: at most 500 sketches of up to 64 KiB at once, and one
// row of the store at a time. Values of a dimension pass in their order and are never all in memory. All
// questions share limits::kept_days_bytes_max.
class Report {
 public:
  // Whether the lag of a partition can be computed from its row if that is recent; false while this process
  // itself holds the partition and does not count it. Called on the thread that asks.
  using KnowsLag = std::function<bool(std::int32_t partition)>;

  // `reader` must outlive the report. `kept_bytes` bounds the memory for numbers of past days that are kept
  // for further questions. They change the time of an answer, and never its numbers. 0: nothing is kept.
  Report(
      MetricsReader& reader, LedgerNames names, KnowsLag knows_lag = [](std::int32_t) { return true; },
      std::size_t kept_bytes = limits::kept_days_bytes_max);
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;
  ~Report();

  [[nodiscard]] Result<SummaryAnswer> summary(const SummaryQuery& query,
                                              const Cancellation& cancellation = {});
  [[nodiscard]] Result<SeriesAnswer> series(const SeriesQuery& query, const Cancellation& cancellation = {});
  [[nodiscard]] Result<TopAnswer> top(const TopQuery& query, const Cancellation& cancellation = {});
  [[nodiscard]] Result<DimensionsAnswer> dimensions(const Cancellation& cancellation = {});
  [[nodiscard]] Result<DeadLettersAnswer> dead_letters(const Cancellation& cancellation = {});
  // Passes all rows to `take` in the order of time and value, until it returns false. A further error is
  // ErrorKind::invalid, too_many_points: too many intervals. Each interval takes 8 bytes.
  [[nodiscard]] Result<void> export_rows(const ExportQuery& query,
                                         const std::function<bool(const ExportRow&)>& take,
                                         const Cancellation& cancellation = {});
  [[nodiscard]] Result<LedgerAnswer> ledger(WallTime now, const Cancellation& cancellation = {});

  // The live view, and its id alone: one small statement, to notice the flushes of all processes.
  [[nodiscard]] Result<LiveAnswer> live(const LiveQuery& query, const Cancellation& cancellation = {});
  [[nodiscard]] Result<std::string> live_id(const Cancellation& cancellation = {});

 private:
  [[nodiscard]] Result<LedgerAnswer> ledger_of(MetricsSnapshot& snapshot, WallTime now);

  MetricsReader& reader_;
  const LedgerNames names_;
  const KnowsLag knows_lag_;
  const std::unique_ptr<KeptDays> kept_;
};

}  // namespace weir::report
