// The port through which the numbers are written. Filled by sqlite and postgres; metrics_store_contract.hpp
// holds every filler to it, and so does the fake that the simulation runs on.
//
// A store is one session for one topic and one group. All calls come from one thread, the writer's, and
// block. Every write is one fenced transaction:
//
//   begin(fences) → read_…(), lock_dead_letters(), write(some of the changes), as often as wanted
//                 → write(the rest, with the ledgers) → commit()                                  or rollback() at any step
//
// Reads see what was written before in the transaction.
//
// Errors: ErrorKind::unavailable, try again (the transaction, if one was open, is gone); ErrorKind::invalid,
// a person must act (another group's ledger, a table without a column); ErrorKind::internal, the file or the
// disk is not to be trusted any more. Where is_timeout(), the same transaction is likely to fail again: try a
// smaller one.
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

// Codes of errors with ErrorKind::unavailable: the store ended the transaction because it, one of its
// statements, or the pause between two of them took too long.
inline constexpr std::string_view code_statement_timeout = "statement_timeout";  // or a person cancelled it
inline constexpr std::string_view code_idle_in_transaction = "idle_in_transaction";
inline constexpr std::string_view code_transaction_timeout = "transaction_timeout";
inline constexpr std::string_view code_answer_timeout =
    "answer_timeout";  // ours: the store did not answer at all
[[nodiscard]] bool is_timeout(const Error& error);

// What a writer last saw of a partition's ledger row. Offset and version alone tell all states of one history
// apart; but after a failover to an older state another account may come to the same two another way, with
// other sums.
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

// A row of user_activity_metrics: one a flush, its time and its exact numbers.
struct FlushRow {
  WallTime timestamp;
  std::int64_t unique_users = 0;
  std::int64_t page_view_count = 0;

  friend bool operator==(const FlushRow&, const FlushRow&) = default;
};

struct DeadLetter {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string reason;  // stable, snake_case: the error's code
  std::string detail;  // in words
  std::optional<std::string> key;
  std::optional<std::string> value;
  WallTime at;

  friend bool operator==(const DeadLetter&, const DeadLetter&) = default;
};

// A dead letter by its place, as the header weir.replay of its replay names it: "topic/partition/offset".
struct DeadLetterId {
  std::string topic;  // this log's own, or an older log's `<topic>~<UTC time>`
  std::int32_t partition = 0;
  std::int64_t offset = 0;

  friend auto operator<=>(const DeadLetterId&, const DeadLetterId&) = default;
};
// As headers have it; and back: nothing if it is not one.
[[nodiscard]] std::string to_text(const DeadLetterId& source);
[[nodiscard]] std::optional<DeadLetterId> parse_dead_letter_id(std::string_view place);

enum class DeadLetterState : std::uint8_t {
  unknown,   // no such letter
  waiting,   // there, and no replay of it was counted yet
  replayed,  // a replay of it was counted
};

// Where a partition of a topic without a ledger begins (KAFKA_START=latest). The offsets in [start_offset,
// next_offset) are left out: they count as skipped, and the dedupe never reads them.
struct PartitionStart {
  std::int32_t partition = 0;
  std::int64_t start_offset = 0;
  std::int64_t next_offset = 0;
  std::optional<std::int64_t> last_record_hash;  // of the record at next_offset − 1, if it yields one
};

// A ledger row whose log is gone, while another log stands under its name (ON_OFFSET_GONE=earliest).
struct LedgerArchival {
  Fence seen;            // the row as it was judged; its sums do not matter, for it is put away as it stands
  std::string as_topic;  // "<topic>~<UTC time>": what it and its letters are called from now on
  std::int64_t start_offset = 0;  // where the new log's account begins
  WallTime now;
};

// A minute of a partition that has counts which the hour and day rows lack.
struct PendingRollup {
  std::int32_t partition = 0;
  WindowStart start;

  friend auto operator<=>(const PendingRollup&, const PendingRollup&) = default;
};

// From here on downward (below pruned_to) a granularity is not complete any more.
struct HorizonRaise {
  tally::Granularity granularity = tally::Granularity::minute;
  WallTime pruned_to;
};

// Takes the windows of a held partition that have lived long enough: those that ended at or before `before`,
// none of whose rows was written since (Changes::written_at), and which, if they are minutes, have no
// remainder (are not unrolled when this transaction ends). Whole windows only, oldest first, until they have
// `rows_max` rows; at least one. A window's rows are counted by what its `total` row says is stored. The
// granularity's pruned_to is raised to the end of the last one taken. A window is known by its `total` row,
// and each of them that ended by then is looked at: ask once a minute for minutes, once an hour for hours and
// days.
struct Prune {
  std::int32_t partition = 0;
  tally::Granularity granularity = tally::Granularity::minute;
  WallTime before;  // now less the granularity's retention
  std::int64_t rows_max = limits::prune_rows_max;
  // A last write after this is of a clock that was ahead: only the window's end counts then.
  WallTime now{std::chrono::milliseconds{253'402'300'799'000}};  // 9999-12-31T23:59:59Z
};

// How many rows a read may answer, and how many bytes their values and sketches may have together.
struct RowBounds {
  std::size_t rows = limits::step_rows_max;
  std::size_t bytes = limits::step_bytes_max;
};

// Of rows with a remainder: how much of the minutes asked for was answered.
struct UnrolledRows {
  std::vector<tally::WindowRow> rows;
  std::size_t minutes_read = 0;  // of these first minutes, `rows` has every row that has a remainder
};

