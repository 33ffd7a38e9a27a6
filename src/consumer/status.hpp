// The state of a consuming process, as health and metrics report it. All types are values.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "commit/transaction.hpp"
#include "consumer/commit_scheduler.hpp"
#include "consumer/rebalance.hpp"
#include "tally/dimension.hpp"

namespace weir::consumer {

enum class Phase : std::uint8_t {
  // No partition was assigned yet, or not all of the first ones are open.
  starting,
  // All partitions were open once; now some are being opened.
  opening,
  // The dedupe window of some partition is being rebuilt.
  catching_up,
  live,
  // stop() was called; what was read is being flushed.
  draining,
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
  // The count of each bucket alone, not cumulative.
  std::array<std::int64_t, bounds.size() + 1> counts{};
  std::chrono::nanoseconds sum{0};

  // Counts one duration and adds it to the sum.
  void add(std::chrono::nanoseconds duration);
};

// A histogram of the events in a flush, with fixed bounds.
struct FlushSizes {
  // As those of Durations.
  static constexpr std::array<std::int64_t, 6> bounds{1, 10, 100, 1'000, 10'000, 100'000};
  std::array<std::int64_t, bounds.size() + 1> counts{};
  std::int64_t sum = 0;

  void add(std::int64_t events);
};

// How often values of one dimension were counted in `(other)`, because their window was full.
struct CappedCount {
  tally::Dimension dimension = tally::Dimension::total;
  std::string name;
  std::int64_t values = 0;
};
// Returns a count of 0 for each capped built-in dimension, and for each own one with its name in `own_names`.
// `own` and `own_names` have the same order.
[[nodiscard]] std::vector<CappedCount> make_capped_counts(std::span<const tally::CountedDimension> own,
                                                          std::span<const std::string> own_names);

// A partition that is assigned to this process.
struct PartitionStatus {
  enum class State : std::uint8_t { opening, catching_up, live, refused };
  // What the store has counted of the partition, and what the log holds.
  struct Ledger {
    // The first offset that is not in the store.
    std::int64_t next_offset = 0;
    // The end offset of the log, as last seen.
    std::int64_t log_end = 0;
    // The time of the oldest record from next_offset on. If that was not read yet, the time of the last
    // record that was read.
    std::optional<RecordTime> oldest_unread_at;
    // When the store's ledger row was last written.
    WallTime observed_at;
    // The occurrences that the dedupe window remembers, and the time from the oldest to the newest of them.
    std::size_t dedupe_entries = 0;
    std::chrono::milliseconds dedupe_span{0};

    [[nodiscard]] std::int64_t lag() const { return log_end - next_offset; }
  };

  std::int32_t partition = 0;
  State state = State::opening;
  // Why it is refused, could not be opened, or waits for the dead letter topic. May be empty.
  std::string reason;
  // It cannot be opened until an operator has corrected what `reason` names.
  bool needs_operator = false;
  // The LogReader was asked to pause the partition.
  bool paused = false;
  // Only in the states catching_up and live.
  std::optional<Ledger> ledger;

  // Returns the age of the oldest record that is not in the store: 0 if there is none, nullopt if it is
  // unknown, because the partition is not live or has only records that were not read yet.
  [[nodiscard]] std::optional<std::chrono::milliseconds> oldest_unread_age(WallTime now) const;
};
// The name as a metric's label: "catching_up".
[[nodiscard]] std::string_view name_of(PartitionStatus::State state);
[[nodiscard]] PartitionStatus status_of(std::int32_t partition, const AssignedPartition& assigned);

// A copy of the state at one moment. Durations and ages are computed from it with the time of the reader.
struct Status {
  Phase phase = Phase::starting;
  // The last call of the store succeeded, or none was made.
  bool store_up = true;
  // The last error of the store, while store_up is false.
  std::string store_reason;
  // That error does not pass by itself (ErrorKind::invalid): an operator must act.
  bool store_needs_operator = false;
  // The duration of the last committed transaction.
  std::chrono::milliseconds store_latency{0};
  // The last poll of the log succeeded, or none was made.
  bool log_up = true;
  // The last error of the log, while log_up is false.
  std::string log_reason;
  // The whole process is paused: the backlog is too large, or the store is unavailable.
  bool paused = false;
  // The earliest oldest_unread_at of the live partitions.
  std::optional<RecordTime> oldest_unread_at;
  // When the last flush was committed.
  std::optional<Now> last_good_flush;
  // The sum of the read positions of all assigned partitions.
  std::int64_t read_offset_sum = 0;
  // Events that were read and are not known to be in the store.
  std::int64_t backlog_events = 0;
  // Dead letters whose copy is not acknowledged.
  std::int64_t dlq_pending = 0;
  // Which partition waits for the dead letter topic, and why; empty while no copy fails.
  std::string dlq_reason;
  // All assigned partitions, by number.
  std::vector<PartitionStatus> partitions;

  // Since the process began, of transactions that are known to be in the store.
  commit::Counts counts;
  // Committed transactions of each kind.
  std::int64_t flushes = 0;
  std::int64_t roll_ups = 0;
  // Windows, of any granularity, that got their first row.
  std::int64_t windows_opened = 0;
  // Dead letters by reason.
  std::map<std::string, std::int64_t> dead_letters;
  // The duration of the last try of each committed flush, and the events in it.
  Durations flush_durations;
  FlushSizes flush_sizes;
  // Rows of activity_windows that flushes and roll-ups have written, and the bytes of the sketches that
  // changed.
  std::int64_t rows_written = 0;
  std::int64_t sketch_bytes_written = 0;
  // Constant in number.
  std::vector<CappedCount> capped;

  // Since the process began.
  // Partitions in the events of rebalances.
  std::int64_t partitions_assigned = 0;
  std::int64_t partitions_revoked = 0;
  std::int64_t partitions_lost = 0;
  // How often a read position was no longer in the log.
  std::int64_t offsets_out_of_range = 0;
  // Tries of a store transaction that failed and were repeated.
  std::int64_t store_retries = 0;
  // How often the whole process has paused.
  std::int64_t pauses = 0;
  // Partitions whose ledger row another process had written.
  std::int64_t fence_failures = 0;
  // Commits whose outcome was unknown.
  std::int64_t commits_in_doubt = 0;
  // Transactions that took the store too long and were replaced by smaller ones.
  std::int64_t transactions_abandoned = 0;

  // Returns the age of oldest_unread_at, if that is set. Otherwise returns 0 if every assigned partition is
  // known to have no unread record, or nullopt while that is unknown. It is unknown if no partition was
  // assigned yet, or if one is being opened, catches up or is refused. It is also unknown if a partition has
  // only records that were not read yet.
  [[nodiscard]] std::optional<std::chrono::milliseconds> oldest_unread_age(WallTime now) const;

  // Adds what this transaction has committed. Returns the number of offsets that it counted.
  std::int64_t count(const commit::Transaction& transaction, CommitScheduler::Kind kind, Now now);
  // Fills the members that describe the assigned partitions. Returns whether one is catching up.
  bool add_partitions(const AssignedPartitions& assigned_partitions);
};

}  // namespace weir::consumer
