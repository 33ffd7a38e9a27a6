// A database in memory: the committed rows, the row locks, and the commits whose outcome is still open.
//
// FakeMetricsStore is a session of it. A test decides which call fails and how. It can also reset all rows to
// an earlier state, as a power cut or a failover to a lagging standby does. One thread uses it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "commit/metrics_store.hpp"

namespace weir::commit {

enum class StoreStep : std::uint8_t {
  open_ledger,
  find_dead_letters,
  find_failed_replays,
  find_pending_rollups,
  begin,
  read_windows,
  read_pending_rows,
  lock_dead_letters,
  write,
  commit,
  begin_topic,
  archive_ledger,
  register_dimensions,
};

// The result of one call.
//   none         The call succeeds.
//   refused      ErrorKind::unavailable, and nothing is done. A commit: aborted.
//   lost_before  The request is lost: ErrorKind::unavailable, and nothing is done. A commit: unknown.
//   lost_after   The response is lost: ErrorKind::unavailable, but the call is done. A commit: unknown.
//   in_doubt     A commit: unknown. The server keeps the locks until resolve_in_doubt() decides the outcome.
//   broken       ErrorKind::internal: a failed fsync.
//   refused_until_a_person_acts  ErrorKind::invalid, and nothing is done: a column is missing.
enum class Fault : std::uint8_t {
  none,
  refused,
  lost_before,
  lost_after,
  in_doubt,
  broken,
  refused_until_a_person_acts,
};

// A session that reads its own earlier rows from a cache instead of from the database. Production code has no
// such cache. dropped_at_opening is correct; kept_over_a_revoke is a planted bug that a test must find.
enum class RowCache : std::uint8_t { none, dropped_at_opening, kept_over_a_revoke };

// Bugs that the tests must find. They are planted here, so production code does not contain them.
//   no_fence              Every fence matches.
//   ledger_before_rows    write() commits the ledger row at once; the other rows follow at the commit.
//   archive_unfenced      A ledger is archived even if its row has changed since the decision.
//   resend_without_fence  After a commit in doubt, the next fences of that session always match.
struct PlantedBugs {
  bool no_fence = false;
  bool ledger_before_rows = false;
  bool archive_unfenced = false;
  bool resend_without_fence = false;
  RowCache cache = RowCache::none;
};

// The committed rows. A value, so a test can copy it and restore it later.
struct FakeTables {
  static constexpr const char* topic = "the-topic";

  struct Window {
    tally::WindowRow row;
    WallTime written_at;
  };

  struct DeadLetterRow {
    DeadLetter dead_letter;
    std::int64_t attempts = 1;
    std::optional<WallTime> replayed_at;
  };

  std::optional<std::string> group;
  std::vector<tally::KnownDimension> dimensions = tally::built_in_known_dimensions();
  std::map<std::int32_t, tally::LedgerRow> ledgers;
  std::map<std::pair<std::string, std::int32_t>, tally::LedgerRow> archived;  // by the topic name they took
  std::map<tally::WindowKey, Window> windows;
  std::set<PendingRollup> pending_rollups;
  std::array<WallTime, tally::granularity_count> pruned_to{};
  std::map<DeadLetterId, DeadLetterRow> dead_letters;
  std::vector<FlushRow> flushes;
  // What retention has deleted. No table: the tests compare these sums with their own.
  std::int64_t windows_pruned = 0;
  std::int64_t flushes_pruned = 0;
  std::int64_t page_views_pruned = 0;  // of those flushes
};

// The id of a dead letter of the current log, and a ledger row to which nothing was written yet.
[[nodiscard]] DeadLetterId id_in_topic(std::int32_t partition, std::int64_t offset);
[[nodiscard]] tally::LedgerRow new_ledger(std::int32_t partition, std::int64_t start_offset, WallTime now);

class FakeDatabase : public FakeTables {
 public:
  // Called before each call of any session. Returns its result.
  std::function<Fault(StoreStep)> faults = [](StoreStep) { return Fault::none; };
  // Called after every commit.
  std::function<void(const Changes&)> on_commit = [](const Changes&) {};
  // Called after every archived ledger, with the new row.
  std::function<void(const LedgerArchival&, const tally::LedgerRow& fresh)> on_archive =
      [](const LedgerArchival&, const tally::LedgerRow&) {};
  PlantedBugs bugs;
  // A statement or a transaction with more window rows and dead letters fails with a timeout.
  std::size_t rows_in_statement_max = std::numeric_limits<std::size_t>::max();
  std::size_t rows_in_transaction_max = std::numeric_limits<std::size_t>::max();

  [[nodiscard]] bool has_commits_in_doubt() const { return !in_doubt_.empty(); }
  // The server commits the transactions that are in doubt, or rolls them back.
  void resolve_in_doubt(bool applied);
  // Restores earlier rows and drops all open transactions. Every session must have ended. This is a power cut
  // of SQLite with synchronous=NORMAL, or a failover of PostgreSQL to an asynchronous standby that lags.
  void fall_back_to(const FakeTables& earlier);

 private:
  friend class FakeMetricsStore;

  void apply(const Changes& changes);
  tally::LedgerRow apply(const LedgerArchival& archival);
  // The committed windows that the prune deletes, and whether it stops at its bound.
  [[nodiscard]] std::vector<WindowStart> windows_to_prune(const Prune& prune, bool& has_more) const;
  [[nodiscard]] bool has_more_than(const Prune& prune) const;
  void prune(const Prune& prune);
  void prune_flushes(WallTime before);
  void unlock(std::uint64_t transaction);
  [[nodiscard]] bool matches(const Fence& fence) const;
  // As matches(), but does not compare the sums.
  [[nodiscard]] bool matches_version(const Fence& fence) const;

  struct CommitInDoubt {
    std::uint64_t transaction = 0;
    Changes changes;
  };
  // The transactions that hold the locks on ledger rows and on dead letters.
  std::map<std::int32_t, std::uint64_t> locks_;
  std::map<DeadLetterId, std::uint64_t> dead_letter_locks_;
  std::vector<CommitInDoubt> in_doubt_;
  std::uint64_t last_transaction_ = 0;
};

}  // namespace weir::commit
