// The transaction of a flush: writes the pending batches of several partitions, and prunes old windows under
// the same fences. A flush without batches writes only the ledger rows and what their owner has observed.
//
// A step reads the stored rows of some deltas, merges the deltas into them and writes the result. A step
// covers one partition or several, and as many stored rows as fit into its bounds. Deltas are merged in the
// order in which their values arrived. So a window that is full accepts the same values for any size of the
// steps.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "commit/metrics_store.hpp"
#include "commit/pending_batch.hpp"
#include "commit/replay.hpp"
#include "commit/transaction.hpp"

namespace weir::commit {

class Flush final : public Plan {
 public:
  struct PartitionBatch {
    std::int32_t partition = 0;
    PendingBatch pending;
  };
  // The members of Changes that delete old rows.
  struct Pruning {
    std::vector<Prune> windows;
    std::optional<WallTime> flushes_before;
  };

  // `topic` is the topic of the log, for the ids of dead letters. `step` bounds the memory of one step: the
  // number of deltas, and the number and bytes of stored rows.
  Flush(std::vector<PartitionBatch> batches, Pruning pruning, std::string topic, const RowBounds& step = {});

  void start(std::span<const PartitionCommit> commits) override;
  Result<std::optional<Step>> next_step() override;
  void on_windows(MetricsStore::WindowRows rows) override;
  void on_dead_letters(const std::vector<DeadLetterState>& dead_letters) override;
  Changes changes(WallTime now) override;
  [[nodiscard]] RowBounds size() const override;
  bool shrink_steps() override;
  [[nodiscard]] tally::LedgerRow ledger_after(const PartitionCommit& entry) const override;

  [[nodiscard]] std::vector<WindowStart> pending_minutes(std::int32_t partition) const override;
  [[nodiscard]] std::vector<WindowStart> rolled_up_minutes(std::int32_t) const override { return {}; }

 private:
  // A delta: its batch and its index there.
  struct Cursor {
    std::size_t batch = 0;
    std::size_t delta = 0;
  };
  // The deltas [from, to) of a batch.
  struct DeltaRange {
    const PartitionBatch* batch = nullptr;
    std::size_t from = 0;
    std::size_t to = 0;
  };

  [[nodiscard]] bool is_held(std::int32_t partition) const;
  [[nodiscard]] const PartitionBatch* batch_of(std::int32_t partition) const;
  // The tally of the batch, with its replays if any of them is tallied.
  [[nodiscard]] const tally::Tally& tally_of(const PartitionBatch& batch) const;
  [[nodiscard]] std::optional<LockDeadLetters> dead_letters_to_lock();
  [[nodiscard]] bool is_at_end(Cursor& cursor) const;
  [[nodiscard]] std::optional<Step> read_step();
  [[nodiscard]] std::span<const tally::WindowDelta> deltas_of(const DeltaRange& range) const;
  [[nodiscard]] Result<std::vector<tally::WindowRow>> merge_step();
  void add_dead_letters(const PartitionBatch& batch, WallTime now, Changes& changes);

  std::vector<PartitionBatch> batches_;
  Pruning pruning_;
  std::string topic_;
  RowBounds step_;
  // The state of the current attempt; start() resets it.

  std::vector<std::int32_t> held_;
  // lock_dead_letters() was requested, or there is nothing to lock. Its argument, and what came of the
  // response, by partition.
  bool locked_ = false;
  std::vector<DeadLetterId> sources_;
  ReplaySettlement settlement_;
  std::map<std::int32_t, ReplayOutcome> outcomes_;
  // The current step merges the deltas [next_, step_end_), which are those of ranges_. is_read_: their stored
  // rows are in rows_, by partition.
  Cursor next_;
  Cursor step_end_;
  std::vector<DeltaRange> ranges_;
  bool is_read_ = false;
  std::map<std::int32_t, std::vector<tally::WindowRow>> rows_;
  // The number of deltas of this step, and of the next one: less than step_.rows while stored rows are large.
  std::size_t rows_in_step_ = 0;
  std::size_t rows_a_step_ = 0;
  // The rows of the last step, which changes() writes.
  std::vector<tally::WindowRow> last_rows_;
};

}  // namespace weir::commit
