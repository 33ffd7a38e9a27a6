// The partitions that the consumer group has assigned to this process, and how a rebalance changes them.
//
//   assigned ─▶ waiting ─▶ opening ─▶ open ──revoked──▶ last flush, at most revoke_timeout ─▶ released
//                  ▲          │        │
//                  └──────────┴────────┘ failure, failed fence, offset out of range: opened again
//
//   A lost partition is removed at once; another process may own it already. A partition that
//   ON_OFFSET_GONE=stop forbids to read ends in state refused.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "commit/transaction.hpp"
#include "consumer/dead_letter_topic.hpp"
#include "consumer/log_reader.hpp"
#include "consumer/pacing.hpp"
#include "consumer/partition.hpp"
#include "consumer/partition_opener.hpp"

namespace weir::consumer {

// One assigned partition: its Partition object and the state around it.
struct AssignedPartition {
  enum class State : std::uint8_t {
    // A PartitionOpener starts at open_at.
    waiting,
    // `opener` is here while the log must answer, and with the writer while the store must.
    opening,
    // `partition` is set, and its records are processed.
    open,
    // The partition is not read (ON_OFFSET_GONE=stop); `reason` says why.
    refused,
  };

  // Changes whenever `partition` is destroyed. A result that carries an older generation is ignored.
  std::uint64_t generation = 0;
  State state = State::waiting;
  MonoTime open_at;
  Retries open_retries;
  std::unique_ptr<PartitionOpener> opener;
  std::unique_ptr<Partition> partition;
  // Why the partition is refused or could not be opened.
  std::string reason;
  // The last opening failed with ErrorKind::invalid.
  bool needs_operator = false;
  // The LogReader was asked to pause the partition.
  bool paused = false;
  // The backlog waits for the dead letter topic and is too large.
  bool dlq_backlog_full = false;
  // A transaction that is in progress or will be repeated contains the partition.
  bool in_transaction = false;
  // The partition was revoked and must be released by then.
  std::optional<MonoTime> revoke_by;
  // When a transaction last wrote the ledger's observation.
  MonoTime observed_at;
  // When each granularity was last pruned.
  std::array<MonoTime, 3> pruned_at;
};
using AssignedPartitions = std::map<std::int32_t, AssignedPartition>;

// Owns the AssignedPartitions. One thread: the consumer's.
class Assignment {
 public:
  struct Counts {
    std::int64_t assigned = 0;
    std::int64_t revoked = 0;
    std::int64_t lost = 0;
  };

  // A revoked partition is released after `revoke_timeout` even if its last flush is not done.
  explicit Assignment(std::chrono::milliseconds revoke_timeout) : revoke_timeout_(revoke_timeout) {}

  // The partitions are new to this process, even if it had them before: they start in state waiting.
  void on_assigned(const Assigned& event, MonoTime now);
  // The partitions must be released. Their records are no longer processed.
  void on_revoked(const Revoked& event, MonoTime now);
  // Removes the partitions at once.
  void on_lost(const Lost& event);

  // Removes and returns the revoked partitions that may be released now. `store_failing`: the last
  // transaction failed, so no flush is waited for; the next owner reads the unwritten records again.
  [[nodiscard]] std::vector<std::int32_t> take_releasable(MonoTime now, bool store_failing);

  [[nodiscard]] AssignedPartitions& partitions() { return partitions_; }
  [[nodiscard]] const AssignedPartitions& partitions() const { return partitions_; }
  // Returns nullptr if the partition is not assigned.
  [[nodiscard]] AssignedPartition* find(std::int32_t partition);
  // Returns nullptr also if the generation has changed.
  [[nodiscard]] AssignedPartition* find(std::int32_t partition, std::uint64_t generation);

  // Destroys the Partition object and schedules a new opening.
  void reopen(AssignedPartition& assigned, MonoTime at);

  // Removes the partitions that were lost or reopened since from a transaction that will be repeated.
  void leave_out_stale(commit::Transaction& transaction) const;
  // Returns the copies of dead letters to send now, of all partitions, with complete tickets.
  [[nodiscard]] std::vector<DeadLetterTopic::Copy> take_dlq_copies(Now now);
  // Passes a step of the wall clock to all partitions.
  void on_clock_step(std::chrono::milliseconds by);

  // At least one assignment arrived, and every partition is open or refused.
  [[nodiscard]] bool all_opened() const;
  // A partition waits for its release.
  [[nodiscard]] bool has_revoked() const;
  // A partition has a batch that no transaction contains.
  [[nodiscard]] bool has_unwritten() const;
  // Since the process began.
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  std::chrono::milliseconds revoke_timeout_;
  AssignedPartitions partitions_;
  std::uint64_t last_generation_ = 0;
  bool ever_assigned_ = false;
  Counts counts_;
};

}  // namespace weir::consumer
