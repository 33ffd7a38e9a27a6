// The state of a consuming process, as health and metrics report it. All types are values.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "commit/transaction.hpp"
#include "consumer/commit_scheduler.hpp"
#include "consumer/rebalance.hpp"

namespace weir::consumer {

enum class Phase : std::uint8_t {
  starting,     // no partition was assigned yet, or not all of the first ones are open
  opening,      // all were open once; now some are being opened
  catching_up,  // the dedupe window of some partition is being rebuilt
  live,
  draining,  // stop() was called
  stopped,
};
// The name in /health/ready: "catching up".
[[nodiscard]] std::string_view name_of(Phase phase);

// A histogram of durations with fixed bounds.
struct Durations {
  // A duration belongs to the first bound that is >= it, or to the last bucket.
  static constexpr std::array<std::chrono::milliseconds, 10> bounds{
      std::chrono::milliseconds{5},   std::chrono::milliseconds{10},   std::chrono::milliseconds{25},
      std::chrono::milliseconds{50},  std::chrono::milliseconds{100},  std::chrono::milliseconds{250},
      std::chrono::milliseconds{500}, std::chrono::milliseconds{1000}, std::chrono::milliseconds{2500},
      std::chrono::milliseconds{5000}};
  std::array<std::int64_t, bounds.size() + 1> counts{};  // of each bucket alone, not cumulative
  std::chrono::nanoseconds sum{0};

  void add(std::chrono::nanoseconds duration);
};

// A partition that is assigned to this process.
struct PartitionStatus {
  enum class State : std::uint8_t { opening, catching_up, live, refused };
  // What the store has counted of the partition, and what the log holds.
  struct Ledger {
    std::int64_t next_offset = 0;                // the first offset that is not in the store
    std::int64_t log_end = 0;                    // as last seen
    std::optional<RecordTime> oldest_unread_at;  // of the records from next_offset on; a lower bound
    WallTime observed_at;                        // when the store's ledger row was last written

    [[nodiscard]] std::int64_t lag() const { return log_end - next_offset; }
  };

  std::int32_t partition = 0;
  State state = State::opening;
  // Why it is refused, could not be opened, or waits for the dead letter topic. May be empty.
  std::string reason;
  bool needs_operator = false;  // it cannot be opened until an operator has corrected what `reason` names
  bool paused = false;
  std::optional<Ledger> ledger;  // only in states catching_up and live
};
// The name as a metric's label: "catching_up".
[[nodiscard]] std::string_view name_of(PartitionStatus::State state);
[[nodiscard]] PartitionStatus status_of(std::int32_t partition, const AssignedPartition& assigned);

struct Status {
  Phase phase = Phase::starting;
  bool store_up = true;
  std::string store_reason;                    // the last error, while not up
  bool store_needs_operator = false;           // …which does not pass by itself (ErrorKind::invalid)
  std::chrono::milliseconds store_latency{0};  // of the last committed transaction
  bool log_up = true;
  std::string log_reason;                      // the last error, while not up
  bool paused = false;                         // the backlog is too large, or the store is unavailable
  std::optional<RecordTime> oldest_unread_at;  // of the records that are not in the store; a lower bound
  std::optional<Now> last_good_flush;          // when it was committed
  std::int64_t read_offset_sum = 0;            // sum of the partitions' read positions
  std::int64_t backlog_events = 0;             // read, and not known to be in the store
  std::int64_t dlq_pending = 0;                // dead letters whose copy is not acknowledged
  std::string dlq_reason;                      // while copies fail: which partition waits, and why
  std::vector<PartitionStatus> partitions;     // by number

  // Since the process began, of transactions that are known to be in the store.
  commit::Counts counts;
  std::int64_t flushes = 0;
  std::int64_t roll_ups = 0;
  std::int64_t windows_opened = 0;                   // windows of any granularity that had no row before
  std::map<std::string, std::int64_t> dead_letters;  // by reason
  Durations flush_durations;                         // of the last try of each committed flush

  // Since the process began.
  std::int64_t partitions_assigned = 0;
  std::int64_t partitions_revoked = 0;
  std::int64_t partitions_lost = 0;
  std::int64_t offsets_out_of_range = 0;    // times that a read position was no longer in the log
  std::int64_t store_retries = 0;           // tries that failed and are repeated
  std::int64_t pauses = 0;                  // times that the whole process paused
  std::int64_t fence_failures = 0;          // partitions whose ledger row another process had written
  std::int64_t commits_in_doubt = 0;        // commits whose outcome was unknown
  std::int64_t transactions_abandoned = 0;  // took the store too long; written in smaller ones instead

  // Returns for how long the oldest unread record has waited; a lower bound. Returns 0 only if every assigned
  // partition is known to have no unread record. Returns nullopt while that is unknown: no partition was
  // assigned yet; or one is being opened, catches up, is refused, or has only records that were not read yet.
  [[nodiscard]] std::optional<std::chrono::milliseconds> oldest_unread_age(WallTime now) const;

  // Adds what this transaction has committed. Returns the number of offsets that it counted.
  std::int64_t count(const commit::Transaction& transaction, CommitScheduler::Kind kind, Now now);
  // Fills the members that describe the assigned partitions. Returns whether one is catching up.
  bool add_partitions(const AssignedPartitions& assigned_partitions);
};

}  // namespace weir::consumer
