// What health and metrics tell of a consuming process.
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
#include "consumer/partition.hpp"

namespace weir::consumer {

enum class Phase : std::uint8_t {
  starting,     // no partition was assigned yet, or some of the first are still being opened
  opening,      // all were open once; now some are being opened, those that the group added or others anew
  catching_up,  // remembering what was counted before, for the dedupe
  live,
  draining,  // stop() was called
  stopped,
};
// As it stands in /health/ready: "catching up"
[[nodiscard]] std::string_view name_of(Phase phase);

// How long something took, as a histogram with fixed borders.
struct Durations {
  // A time belongs to the first border that it does not exceed, or to the last count of all.
  static constexpr std::array<std::chrono::milliseconds, 10> borders{
      std::chrono::milliseconds{5},   std::chrono::milliseconds{10},   std::chrono::milliseconds{25},
      std::chrono::milliseconds{50},  std::chrono::milliseconds{100},  std::chrono::milliseconds{250},
      std::chrono::milliseconds{500}, std::chrono::milliseconds{1000}, std::chrono::milliseconds{2500},
      std::chrono::milliseconds{5000}};
  std::array<std::int64_t, borders.size() + 1> counts{};  // each its own, not added up
  std::chrono::nanoseconds sum{0};

  void add(std::chrono::nanoseconds took);
};

// A partition that the log's group has given to this process.
struct PartitionStatus {
  enum class State : std::uint8_t { opening, catching_up, live, refused };
  // Of a partition that is opened.
  struct Ledger {
    std::int64_t next_offset = 0;                // the first offset that is not in the store
    std::int64_t log_end = 0;                    // as last seen
    std::optional<RecordTime> oldest_unread_at;  // of the records behind next_offset; a lower bound
    WallTime observed_at;                        // when this was last written to the ledger

    [[nodiscard]] std::int64_t lag() const { return log_end - next_offset; }
  };

  std::int32_t partition = 0;
  State state = State::opening;
  std::string
      reason;  // why it is refused, could not be opened yet, or waits for its letters' copies; may be empty
  bool needs_operator = false;  // it cannot be opened until a person has acted: `reason` says what is wrong
  bool paused = false;
  std::optional<Ledger> ledger;  // catching_up, live
};
// As a metric's label: "catching_up"
[[nodiscard]] std::string_view name_of(PartitionStatus::State state);

// A value; a copy of what was true a moment ago.
struct Status {
  Phase phase = Phase::starting;
  bool store_up = true;
  std::string store_reason;                    // of the last failure, while not up
  bool store_needs_operator = false;           // …for which trying again does not help (ErrorKind::invalid)
  std::chrono::milliseconds store_latency{0};  // of the last transaction that ended well
  bool log_up = true;
  std::string log_reason;
  bool paused = false;                         // too much waits, or the store is away
  std::optional<RecordTime> oldest_unread_at;  // of the records that are not in the store; a lower bound
  std::optional<Now> last_good_flush;          // its end
  std::int64_t read_offset_sum = 0;         // sum over the held partitions of the first offset not read yet
  std::int64_t backlog_events = 0;          // read, and not known to be in the store
  std::vector<PartitionStatus> partitions;  // by number
  std::int64_t dlq_pending = 0;  // dead letters that wait for their copy; their partitions are not written
  std::string dlq_reason;        // while copies fail: which partition waits, and why

  // Since the process began, of transactions that are known to be in the store.
  commit::Counts counts;
  std::int64_t flushes = 0;
  std::int64_t roll_ups = 0;
  std::int64_t windows_opened = 0;              // of any granularity: they had no row before
  std::map<std::string, std::int64_t> dead_letters;  // by their reason
  Durations flush_took;                         // the try that was committed

  // Since the process began.
  std::int64_t partitions_assigned = 0;
  std::int64_t partitions_revoked = 0;
  std::int64_t partitions_lost = 0;
  std::int64_t offsets_out_of_range = 0;  // the log had cut off what was to be read next
  std::int64_t store_retries = 0;         // tries that failed and are made again
  std::int64_t pauses = 0;  // times that reading was paused: too much waited, or the store was away
  std::int64_t fences_lost = 0;
  std::int64_t commits_in_doubt = 0;
  std::int64_t transactions_given_up = 0;  // they took the store too long; written in smaller ones instead

  // How long the oldest record that is not in the store has waited; a lower bound. 0 only if every partition
  // held is known to have nothing unread. Nothing while that is not known: none was assigned yet, or one is
  // being opened, catches up, is refused, or has records of which none was read yet.
  [[nodiscard]] std::optional<std::chrono::milliseconds> oldest_unread_age(WallTime now) const;

  // Counts what this transaction has written. Answers how far the partitions' offsets moved.
  std::int64_t count(const commit::Transaction& transaction, CommitScheduler::Kind kind, Now now);
};

}  // namespace weir::consumer
