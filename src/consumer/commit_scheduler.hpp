// What the writer should do next for the partitions that we hold: flush, roll up, prune, or only write down
// that the log was looked at. Each is one fenced transaction, and only one is under way at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "commit/transaction.hpp"
#include "consumer/pacing.hpp"
#include "consumer/partition.hpp"
#include "consumer/partition_opener.hpp"

namespace weir::consumer {

// A partition that was assigned to us.
struct Slot {
  enum class State : std::uint8_t {
    waiting,  // to be opened at open_at
    opening,  // the opening is under way: with us while the log is asked, with the writer while the store is
    held,     // there is a Partition object
    refused,  // ON_OFFSET_GONE: it is not read, `reason` says why
  };

  std::uint64_t generation =
      0;  // changes whenever the object is dropped: answers to an older one are not for us
  State state = State::waiting;
  MonoTime open_at;
  Retries retries;  // of the opening
  std::unique_ptr<PartitionOpener> opening;
  std::unique_ptr<Partition> partition;
  std::string reason;
  bool needs_operator = false;        // the last try to open it failed with ErrorKind::invalid
  bool paused = false;                // as the log reader was last told
  bool overfull = false;              // it is held up, and too much waits behind its letters
  bool in_transaction = false;        // its claim is under way, or waits to be tried again
  std::optional<MonoTime> revoke_by;  // the log wants it back: flush until then
  MonoTime observed_at;               // when the ledger's observation was last renewed
  std::array<MonoTime, 3> pruned_at;  // when each granularity was last looked at
};
using Slots = std::map<std::int32_t, Slot>;

// How long rows live behind their window's end; 0: for ever.
struct Retention {
  std::chrono::days minute{7};
  std::chrono::days hour{400};
  std::chrono::days day{0};
  std::chrono::days metrics{90};
};

struct CommitSchedulerSettings {
  PacingRules pacing;
  Retention retention;
  std::chrono::seconds roll_up_quiet{60};    // a minute's rows must have been left alone for so long…
  std::chrono::seconds roll_up_stagger{30};  // …and up to so much longer, by partition
  std::size_t roll_up_minutes_max = 120;     // in one transaction
  commit::RowBounds part{limits::pending_batch_rows_max,
                         limits::pending_batch_bytes_max};  // of one partition
  commit::RowBounds transaction{limits::transaction_rows_max,
                                limits::transaction_bytes_max};  // of all together
  commit::RowBounds step;
  std::chrono::milliseconds observe_every{4000};  // the contract says: at least every 5 s
};

class CommitScheduler {
 public:
  enum class Kind : std::uint8_t { flush, roll_up };
  struct Item {
    Kind kind = Kind::flush;
    std::unique_ptr<commit::Transaction> transaction;
  };

  // `topic`: the log's.
  CommitScheduler(const CommitSchedulerSettings& rules, std::string topic)
      : rules_(rules), topic_(std::move(topic)), pacing_(rules.pacing), size_(rules.transaction) {}

  // What is to be done now, if anything: its claims are taken from the slots (close_part), which are
  // in_transaction from here on. `settled` (settled_clock.hpp): what is written is marked with it, and what
  // is old is pruned by it. `at_once`: flush what waits, whatever the pace, and nothing else.
  [[nodiscard]] std::optional<Item> next(Slots& slots, Now now, WallTime settled, bool at_once);
  // The transaction of the last Item has ended for good.
  void ended(Kind kind, MonoTime now);
  // Its prune stopped at its bound.
  void prune_again(Slots& slots, MonoTime now);
  // It was given up, for a transaction of this size took the store too long: parts and transactions are
  // smaller now.
  void took_too_long(const commit::RowBounds& size, Slots& slots);
  // What a part of a partition that is opened now may hold.
  [[nodiscard]] commit::RowBounds part_bounds() const;
  // Notes since when what was gathered waits. Call it as soon as records were taken, also while a transaction
  // is under way: FLUSH_INTERVAL_SEC counts from the first event that waits.
  void gather(const Slots& slots, MonoTime now);
  // When next() may have something, provided that nothing happens until then.
  [[nodiscard]] MonoTime next_deadline(const Slots& slots, MonoTime now);

 private:
  [[nodiscard]] bool flush_is_due(const Slots& slots, MonoTime now);
  [[nodiscard]] std::optional<Item> make_flush(Slots& slots, Now now, WallTime settled);
  [[nodiscard]] std::optional<Item> make_roll_up(Slots& slots, Now now, WallTime settled);
  [[nodiscard]] bool observation_is_due(const Slot& slot, MonoTime now) const;
  [[nodiscard]] std::optional<commit::Prune> next_prune(Slots& slots,
                                                        const std::vector<commit::PartitionCommit>& claims,
                                                        MonoTime now, WallTime settled);

  CommitSchedulerSettings rules_;
  std::string topic_;
  Pacing pacing_;
  TransactionSize size_;
  std::int32_t flush_from_ = 0;                           // the partition whose turn it is first
  std::int32_t roll_up_from_ = 0;                         // likewise
  std::pair<std::int32_t, tally::Granularity> pruned_{};  // what the last prune was about
  Kind last_ = Kind::roll_up;
  std::optional<MonoTime> roll_up_looked_at_;
  std::optional<MonoTime> metrics_pruned_at_;
};

}  // namespace weir::consumer
