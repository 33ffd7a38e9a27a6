// What a flush writes: the parts gathered since the last one, added to the rows that they touch; and what
// pruning takes, for the same fence serves both. A flush without parts writes only what its owner has
// observed.
//
// Rows are read, merged and written in steps: some deltas of one partition or of several, with as many stored
// rows as a step may hold. Deltas are taken in the order in which their values came, so a full window lets in
// the same values however the steps are cut.
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
  struct Pruning {
    std::vector<Prune> windows;
    std::optional<WallTime> flushes_before;
  };

  // `topic`: the log's, as letters are named by it. `step`: what may be held in memory at once; of the rows
  // that are gathered it bounds the number, of those that are stored also the bytes.
  Flush(std::vector<PartitionBatch> batches, Pruning pruning, std::string topic, const RowBounds& step = {});

  void start(std::span<const PartitionCommit> commits) override;
  Result<std::optional<Step>> next_step() override;
  void on_windows(MetricsStore::WindowRows rows) override;
  void on_dead_letters(const std::vector<DeadLetterState>& letters) override;
  Changes changes(WallTime now) override;
  [[nodiscard]] RowBounds size() const override;
  bool shrink_steps() override;
  [[nodiscard]] tally::LedgerRow ledger_after(const PartitionCommit& entry) const override;

  [[nodiscard]] std::vector<WindowStart> minutes_to_roll_up(std::int32_t partition) const override;
  [[nodiscard]] std::vector<WindowStart> minutes_rolled_up(std::int32_t) const override { return {}; }

 private:
  struct Cursor {
    std::size_t batch = 0;
    std::size_t delta = 0;
  };
  struct DeltaRange {  // [from, to) of a share's deltas
    const PartitionBatch* batch = nullptr;
    std::size_t from = 0;
    std::size_t to = 0;
  };

  [[nodiscard]] bool is_held(std::int32_t partition) const;
  [[nodiscard]] const PartitionBatch* batch_of(std::int32_t partition) const;
  // The share's tally with those of its replays that count.
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
  // Of the try under way, forgotten by start().
  std::vector<std::int32_t> held_;
  bool locked_ = false;
  Cursor next_;                     // the first delta that is not merged yet
  std::vector<DeltaRange> ranges_;  // of the step under way: [next_, step_end_)
  Cursor step_end_;
  bool is_read_ = false;          // the stored rows of pieces_ are in rows_
  std::size_t rows_in_step_ = 0;  // deltas
  std::size_t rows_a_step_ = 0;   // fewer than step_.rows while stored rows are large
  std::vector<DeadLetterId> sources_;
  ReplaySettlement settlement_;
  std::map<std::int32_t, ReplayOutcome> outcomes_;
  std::map<std::int32_t, std::vector<tally::WindowRow>> rows_;  // as they are stored
  std::vector<tally::WindowRow> last_rows_;                     // merged by the last step, for changes()
};

}  // namespace weir::commit
