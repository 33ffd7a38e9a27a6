// A MetricsReader over rows in memory: computes the views as the stores' schema describes them.
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

class FakeMetricsReader final : public MetricsReader {
 public:
  // What the store holds; may change between snapshots, from any thread.
  void put(tally::WindowRow row);  // replaces the row of the same key
  void put(tally::LedgerRow row);  // replaces the row of the same partition
  // Whether the hours and days lack some of what this minute of this partition has.
  void set_unrolled(std::int32_t partition, WindowStart minute, bool unrolled);
  void put(DeadLetterRow row);                // replaces the row of the same partition and offset
  void put(tally::KnownDimension dimension);  // besides the built-in ones
  void set_horizon(tally::Granularity granularity, WallTime pruned_to);

  // The call with this number from now on (0: the next) of snapshot() or of a snapshot's functions fails,
  // once.
  void fail_call(int number, Error error);

  // The queries of all scan() so far, without `values`, in order.
  [[nodiscard]] std::vector<WindowQuery> scans() const;
  // How often users_by_value() was called.
  [[nodiscard]] int passes_over_users() const;
  [[nodiscard]] int snapshots() const;

  Result<std::unique_ptr<MetricsSnapshot>> snapshot(const Cancellation& cancellation = {}) override;

 private:
  class Snapshot;
  struct Rows {
    std::map<tally::WindowKey, tally::WindowRow> windows;
    std::set<std::pair<std::int32_t, WindowStart>> unrolled;
    std::map<std::int32_t, tally::LedgerRow> ledger;
    std::map<std::pair<std::int32_t, std::int64_t>, DeadLetterRow> dead_letters;
    Horizons horizons{};
    std::vector<tally::KnownDimension> dimensions = tally::built_in_known_dimensions();
  };

  // The error that is due with this call, if one is.
  std::optional<Error> count_call();

  mutable std::mutex mutex_;
  Rows rows_;
  std::vector<WindowQuery> scans_;
  std::optional<Error> failure_;
  int calls_before_failure_ = 0;
  int snapshots_ = 0;
  int passes_over_users_ = 0;
};

}  // namespace weir::report
