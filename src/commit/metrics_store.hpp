// The interface through which all aggregates are written. The modules sqlite and postgres implement it, and
// so does the fake that the simulation uses. metrics_store_contract.hpp tests all three in the same way.
//
// A store is one session for one topic and one consumer group. One thread makes all calls, and each call
// blocks. Every write is part of a fenced transaction:
//
//   begin(fences)
//     read_…(), lock_dead_letters(), write(a part of the changes)     any number of times
//     write(the other changes, with the ledger rows)
//   commit()                                                          or rollback() at any step
//
// Reads return what the same transaction has written before.
//
// Errors of all calls:
//   ErrorKind::unavailable  Try again. An open transaction is rolled back. Where is_timeout() is true, the
//                           same transaction will probably fail again: make it smaller.
//   ErrorKind::invalid      An operator must act: the ledger is another group's, or a table lacks a column.
//   ErrorKind::internal     The file or the disk is damaged, or a caller broke this contract. Stop.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "tally/ledger.hpp"
#include "tally/window.hpp"

namespace weir::commit {

// Codes of ErrorKind::unavailable where the transaction took too long. The first three come from the server;
// it also reports statement_timeout when an operator cancels the statement.
inline constexpr std::string_view code_statement_timeout = "statement_timeout";
inline constexpr std::string_view code_idle_in_transaction = "idle_in_transaction";
inline constexpr std::string_view code_transaction_timeout = "transaction_timeout";
// The client stopped waiting: the store did not respond at all.
inline constexpr std::string_view code_response_timeout = "response_timeout";
// Whether the error has one of these codes.
[[nodiscard]] bool is_timeout(const Error& error);

// The state of a partition's ledger row when the writer last saw it. begin() matches only a row in this
// state. The version alone is not enough: after a failover to an older replica, another writer may reach the
// same offset and version with different sums.
struct Fence {
  std::int32_t partition = 0;
  std::int64_t next_offset = 0;
  std::int64_t version = 0;
  std::int64_t tallied = 0;
  std::int64_t duplicate = 0;
  std::int64_t dead_lettered = 0;
  std::int64_t skipped = 0;

  friend bool operator==(const Fence&, const Fence&) = default;
};
[[nodiscard]] Fence fence_of(const tally::LedgerRow& ledger);

// A row of user_activity_metrics. A flush writes one, with exact numbers for its own events.
struct FlushRow {
  WallTime timestamp;
  std::int64_t unique_users = 0;
  std::int64_t page_view_count = 0;

  friend bool operator==(const FlushRow&, const FlushRow&) = default;
};

// A record that cannot be counted: a row of activity_dead_letters. `reason` is the stable snake_case code of
// the decoder's error, `detail` its text.
struct DeadLetter {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string reason;
  std::string detail;
  std::optional<std::string> key;
  std::optional<std::string> value;
  WallTime at;

  friend bool operator==(const DeadLetter&, const DeadLetter&) = default;
};

// Identifies a dead letter. `topic` is the name of this log, or of an archived one: `<topic>~<UTC time>`.
struct DeadLetterId {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;

  friend auto operator<=>(const DeadLetterId&, const DeadLetterId&) = default;
};
// "topic/partition/offset", as in the header weir.replay. The parser returns nothing for any other text.
[[nodiscard]] std::string to_text(const DeadLetterId& source);
[[nodiscard]] std::optional<DeadLetterId> parse_dead_letter_id(std::string_view text);

// unknown: there is no such dead letter. waiting: no replay of it is counted yet. replayed: one is counted.
enum class DeadLetterState : std::uint8_t { unknown, waiting, replayed };

// Where a partition of a topic without a ledger starts (KAFKA_START=latest). The offsets in [start_offset,
// next_offset) count as skipped, and dedupe never reads them. `last_record_hash` belongs to the record at
// next_offset - 1, if that offset yields a record.
struct PartitionStart {
  std::int32_t partition = 0;
  std::int64_t start_offset = 0;
  std::int64_t next_offset = 0;
  std::optional<std::int64_t> last_record_hash;
};

// Moves a ledger row and its dead letters to another topic name (ON_OFFSET_GONE=earliest). The log of that
// ledger was deleted, and another log has its name now. A new ledger row starts at `start_offset`.
struct LedgerArchival {
  // The row when the decision was made. Its sums are not compared: the row moves without a change.
  Fence seen;
  // "<topic>~<UTC time>".
  std::string as_topic;
  std::int64_t start_offset = 0;
  WallTime now;
};

// A minute of a partition with counts that its hour and day rows lack: a row of activity_unrolled.
struct PendingRollup {
  std::int32_t partition = 0;
  WindowStart start;

