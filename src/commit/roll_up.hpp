// The transaction of a roll-up: adds the minutes of several partitions to their hours and days.
//
// A step reads minute rows with a pending rollup, adds some of them to their hour and day rows, and writes
// both. The transaction ends when it has read as much as its bounds allow, and may leave a minute half done.
// Each minute row stores how much of it is in its hour and day. So the next roll-up continues with the other
// rows, and the views and the API add what is still pending.
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
    // Ascending.
    std::vector<WindowStart> minutes;
  };

  // `step` bounds the memory of one step. `bounds` limits the minute rows of the whole transaction.
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

  [[nodiscard]] std::vector<WindowStart> pending_minutes(std::int32_t) const override { return {}; }
  [[nodiscard]] std::vector<WindowStart> rolled_up_minutes(std::int32_t partition) const override;

 private:
  [[nodiscard]] bool is_at_end() const;
  [[nodiscard]] std::optional<Step> read_minutes();
  [[nodiscard]] std::optional<Step> read_targets();
  [[nodiscard]] Result<std::vector<tally::WindowRow>> merge_step();

  std::vector<PartitionBatch> batches_;
  RowBounds bounds_;
  RowBounds step_;
  // The state of the current attempt; start() resets it.

  // Indexes of batches_.
  std::vector<std::size_t> held_;
  // The next minute to read: an index of held_, and an index of the minutes of that batch.
  std::size_t next_batch_ = 0;
  std::size_t next_minute_ = 0;
  // How many minute rows, and bytes of them, the attempt has read.
  RowBounds read_{.rows = 0, .bytes = 0};
  // Minute rows of one partition that are read and not merged yet. targets_: the stored hour and day rows of
  // the first rows_in_step_ of them, once they are read.
  std::vector<tally::WindowRow> minutes_;
  std::optional<std::vector<tally::WindowRow>> targets_;
  std::size_t rows_in_step_ = 0;
  // Of the next step: less than step_.rows while stored rows are large.
  std::size_t rows_a_step_ = 0;
  // The minutes, by partition, that this transaction rolls up completely.
  std::map<std::int32_t, std::vector<WindowStart>> rolled_;
  // The rows of the last step, which changes() writes.
  std::vector<tally::WindowRow> last_rows_;
};

}  // namespace weir::commit
