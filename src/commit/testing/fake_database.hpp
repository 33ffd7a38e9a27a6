// A database in memory: what is committed, who holds which lock, and commits of which the server has not
// decided yet. Its sessions are FakeMetricsStore's. The test decides which call fails and how, and may take
// everything back to what it was, as a power cut does or a standby that lags. One thread.
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
  letter_offsets,
  unrolled_minutes,
  begin,
  read_windows,
  read_unrolled,
  lock_dead_letters,
  write,
  commit,
  begin_topic,
  archive_ledger,
  register_dimensions,
};

// What becomes of one call.
enum class Fault : std::uint8_t {
  none,
  refused,      // ErrorKind::unavailable, and nothing happened; a commit: aborted
  lost_before,  // ErrorKind::unavailable, and nothing happened, but the caller cannot know; a commit: unknown
  lost_after,   // ErrorKind::unavailable, but it happened; a commit: unknown
  limbo,        // a commit: unknown, and the server has not made up its mind: its locks stay until settle()
  broken,       // ErrorKind::internal: a failed fsync
  refused_until_a_person_acts,  // ErrorKind::invalid, and nothing happened: a column is not as it should be
};

// Rows that a session has written and gives back to its reads instead of the database's. Production code has
// no such cache; what becomes of one shows whether a proof would find it stale.
enum class RowCache : std::uint8_t {
  none,
  dropped_at_opening,  // as an object's that is born anew: no bug
  kept_over_a_revoke,  // a planted bug
};

// Faults of our own that a proof must find. They live here, so that production code knows nothing of them.
struct PlantedBugs {
  bool no_fence = false;              // every fence holds
  bool ledger_before_rows = false;    // write() moves the offset at once, the numbers follow at the commit
  bool retire_unfenced = false;       // an account is put away, whatever has become of it since it was judged
  bool resend_without_fence = false;  // after an unknown commit the next fence of that session always holds
  RowCache cache = RowCache::none;
};

// All that is committed. A value, so that it can be taken back to what it was.
struct FakeTables {
  static constexpr const char* topic = "the-topic";

  struct Window {
    tally::WindowRow row;
    WallTime written_at;
  };

  struct Letter {
    DeadLetter letter;
    std::int64_t attempts = 1;
    std::optional<WallTime> replayed_at;
  };

  std::optional<std::string> group;
  std::vector<tally::KnownDimension> dimensions = tally::built_in_known_dimensions();
  std::map<std::int32_t, tally::LedgerRow> ledgers;
  std::map<std::pair<std::string, std::int32_t>, tally::LedgerRow> retired;  // by the topic name they took
  std::map<tally::WindowKey, Window> windows;
  std::set<PendingRollup> unrolled;
  std::array<WallTime, tally::granularity_count> pruned_to{};
  std::map<DeadLetterId, Letter> letters;
  std::vector<FlushRow> flushes;
  // What retention has taken: no table, the test's own account.
  std::int64_t windows_pruned = 0;
  std::int64_t flushes_pruned = 0;
  std::int64_t page_views_pruned = 0;  // of those flushes
};

// A letter of the log that is there now; an account as it is before anything was written to it.
[[nodiscard]] DeadLetterId place_in_topic(std::int32_t partition, std::int64_t offset);
[[nodiscard]] tally::LedgerRow beginning(std::int32_t partition, std::int64_t start_offset, WallTime now);

class FakeDatabase : public FakeTables {
 public:
  // RequestTraits before each call of any session; answers what becomes of it.
  std::function<Fault(StoreStep)> faults = [](StoreStep) { return Fault::none; };
  // Told of every committed transaction, once its rows stand here.
  std::function<void(const Changes&)> on_commit = [](const Changes&) {};
  // Told of every account that was put away, once the new row stands here.
  std::function<void(const LedgerArchival&, const tally::LedgerRow& fresh)> on_retire =
      [](const LedgerArchival&, const tally::LedgerRow&) {};
  PlantedBugs bugs;
  // More window rows and dead letters than these take too long: the transaction is ended.
  std::size_t rows_in_statement_max = std::numeric_limits<std::size_t>::max();
  std::size_t rows_in_transaction_max = std::numeric_limits<std::size_t>::max();

  [[nodiscard]] bool has_limbo() const { return !limbo_.empty(); }
  // The server decides about the commits that are in limbo.
  void settle(bool applied);
  // The last commits are taken back as a whole, and with them all that is open; every session must have been
  // ended. So does a power cut where the store does not wait for the disk (SQLite, synchronous=NORMAL), and a
  // failover to a standby that lags (PostgreSQL, replicated asynchronously).
  void fall_back_to(const FakeTables& earlier);

 private:
  friend class FakeMetricsStore;

  void apply(const Changes& changes);
  tally::LedgerRow apply(const LedgerArchival& retirement);
  // The windows that a prune takes of what is committed, and whether it stops at its bound.
  [[nodiscard]] std::vector<WindowStart> windows_to_prune(const Prune& prune, bool& has_more) const;
  [[nodiscard]] bool has_more_than(const Prune& prune) const;
  void prune(const Prune& prune);
  void prune_flushes(WallTime before);
  void unlock(std::uint64_t transaction);
  [[nodiscard]] bool matches(const Fence& fence) const;
  [[nodiscard]] bool stands_at(const Fence& fence) const;  // whatever its sums are

  struct Limbo {
    std::uint64_t transaction = 0;
    Changes changes;
  };
  std::map<std::int32_t, std::uint64_t> locks_;         // partition → transaction
  std::map<DeadLetterId, std::uint64_t> letter_locks_;  // letter → transaction
  std::vector<Limbo> limbo_;
  std::uint64_t last_transaction_ = 0;
};

}  // namespace weir::commit
