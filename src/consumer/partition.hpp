// One assigned partition: everything that the process remembers of it, in one object.
//
// The object is created from an OpenedPartition. It is destroyed as a whole on revoke, loss, a failed fence,
// a commit with unknown outcome, and before any seek. Nothing outlives it, so a process that loses a
// partition and gets it back cannot overwrite the results of the owner in between.
//
// Each record is tallied, a duplicate, or a dead letter. This verdict depends on the records alone, never on
// a clock, so a second reading of the same records gives the same verdicts. The time of reading decides how
// old a record is. It also decides in which windows an event is counted: in its minute, or in its hour and
// day alone.
//
//   records ─▶ process() ─▶ open batch ─▶ sealed batches ─▶ take_batch(): in a transaction ─▶ on_committed()
//                           gathers       wait for the copies                                 in the store
//                                         of their dead letters
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "activity/decoder.hpp"
#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "commit/metrics_store.hpp"
#include "commit/pending_batch.hpp"
#include "commit/replay.hpp"
#include "consumer/dead_letter_topic.hpp"
#include "consumer/dead_letters.hpp"
#include "consumer/log_reader.hpp"
#include "consumer/partition_opener.hpp"
#include "schema/schema_set.hpp"
#include "tally/dedupe.hpp"
#include "tally/ledger.hpp"
#include "tally/tally.hpp"

namespace weir::consumer {

struct PartitionSettings {
  // The topic of the log.
  std::string topic;
  // Whether dead letters are copied to a DeadLetterTopic. If so, a batch is written only when each of its
  // dead letters has its copy.
  bool dlq_enabled = false;
  // The dedupe window of this partition alone.
  DedupeBounds dedupe;
  // An event that is older than this at its record's time is counted by hour and day only. 0: no limit.
  std::chrono::days minute_retention{7};
  // Counted besides the built-in ones.
  std::vector<tally::CountedDimension> dimensions;
  // A larger event is a dead letter.
  std::size_t event_bytes_max = limits::event_bytes_default;
  // A record that does not match the schema of its type is a dead letter. null: no schemas.
  const schema::Schemas* schemas = nullptr;
  // Whether the trace contexts of records are kept for the spans of the flush.
  bool trace_records = false;
  // A batch of this size is sealed, and the next one begins.
  commit::RowBounds batch{limits::pending_batch_rows_max, limits::pending_batch_bytes_max};
};

// When records are read. The defaults mean that no record has a time in the future.
struct ReadTime {
  WallTime wall = WallTime::max();
  // The settled time (base/settled_clock.hpp).
  WallTime settled = WallTime::max();
};

// One thread at a time.
class Partition {
 public:
  Partition(OpenedPartition opened, const PartitionSettings& settings, MonoTime now);
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  // Processes records in the order of the log, from OpenedPartition::read_from on. Records before the
  // ledger's next_offset only rebuild the dedupe window; later ones are added to the open batch. Records
  // before position() are ignored. Costs about 0.7 µs a record.
  void process(const Records& records, activity::Decoder& decoder, ReadTime at = {});

  // The offset of the next record to process.
  [[nodiscard]] std::int64_t position() const { return position_; }
  // The end offset of the log, as last seen.
  [[nodiscard]] std::int64_t log_end() const { return std::max(log_end_, ledger_.next_offset); }
  // The dedupe window is being rebuilt from records that are already counted.
  [[nodiscard]] bool is_catching_up() const { return position_ < live_from_; }
  [[nodiscard]] const commit::PendingBatch& open_batch() const { return open_; }
  // Everything that was read and is not known to be in the store: all batches, also the one in a transaction.
  [[nodiscard]] commit::Backlog backlog() const;
  // There is something that no transaction contains.
  [[nodiscard]] bool has_unwritten() const { return !sealed_.empty() || !open_.empty(); }

  // Batches. The open batch gathers. It is sealed when a flush is due, or when it has reached its maximum
  // size. Dead letters that arrive later go into the next batch, so they cannot delay a sealed one. Batches
  // are written in the order of their offsets, one in each transaction.

  // Seals the open batch, unless it is empty or another batch is sealed already.
  void seal_open_batch();
  // A batch is sealed, and each dead letter of the first one has its copy.
  [[nodiscard]] bool has_writable_batch() const;
  // A batch is sealed, and the first one waits for the copies of its dead letters.
  [[nodiscard]] bool waits_for_dlq() const { return !sealed_.empty() && !has_writable_batch(); }
  // The first sealed batch is writable and has the maximum size.
  [[nodiscard]] bool has_full_batch() const { return has_writable_batch() && is_full(sealed_.front()); }
  // Changes the maximum size of the open batch and of later ones.
  void set_batch_bounds(const commit::RowBounds& bounds) { settings_.batch = bounds; }
  // Returns the first sealed batch; nullptr if there is none.
  [[nodiscard]] const commit::PendingBatch* first_sealed_batch() const {
    return sealed_.empty() ? nullptr : &sealed_.front();
  }
  // Moves the next batch out, for one transaction: the first sealed one, or else the open one. Returns an
  // empty batch while waits_for_dlq(). The next call must follow on_committed().
  [[nodiscard]] commit::PendingBatch take_batch();

