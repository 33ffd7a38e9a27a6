// Decides what the process writes next: a flush, a roll-up, or a flush that only renews the ledger's
// observation. Pruning is part of a flush. Each is one fenced transaction, and only one is in progress.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "commit/flush.hpp"
#include "commit/transaction.hpp"
#include "consumer/pacing.hpp"
#include "consumer/rebalance.hpp"

namespace weir::consumer {

// How long rows are kept after the end of their window (RETENTION_…_DAYS). 0: without limit.
struct Retention {
  std::chrono::days minute{7};
  std::chrono::days hour{400};
  std::chrono::days day{0};
  // Rows of user_activity_metrics; they belong to no window.
  std::chrono::days metrics{90};
};

struct CommitSchedulerSettings {
  PacingSettings pacing;
  Retention retention;
  // A minute is rolled up this long after its last write,
  std::chrono::seconds roll_up_quiet{60};
  // plus up to this time, which differs for each partition.
  std::chrono::seconds roll_up_stagger{30};
  // Minutes in one roll-up transaction.
  std::size_t roll_up_minutes_max = 120;
  // Maximum size of one batch of one partition.
  commit::RowBounds batch{limits::pending_batch_rows_max, limits::pending_batch_bytes_max};
  // Maximum size of a transaction, of all its partitions together.
  commit::RowBounds transaction{limits::transaction_rows_max, limits::transaction_bytes_max};
  // What a transaction holds in memory at once.
  commit::RowBounds step;
  // The ledger's observation is renewed this often; the contract promises 5 s.
  std::chrono::milliseconds observe_every{4000};
};

// One thread: the consumer's.
class CommitScheduler {
 public:
  // A flush writes batches, observations and prunes. A roll-up adds minutes to their hours and days.
  enum class Kind : std::uint8_t { flush, roll_up };
  // A transaction that is ready to run.
  struct Scheduled {
    Kind kind = Kind::flush;
    std::unique_ptr<commit::Transaction> transaction;
  };

  // `topic`: of the log.
  CommitScheduler(const CommitSchedulerSettings& settings, std::string topic)
      : settings_(settings),
        topic_(std::move(topic)),
        pacing_(settings.pacing),
        size_(settings.transaction) {}

  // FLUSH_INTERVAL_SEC, FLUSH_MIN_INTERVAL_MS and BATCH_SIZE have changed.
  void set_pacing(const PacingSettings& settings) { pacing_.set_settings(settings); }
  // Returns the transaction to run now; nullopt if none is due. The batches in it are taken out of the
  // partitions, which are in_transaction from here on. `settled` (base/settled_clock.hpp) is the time that is
  // written and by which old rows are pruned. `at_once`: flush what is pending without any interval, and do
  // nothing else.
  [[nodiscard]] std::optional<Scheduled> next(AssignedPartitions& partitions, Now now, WallTime settled,
                                              bool at_once);
  // The last transaction of next() was committed.
  void on_committed(Kind kind, MonoTime now);
  // Its prune reached its row limit: schedules the same prune again.
  void prune_again(AssignedPartitions& partitions, MonoTime now);
  // It was abandoned because a transaction of this size takes the store too long. Makes batches and
  // transactions smaller.
  void on_timeout(const commit::RowBounds& size, AssignedPartitions& partitions);
  // Returns the maximum size of a batch.
  [[nodiscard]] commit::RowBounds batch_bounds() const;
  // Notes how long events have been pending. Call it whenever records were processed, also while a
  // transaction is in progress: FLUSH_INTERVAL_SEC counts from the first pending event.
  void note_pending(const AssignedPartitions& partitions, MonoTime now);
  // Returns when next() may return a transaction, assuming that nothing happens until then.
  [[nodiscard]] MonoTime next_deadline(const AssignedPartitions& partitions, MonoTime now);

 private:
  [[nodiscard]] bool flush_is_due(const AssignedPartitions& partitions, MonoTime now);
  [[nodiscard]] std::optional<Scheduled> make_flush(AssignedPartitions& partitions, Now now,
                                                    WallTime settled);
  [[nodiscard]] commit::Flush::Pruning make_pruning(AssignedPartitions& partitions,
                                                    const std::vector<commit::PartitionCommit>& commits,
                                                    MonoTime now, WallTime settled);
  [[nodiscard]] std::optional<Scheduled> make_roll_up(AssignedPartitions& partitions, Now now,
                                                      WallTime settled);
  [[nodiscard]] bool observation_is_due(const AssignedPartition& assigned, MonoTime now) const;
  [[nodiscard]] std::optional<commit::Prune> next_prune(AssignedPartitions& partitions,
                                                        const std::vector<commit::PartitionCommit>& commits,
                                                        MonoTime now, WallTime settled);

  CommitSchedulerSettings settings_;
  std::string topic_;
  Pacing pacing_;
  TransactionSize size_;
  // The first partition of the next transaction of each kind, so that all partitions get their turn.
  std::int32_t flush_from_ = 0;
  std::int32_t roll_up_from_ = 0;
  // What the last prune was about, for prune_again().
  std::pair<std::int32_t, tally::Granularity> last_prune_{};
  // The kind of the last committed transaction.
  Kind last_ = Kind::roll_up;
  std::optional<MonoTime> roll_up_checked_at_;
  std::optional<MonoTime> metrics_pruned_at_;
};

}  // namespace weir::consumer