  friend auto operator<=>(const PendingRollup&, const PendingRollup&) = default;
};

// Windows of this granularity that begin before `pruned_to` are no longer complete.
struct HorizonRaise {
  tally::Granularity granularity = tally::Granularity::minute;
  WallTime pruned_to;
};

// Deletes old windows of a held partition. A window is deleted if all of this is true: it ended at or before
// `before`; none of its rows was written after `before` (Changes::written_at); no rollup of it is pending
// when this transaction ends. Deletes whole windows, oldest first, at least one, until their rows reach
// `rows_max`. The rows of a window are counted by the `stored` column of its `total` row. pruned_to rises to
// the end of the last window. Cost: one look at each `total` row that ended by then. Ask once a minute for
// minutes, once an hour for others.
struct Prune {
  std::int32_t partition = 0;
  tally::Granularity granularity = tally::Granularity::minute;
  // Now less the retention of the granularity.
  WallTime before;
  std::int64_t rows_max = limits::prune_rows_max;
  // A write time after `now` comes from a clock that was ahead. It is ignored: only the window's end counts.
  WallTime now{std::chrono::milliseconds{253'402'300'799'000}};  // 9999-12-31T23:59:59Z
};

// The bounds of one read: the number of rows, and the bytes of their values and sketches together.
struct RowBounds {
  std::size_t rows = limits::step_rows_max;
  std::size_t bytes = limits::step_bytes_max;
};

// Minute rows with counts that their hour and day rows lack. `rows` is complete for the first `minutes_read`
// of the minutes that were asked for.
struct PendingRows {
  std::vector<tally::WindowRow> rows;
  std::size_t minutes_read = 0;
};

// `more_to_prune`: a Prune of these changes stopped at its bound.
struct Written {
  bool more_to_prune = false;
};

// The changes of a transaction, or of one step of it. All numbers are absolute, never differences.
struct Changes {
  // The current time: the last write of `windows`, and created_at of `flush`.
  WallTime written_at;
  // Inserted, or the row of the same key is replaced.
  std::vector<tally::WindowRow> windows;
  // Minutes whose rollup is pending from now on, and minutes whose rollup is complete.
  std::vector<PendingRollup> pending_rollups;
  std::vector<PendingRollup> rolled_up;
  // A horizon rises or stays; it never falls.
  std::vector<HorizonRaise> horizons;
  std::vector<DeadLetter> dead_letters;
  // Dead letters that lock_dead_letters() has locked or that `dead_letters` inserts, each once. Their
  // replayed_at becomes written_at.
  std::vector<DeadLetterId> replayed;
  // A replay of the dead letter failed again: its attempts rise by `times`.
  struct FailedReplay {
    DeadLetterId source;
    std::int64_t times = 1;
  };
  std::vector<FailedReplay> failed_replays;
  std::optional<FlushRow> flush;
  // The new ledger rows. start_offset is ignored; `version` must be the one that begin() has set.
  std::vector<tally::LedgerRow> ledgers;
  // Executed after all of the above.
  std::vector<Prune> prunes;
  // Deletes rows of user_activity_metrics with an older timestamp, oldest first, at most 1,000 a transaction.
  // The rows belong to no partition, so any transaction may ask for it.
  std::optional<WallTime> prune_flushes_before;
};

// aborted: the changes are not written. unknown: the response was lost, and only the ledger row can show
// whether they are. `why` is set unless `status` is committed.
enum class CommitStatus : std::uint8_t { committed, aborted, unknown };
struct CommitOutcome {
  CommitStatus status = CommitStatus::unknown;
  Error why;
};

class MetricsStore {
 public:
  MetricsStore() = default;
  MetricsStore(const MetricsStore&) = delete;
  MetricsStore& operator=(const MetricsStore&) = delete;
  virtual ~MetricsStore() = default;

