// What a roll-up writes: minutes that have gone quiet, added to their hours and days.
//
// It reads rows that have a remainder, adds some of them at a time, and stops where it has rolled up as much
// as one transaction may. A minute may be left half done: each of its rows says how much of it stands in its
// hour and day, so the next roll-up goes on with the others, and views and API add the remainders of single
// rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/limits.hpp"
#include "commit/metrics_store.hpp"
#include "commit/transaction.hpp"

namespace weir::commit {

class RollUp final : public Plan {
 public:
  struct PartitionBatch {
    std::int32_t partition = 0;
    std::vector<WindowStart> minutes;  // ascending
  };

  // `step`: what may be held in memory at once; `bounds`: of minute rows, after which the transaction ends.
  explicit RollUp(std::vector<PartitionBatch> batches,
                  const RowBounds& bounds = {limits::transaction_rows_max, limits::transaction_bytes_max},
                  const RowBounds& step = {});

  void start(std::span<const PartitionCommit> commits) override;
  Result<std::optional<Step>> next_step() override;
  void on_windows(MetricsStore::WindowRows rows) override;
  void on_pending_rows(PendingRows rows) override;
  Changes changes(WallTime now) override;
  [[nodiscard]] RowBounds size() const override { return read_; }
  bool shrink_steps() override;

  [[nodiscard]] std::vector<WindowStart> minutes_to_roll_up(std::int32_t) const override { return {}; }
  [[nodiscard]] std::vector<WindowStart> minutes_rolled_up(std::int32_t partition) const override;

 private:
  [[nodiscard]] bool is_at_end() const;
  [[nodiscard]] std::optional<Step> read_minutes();
  [[nodiscard]] std::optional<Step> read_targets();
  [[nodiscard]] Result<std::vector<tally::WindowRow>> merge_step();

  std::vector<PartitionBatch> batches_;
  RowBounds bounds_;
  RowBounds step_;
  // Of the try under way, forgotten by start().
  std::vector<std::size_t> held_;                         // in shares_
  std::size_t next_batch_ = 0;                            // in held_: whose minutes are read next…
  std::size_t next_minute_ = 0;                           // …and from which one on
  RowBounds read_{.rows = 0, .bytes = 0};                 // so far, of minute rows
  std::vector<tally::WindowRow> minutes_;                 // read and not rolled up yet, of one partition
  std::optional<std::vector<tally::WindowRow>> targets_;  // hours and days of the first rows_in_step_ of them
  std::size_t rows_in_step_ = 0;
  std::size_t rows_a_step_ = 0;  // fewer than step_.rows while stored rows are large
  std::map<std::int32_t, std::vector<WindowStart>> rolled_;  // whole minutes
  std::vector<tally::WindowRow> last_rows_;                  // merged by the last step, for changes()
};

}  // namespace weir::commit
