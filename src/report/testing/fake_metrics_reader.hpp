// A MetricsReader over rows in memory. It computes the views as the schemas of the stores define them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "report/metrics_reader.hpp"
#include "tally/ledger.hpp"
#include "tally/window.hpp"

namespace weir::report {

// Thread-safe, like each implementation of MetricsReader.
class FakeMetricsReader final : public MetricsReader {
 public:
  // These functions change the rows of the store. They do not affect existing snapshots.
  void put(tally::WindowRow row);  // replaces the row of the same key; an equal row is no write
  void put(tally::LedgerRow row);  // replaces the row of the same partition
  void put(DeadLetterRow row);     // replaces the row of the same partition and offset
  // Sets whether a minute of a partition has counts that its hour and day lack.
  void set_pending_rollup(std::int32_t partition, WindowStart minute, bool is_pending);
  void put(tally::KnownDimension dimension);  // an own dimension; the built-in ones always exist
  void set_horizon(tally::Granularity granularity, WallTime pruned_to);

  // Lets one later call of snapshot() or of a function of a snapshot fail. `number` is the number of calls
  // before it: 0 is the next call.
  void fail_call(int number, Error error);

  // Returns the queries of all calls of scan() in order, without their `values`.
  [[nodiscard]] std::vector<WindowQuery> scans() const;
  // Returns the number of calls of users_by_value().
  [[nodiscard]] int passes_over_users() const;
  [[nodiscard]] int snapshots() const;

  Result<std::unique_ptr<MetricsSnapshot>> snapshot(const Cancellation& cancellation = {}) override;

 private:
  class Snapshot;
  struct Rows {
    std::map<tally::WindowKey, tally::WindowRow> windows;
    std::map<tally::WindowKey, WallTime> last_writes;  // the number of the put(), as a time
    std::set<std::pair<std::int32_t, WindowStart>> pending_rollups;
    std::map<std::int32_t, tally::LedgerRow> ledger;
    std::map<std::pair<std::int32_t, std::int64_t>, DeadLetterRow> dead_letters;
    Horizons horizons{};
    std::vector<tally::KnownDimension> dimensions = tally::built_in_known_dimensions();
  };

  // Counts a call. Returns the error with which it must fail, if any.
  std::optional<Error> count_call();

  mutable std::mutex mutex_;
  Rows rows_;
  std::vector<WindowQuery> scans_;
  std::int64_t writes_ = 0;
  std::optional<Error> failure_;
  int calls_before_failure_ = 0;
  int snapshots_ = 0;
  int passes_over_users_ = 0;
};

}  // namespace weir::report