  // The following calls must be made outside a transaction.

  // Returns the ledger row of the partition. Inserts one with `start_offset` if there is none. Fails with
  // ErrorKind::invalid, another_group, if the ledger belongs to another KAFKA_GROUP_ID.
  virtual Result<tally::LedgerRow> open_ledger(std::int32_t partition, std::int64_t start_offset,
                                               WallTime now) = 0;
  // Inserts a ledger row for each of `starts`, atomically, if the topic has no ledger row at all. Otherwise
  // does nothing. Returns whether it inserted them (KAFKA_START=latest).
  virtual Result<bool> begin_topic(std::span<const PartitionStart> starts, WallTime now) = 0;
  // Archives the ledger row and its dead letters in a transaction of its own, and inserts a new row. The
  // version of the new row continues from the old one, so no fence of the old row matches it. Windows and
  // pending rollups do not change. Returns the new row, or nothing if the old row was no longer as `seen`.
  // After an error the change may or may not be committed: open the partition again. Fails with
  // ErrorKind::unavailable, ledger_archived, if the other name has a row of this partition: two archivals in
  // one second. Try later.
  virtual Result<std::optional<tally::LedgerRow>> archive_ledger(const LedgerArchival& archival) = 0;
  // Returns the offsets in [from, to) that have a row in activity_dead_letters, ascending.
  virtual Result<std::vector<std::int64_t>> find_dead_letters(std::int32_t partition, std::int64_t from,
                                                              std::int64_t to) = 0;
  // Returns the dead letters with a failed replay and without a counted one (attempts above 1, replayed_at
  // not set), of all topics and partitions, ascending.
  virtual Result<std::vector<DeadLetterId>> find_failed_replays() = 0;
  // Returns the minutes whose rollup is pending, ascending.
  virtual Result<std::vector<WindowStart>> find_pending_rollups(std::int32_t partition) = 0;

  // Adds the rows of activity_dimensions that are missing, in a transaction of its own. Returns the wanted
  // dimensions with their numbers. Call it before anything is counted. Errors: those of plan_registration().
  virtual Result<std::vector<tally::CountedDimension>> register_dimensions(
      std::span<const tally::OwnDimension> wanted, WallTime now) = 0;

  // Begins a transaction. Its first statement locks the ledger rows that match their fences and adds 1 to
  // their version. Returns the partitions of these rows. Another process has written the other rows since.
  virtual Result<std::vector<std::int32_t>> begin(std::span<const Fence> fences) = 0;

  // The following calls must be made inside a transaction.

  // Returns the rows that exist for these keys, in any order. Returns nothing if their values and sketches
  // exceed `bytes_max`: ask for fewer keys. Each key must occur once.
  using WindowRows = std::optional<std::vector<tally::WindowRow>>;
  virtual Result<WindowRows> read_windows(std::span<const tally::WindowKey> keys, std::size_t bytes_max) = 0;
  // Returns the pending rows of these minutes (ascending) by minute, dimension and arrival, as many as
  // `bounds` allow. Returns at least one row, or one minute that has none.
  virtual Result<PendingRows> read_pending_rows(std::int32_t partition, std::span<const WindowStart> minutes,
                                                const RowBounds& bounds) = 0;
  // Locks these dead letters until the transaction ends. Locks in the order of DeadLetterId, so two sessions
  // cannot deadlock. Returns the state of each, in the order of the argument. The dead letters may belong to
  // partitions that are not fenced here.
  virtual Result<std::vector<DeadLetterState>> lock_dead_letters(
      std::span<const DeadLetterId> dead_letters) = 0;
  // Fails with ErrorKind::internal if a ledger row does not add up, or has a version that begin() did not
  // set; if a dead letter exists already; if one of `replayed` is not waiting; or if one of `failed_replays`
  // does not exist.
  virtual Result<Written> write(const Changes& changes) = 0;
  virtual CommitOutcome commit() = 0;

  // Does nothing outside a transaction.
  virtual void rollback() = 0;
};

}  // namespace weir::commit
