// What the answers to all questions have in common: one snapshot, the rows of a range, and their union.
// Internal to this module. One thread uses a Reading.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "report/cancellation.hpp"
#include "report/metrics_reader.hpp"
#include "report/query.hpp"
#include "report/range.hpp"
#include "report/report.hpp"
#include "tally/sketch.hpp"

namespace weir::report {

struct KeptDays;  // kept_days.hpp

// One snapshot, and the time from which each of its granularities is complete.
struct Reading {
  std::unique_ptr<MetricsSnapshot> snapshot;
  Horizons horizons;
  KeptDays* kept = nullptr;  // null: nothing is kept for further questions
};

// Errors are those of store_failed().
[[nodiscard]] Result<Reading> begin_reading(MetricsReader& reader, const Cancellation& cancellation,
                                            KeptDays* kept);

// Returns the error that a client receives when the store has failed: its kind and code without its text,
// which may name the address of the store. The log and /health/ready have the text. ErrorKind::invalid
// becomes ErrorKind::unavailable: an operator must act, the question is correct. The errors of a cancellation
// are returned as they are.
[[nodiscard]] std::unexpected<Error> client_error(Error why);
template <class T>
[[nodiscard]] std::unexpected<Error> store_failed(Result<T>& failed) {
  return client_error(std::move(failed).error());
}

// The sums of counts and the union of users of any rows.
struct Gathered {
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  tally::Sketch users;

  // Error: ErrorKind::internal, the sketch cannot be decoded.
  Result<void> add(std::int64_t more_events, std::int64_t more_page_views, std::string_view stored_users);
  Result<void> add(const ViewRow& row) { return add(row.events, row.page_views, row.users); }
  void add(const Gathered& other);
  [[nodiscard]] Numbers numbers() const { return {events, page_views, users.estimate()}; }
};

// Unites the rows of MetricsSnapshot::users_by_value(), one value after the other. Passes each value that has
// events, except `(other)`, which is no value of a client.
class ValueGatherer {
 public:
  // Returns whether further values are wanted.
  using Take = std::function<bool(std::string_view value, const Gathered& gathered)>;

  explicit ValueGatherer(Take take) : take_(std::move(take)) {}

  // Rows of one value are consecutive, so a new value completes the one before it. Ignores rows after an
  // error, and once no more values are wanted.
  void add(const ValueRow& row);
  // Completes the last value. Returns the first error of a row, as Gathered::add().
  Result<void> finish();

 private:
  void pass_value();

  const Take take_;
  std::string value_;
  Gathered gathered_;
  Result<void> united_;
  bool wants_more_ = true;
};

// Which rows of a range are read.
struct Wanted {
  tally::Dimension dimension = tally::Dimension::total;
  std::optional<std::vector<std::string_view>> values;  // views into the query; absent: all values
  bool with_users = true;
};
[[nodiscard]] Wanted wanted_by(const std::optional<Filter>& filter);

// Passes every row of the runs to `take`. Ends at its first error.
[[nodiscard]] Result<void> scan(const Reading& reading, const std::vector<WindowRun>& runs,
                                const Wanted& wanted,
                                const std::function<Result<void>(const ViewRow&)>& take);
// The same for a range, which is read in the coarsest windows that fit. Each event is in one row.
[[nodiscard]] Result<void> scan(const Reading& reading, const UsedRange& range, const Wanted& wanted,
                                const std::function<Result<void>(const ViewRow&)>& take);

// The zone in which the intervals of a range begin. Where only days are kept, they are those of UTC.
[[nodiscard]] TimeZone zone_of(const UsedRange& range, const TimeZone& wanted);

// Intervals whose sketches are in memory at once: some megabytes.
inline constexpr std::size_t points_at_a_time = 250;
// The points of the intervals that begin at `starts`; the last element is the end of the last one. They count
// only what lies inside the range.
[[nodiscard]] Result<std::vector<Point>> points_of(const Reading& reading, const UsedRange& range,
                                                   Interval interval, std::span<const WindowStart> starts,
                                                   const Wanted& wanted);

// The answers of one snapshot. Errors are those of the functions of Report with the same names.
[[nodiscard]] Result<Summary> summarise(const Reading& reading, const AskedRange& asked,
                                        const std::optional<Filter>& filter);
[[nodiscard]] Result<SeriesAnswer> series_of(const Reading& reading, const SeriesQuery& query);
[[nodiscard]] Result<TopAnswer> top_of(const Reading& reading, const TopQuery& query);

}  // namespace weir::report