  // Returns the copies of dead letters to send now. The caller sets the tickets' generation.
  [[nodiscard]] std::vector<DeadLetterTopic::Copy> take_dlq_copies(Now now);
  void on_dlq_result(std::int64_t offset, const std::optional<Error>& failure, MonoTime now) {
    pending_dlq_writes_.on_result(offset, failure, now);
  }
  [[nodiscard]] const PendingDlqWrites& pending_dlq_writes() const { return pending_dlq_writes_; }
  // For metrics.
  [[nodiscard]] const tally::Dedupe& dedupe() const { return dedupe_; }

  // The ledger row in the store: the fence of the next transaction.
  [[nodiscard]] const tally::LedgerRow& ledger() const { return ledger_; }
  // A transaction of this object was committed with this ledger row.
  void on_committed(const tally::LedgerRow& ledger);

  // Returns what the ledger row records about the log after `next_offset`. If the oldest unread record was
  // not read yet, its time is that of the last record that was read: a lower bound.
  [[nodiscard]] tally::Observation observation_at(std::int64_t next_offset, WallTime now) const;
  // Returns the time of the first record that is not in the store; nullopt if none is known.
  [[nodiscard]] std::optional<RecordTime> oldest_unread_at() const;

  // The wall clock was stepped by `by`. Times of unread records shift with it, so their ages stay.
  void on_clock_step(std::chrono::milliseconds by);

  // Minutes with counts that their hour and day rows lack (PendingRollup).
  void on_minutes_written(std::span<const WindowStart> minutes, MonoTime now);
  void on_minutes_rolled_up(std::span<const WindowStart> minutes);
  // Returns at most `minutes_max` minutes whose last write was at or before `quiet_since`.
  [[nodiscard]] std::vector<WindowStart> quiet_minutes(MonoTime quiet_since, std::size_t minutes_max) const;

 private:
  // How one record is processed; partition.cpp describes the order.
  void rebuild_dedupe(const RecordView& record, activity::Decoder& decoder);
  [[nodiscard]] bool is_failed_replay(const RecordView& record) const;
  void count(const RecordView& record, activity::Decoder& decoder, ReadTime at);
  [[nodiscard]] Result<activity::UserActivity> validate(const RecordView& record,
                                                        activity::Decoder& decoder) const;
  void note_trace(const RecordView& record, ReadTime at);
  void count_activity(const RecordView& record, const activity::UserActivity& activity, ReadTime at);
  [[nodiscard]] tally::CountedEvent counted(const activity::UserActivity& activity);
  void count_replay(const RecordView& record, commit::DeadLetterId source,
                    Result<activity::UserActivity> activity, ReadTime at);
  [[nodiscard]] bool is_duplicate(const activity::UserActivity& activity);
  [[nodiscard]] commit::DeadLetter reject(const RecordView& record, Error why);
  [[nodiscard]] std::optional<RecordTime> first_unwritten_at() const;
  void skip_to(std::int64_t offset);
  [[nodiscard]] bool is_full(const commit::PendingBatch& batch) const {
    return batch.rows() >= settings_.batch.rows || batch.bytes() >= settings_.batch.bytes;
  }
  void move_open_batch_to_sealed();

  PartitionSettings settings_;
  tally::EventValueReader values_;
  tally::LedgerRow ledger_;
  // The ledger's next_offset when this object was created.
  std::int64_t live_from_ = 0;
  tally::Dedupe dedupe_;
  // Offsets before live_from_, ascending.
  std::vector<std::int64_t> known_dead_letters_;
  // Dead letters of which no replay before live_from_ was counted, ascending.
  std::vector<commit::DeadLetterId> failed_replays_;
  // How many of known_dead_letters_ are before position_.
  std::size_t dead_letters_passed_ = 0;
  std::int64_t position_ = 0;
  std::int64_t log_end_ = 0;
  std::optional<RecordTime> last_read_at_;
  commit::PendingBatch open_;
  // By ascending offset.
  std::deque<commit::PendingBatch> sealed_;
  PendingDlqWrites pending_dlq_writes_;
  // The batch that take_batch() returned, until on_committed().
  bool in_transaction_ = false;
  commit::Backlog in_transaction_backlog_;
  std::optional<RecordTime> in_transaction_first_at_;
  // The time of the last write of each minute.
  std::map<WindowStart, MonoTime> pending_rollups_;
};

}  // namespace weir::consumer