struct Written {
  bool more_to_prune = false;  // a prune of these changes stopped at its bound
};

// What one transaction writes, or one step of it, in absolute values.
struct Changes {
  WallTime written_at;  // now: the last write of `windows`, for Prune; created_at of `flush`
  std::vector<tally::WindowRow> windows;  // inserted, or the row of the same key replaced
  std::vector<PendingRollup> unrolled;    // set for these minutes…
  std::vector<PendingRollup> rolled;      // …and taken away for these
  std::vector<HorizonRaise> horizons;     // raised if lower, never lowered
  std::vector<DeadLetter> letters;
  // Of lock_dead_letters() or, once they stand there, of `letters`; each named once:
  std::vector<DeadLetterId> replayed;  // replayed_at becomes written_at
  struct FailedReplay {
    DeadLetterId source;
    std::int64_t times = 1;
  };
  std::vector<FailedReplay> failed_replays;  // still bad: attempts + times
  std::optional<FlushRow> flush;
  // The partitions' new account: everything but start_offset. `version` is the one that begin() made.
  std::vector<tally::LedgerRow> ledgers;
  std::vector<Prune> prunes;  // after all of the above
  // Rows of user_activity_metrics with a timestamp before this go, oldest first, at most 1,000 a transaction.
  // They belong to nobody, so any transaction may ask for it.
  std::optional<WallTime> prune_flushes_before;
};

enum class CommitEnd : std::uint8_t {
  committed,
  aborted,  // surely not written
  unknown,  // the answer was lost: only the ledger row can tell
};
struct CommitAnswer {
  CommitEnd end = CommitEnd::unknown;
  Error why;  // unless committed
};

class MetricsStore {
 public:
  MetricsStore() = default;
  MetricsStore(const MetricsStore&) = delete;
  MetricsStore& operator=(const MetricsStore&) = delete;
  virtual ~MetricsStore() = default;

  // Outside a transaction. The ledger row of a partition, made with start_offset if there is none (INSERT …
  // ON CONFLICT DO NOTHING, then read). ErrorKind::invalid, code another_group: the row is another
  // KAFKA_GROUP_ID's.
  virtual Result<tally::LedgerRow> open_ledger(std::int32_t partition, std::int64_t start_offset,
                                               WallTime now) = 0;
  // Outside a transaction. If the topic has no ledger row at all, makes one for each of these, all at once;
  // else does nothing (KAFKA_START=latest). Returns whether it made the rows.
  virtual Result<bool> begin_topic(std::span<const PartitionStart> starts, WallTime now) = 0;
  // Outside a transaction, in one of its own: the row and its letters take the other topic name, and a new
  // row begins, whose version goes on from the old one's (no fence of the old account holds in the new one);
  // windows and unrolled minutes stay as they are. Answers the new row; nothing if the row was not as `seen`
  // any more. After an error it may or may not have been done: open the partition anew.
  // ErrorKind::unavailable, code account_retired: the other name has a row of this partition already, from a
  // retirement within the same second; later it is another name.
  virtual Result<std::optional<tally::LedgerRow>> archive_ledger(const LedgerArchival& retirement) = 0;
  // Outside a transaction. Offsets in [from, to) that stand in activity_dead_letters, ascending.
  virtual Result<std::vector<std::int64_t>> letter_offsets(std::int32_t partition, std::int64_t from,
                                                           std::int64_t to) = 0;
  // Outside a transaction. Minutes that are not wholly rolled up, ascending.
  virtual Result<std::vector<WindowStart>> unrolled_minutes(std::int32_t partition) = 0;

  // Outside a transaction, once before anything is counted. Makes the rows of activity_dimensions that are
  // missing, and returns the wanted dimensions with their numbers. Errors: see plan_registration().
  virtual Result<std::vector<tally::CountedDimension>> register_dimensions(
      std::span<const tally::OwnDimension> wanted, WallTime now) = 0;

  // Opens a transaction; its first statement moves `version` on by one in every row that is as its fence
  // expects in each of its members, and locks those rows. Answers their partitions; the others were written
  // by somebody else since.
  virtual Result<std::vector<std::int32_t>> begin(std::span<const Fence> fences) = 0;
  // The rows that there are of these keys, in any order; nothing if their values and sketches have more than
  // `bytes_max` bytes: then ask for fewer. Each key is named once.
  using WindowRows = std::optional<std::vector<tally::WindowRow>>;
  virtual Result<WindowRows> read_windows(std::span<const tally::WindowKey> keys, std::size_t bytes_max) = 0;
  // Rows of these minutes (ascending) of a partition that have a remainder, by minute, dimension, place; from
  // the first one on as many as `bounds` allow. Answers at least one row or one minute that has none.
  virtual Result<UnrolledRows> read_unrolled(std::int32_t partition, std::span<const WindowStart> minutes,
                                             const RowBounds& bounds) = 0;
  // Locks those letters until the transaction ends, in the order of their places whatever the order asked for
  // (no deadlock), and answers the state of each, in the order asked for. They may be letters of partitions
  // that are not fenced here.
  virtual Result<std::vector<DeadLetterState>> lock_dead_letters(std::span<const DeadLetterId> letters) = 0;
  // ErrorKind::internal: a ledger that does not add up, one whose version is not what begin() made of it, a
  // letter that stands there already, one to be marked as replayed that is not waiting, or as failed that is
  // not there.
  virtual Result<Written> write(const Changes& changes) = 0;
  virtual CommitAnswer commit() = 0;
  virtual void rollback() = 0;
};

}  // namespace weir::commit
