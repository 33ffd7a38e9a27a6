// A partition while it is ours: everything that is remembered of it, in one object.
//
// Born from an OpenedPartition at assignment, dropped whole on revoke, loss, failed fence, unknown commit and
// any seek. Nothing of it outlives it, so a process that loses and regains a partition cannot write what it
// knew over its successor's numbers. No clock: verdicts (tallied, duplicate, dead letter) are reckoned by
// record time alone, so that a second reading judges alike. When a record was read decides only where its
// counts are kept (minute, or hour and day alone) and how old it is.
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
#include "consumer/log_reader.hpp"
#include "consumer/partition_opener.hpp"
#include "consumer/pending_dlq_writes.hpp"
#include "tally/dedupe.hpp"
#include "tally/ledger.hpp"
#include "tally/tally.hpp"

namespace weir::consumer {

struct PartitionRules {
  std::string topic;          // the log's
  bool copy_letters = false;  // a part is written only when each of its letters has its copy
  DedupeBounds dedupe;
  std::chrono::days minute_retention{7};            // 0: for ever
  std::vector<tally::CountedDimension> dimensions;  // own ones, besides the built-in ones
  std::size_t event_bytes_max = limits::event_bytes_default;
  commit::RowBounds part{limits::part_rows_max, limits::part_bytes_max};  // then the next part begins
};

// When records are read. Defaults: no clock says that a record is from the future.
struct ReadAt {
  WallTime wall = WallTime::max();
  WallTime settled = WallTime::max();  // settled_clock.hpp
};

// One thread's: the consumer's.
class Partition {
 public:
  Partition(OpenedPartition opened, const PartitionRules& rules, MonoTime now);
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  // Records in the order of the log, from OpenedPartition::read_from on. Those before the ledger's
  // next_offset are only remembered for the dedupe; the others go into the open part. About 0.7 µs a record.
  void take(const Records& records, activity::Decoder& decoder, ReadAt at = {});

  // The first offset that was not taken yet.
  [[nodiscard]] std::int64_t position() const { return position_; }
  // As last seen.
  [[nodiscard]] std::int64_t log_end() const { return std::max(log_end_, ledger_.next_offset); }
  // Still remembering what was counted before this object was born.
  [[nodiscard]] bool catching_up() const { return position_ < live_from_; }
  [[nodiscard]] const commit::PendingBatch& open_part() const { return open_; }
  // What was read and is not known to be in the store: of the open part, the sealed and the closed one.
  [[nodiscard]] commit::Backlog waiting() const;
  // Something was gathered that no transaction has.
  [[nodiscard]] bool has_unwritten() const { return !sealed_.empty() || !open_.empty(); }

  // A part's way: open while it gathers; sealed once it is to be written, so that no further letter can hold
  // it up, or once it is as large as a part may be, and the next one gathers; closed when a transaction has
  // it. Parts are written in their order.
  void seal();
  // There is a sealed part, and each letter of the first one has its copy…
  [[nodiscard]] bool writable() const;
  // …or does not.
  [[nodiscard]] bool held_up() const { return !sealed_.empty() && !writable(); }
  // A part is as large as a part may be, and can be written.
  [[nodiscard]] bool has_full_part() const { return writable() && is_full(sealed_.front()); }
  // From here on; what is sealed stays as it is.
  void bound_parts(const commit::RowBounds& bounds) { rules_.part = bounds; }
  // The part that close_part() would answer after seal(); nothing if there is none.
  [[nodiscard]] const commit::PendingBatch* first_part() const {
    return sealed_.empty() ? nullptr : &sealed_.front();
  }
  // Moves the first sealed part out, for one transaction, or else what was gathered; an empty part if it is
  // held up. Only one at a time: until advance_to() says that it is in the store, or the object is dropped.
  [[nodiscard]] commit::PendingBatch close_part();

  // Letters whose copies are to be sent now; the ticket's generation is the caller's to fill in.
  [[nodiscard]] std::vector<DeadLetterTopic::Copy> copies_to_send(Now now);
  void on_dlq_result(std::int64_t offset, const std::optional<Error>& failure, MonoTime now) {
    uncopied_.ended(offset, failure, now);
  }
  [[nodiscard]] const PendingDlqWrites& uncopied() const { return uncopied_; }

  // The account as it stands in the store, the fence of the next transaction.
  [[nodiscard]] const tally::LedgerRow& ledger() const { return ledger_; }
  // A transaction of ours was committed, and this is the account now.
  void advance_to(const tally::LedgerRow& ledger);

  // What to write down of the log behind `next_offset`. The oldest unread record is known if it was read
  // already; of one that was not, at least that it is no older than the last one read.
  [[nodiscard]] tally::Observation observe(std::int64_t next_offset, WallTime now) const;
  // The first record that is not in the store, if there is one that we know of.
  [[nodiscard]] std::optional<RecordTime> oldest_unread() const;

  // The wall clock was stepped by so much: what is unread stays as old as it was.
  void clock_stepped(std::chrono::milliseconds by);

  // Minutes that have counts which their hour and day lack, and when each was last written.
  void touched(std::span<const WindowStart> minutes, MonoTime now);
  void rolled_up(std::span<const WindowStart> minutes);
  // Minutes that were last written at or before `quiet_since`; at most `minutes_max`.
  [[nodiscard]] std::vector<WindowStart> quiet_minutes(MonoTime quiet_since, std::size_t minutes_max) const;

 private:
  void remember(const RecordView& record, activity::Decoder& decoder);
  void count(const RecordView& record, activity::Decoder& decoder, ReadAt at);
  [[nodiscard]] Result<activity::UserActivity> judge(const RecordView& record,
                                                     activity::Decoder& decoder) const;
  void tally(const RecordView& record, const activity::UserActivity& activity, ReadAt at);
  [[nodiscard]] tally::CountedEvent counted(const activity::UserActivity& activity);
  void take_replay(const RecordView& record, commit::DeadLetterId source,
                   Result<activity::UserActivity> activity, ReadAt at);
  [[nodiscard]] bool is_repeated(const activity::UserActivity& activity);
  [[nodiscard]] commit::DeadLetter letter_of(const RecordView& record, Error why);
  void add_copy(const commit::PendingBatch& part, std::int64_t offset,
                std::vector<DeadLetterTopic::Copy>& copies) const;
  [[nodiscard]] std::optional<RecordTime> first_unwritten() const;
  void skip_to(std::int64_t offset);
  [[nodiscard]] bool is_full(const commit::PendingBatch& part) const {
    return part.rows() >= rules_.part.rows || part.bytes() >= rules_.part.bytes;
  }
  void seal_open_part();

  PartitionRules rules_;
  tally::EventValueReader values_;
  tally::LedgerRow ledger_;
  std::int64_t live_from_ = 0;  // the ledger's next_offset when this object was born
  tally::Dedupe dedupe_;
  std::vector<std::int64_t> known_letters_;  // of the rebuild, ascending
  std::size_t letters_passed_ = 0;
  std::int64_t position_ = 0;  // the first offset that was not taken yet
  std::int64_t log_end_ = 0;
  std::optional<RecordTime> last_read_at_;
  commit::PendingBatch open_;
  std::deque<commit::PendingBatch> sealed_;  // the oldest first
  PendingDlqWrites uncopied_;
  bool closed_ = false;  // a part is on its way into the store
  commit::Backlog closed_load_;
  std::optional<RecordTime> closed_first_at_;
  std::map<WindowStart, MonoTime> unrolled_;
};

}  // namespace weir::consumer
