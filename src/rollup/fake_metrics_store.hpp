// A database in memory, with sessions that have real transactions and row locks. The test decides which call fails
// and how, and may end a session as a server or a power cut would. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rollup/metrics_store.hpp"

namespace weir::rollup {

enum class StoreStep : std::uint8_t {
  open_ledger,
  letter_offsets,
  unrolled_minutes,
  begin,
  read_windows,
  read_minutes,
  lock_letters,
  write,
  commit,
  begin_topic,
  retire_ledger,
};

// What becomes of one call.
enum class Fault : std::uint8_t {
  none,
  refused,      // Move::peer, and nothing happened; a commit: aborted
  lost_before,  // Move::peer, and nothing happened, but the caller cannot know; a commit: unknown
  lost_after,   // Move::peer, but it happened; a commit: unknown
  limbo,        // a commit: unknown, and the server has not made up its mind: its locks stay until settle()
  broken,       // Move::ourselves: a failed fsync
};

// Faults of our own that a proof must find. They live here, so that production code knows nothing of them.
struct PlantedBugs {
  bool no_fence = false;              // every fence holds
  bool ledger_before_rows = false;    // write() moves the offset at once, the numbers follow at the commit
  bool retire_unfenced = false;       // an account is put away, whatever has become of it since it was judged
  bool resend_without_fence = false;  // after an unknown commit the next fence of that session always holds
};

// All that is committed. A value, so that a power cut can take it back to what it was.
struct FakeTables {
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
  std::map<std::int32_t, tally::LedgerRow> ledgers;
  std::map<std::pair<std::string, std::int32_t>, tally::LedgerRow> retired;  // by the topic name they took
  std::map<tally::WindowKey, Window> windows;
  std::set<UnrolledMinute> unrolled;
  std::array<WallTime, 3> pruned_to{};
  std::map<LetterSource, Letter> letters;
  std::vector<FlushRow> flushes;
};

class FakeDatabase : public FakeTables {
 public:
  // Asked before each call of any session; answers what becomes of it.
  std::function<Fault(StoreStep)> faults = [](StoreStep) { return Fault::none; };
  // Told of every committed transaction, once its rows stand here.
  std::function<void(const Changes&)> on_commit = [](const Changes&) {};
  // Told of every account that was put away, once the new row stands here.
  std::function<void(const Retirement&, const tally::LedgerRow& fresh)> on_retire =
      [](const Retirement&, const tally::LedgerRow&) {};
  PlantedBugs bugs;

  [[nodiscard]] bool has_limbo() const { return !limbo_.empty(); }
  // The server decides about the commits that are in limbo.
  void settle(bool applied);
  // A power cut, after all sessions have died: the last commits are taken back as a whole, as a store may that does
  // not wait for the disk (SQLite, synchronous=NORMAL).
  void fall_back_to(const FakeTables& earlier);

 private:
  friend class FakeMetricsStore;

  void apply(const Changes& changes);
  tally::LedgerRow apply(const Retirement& retirement);
  void prune(const Prune& prune);
  void unlock(std::uint64_t transaction);
  [[nodiscard]] bool matches(const Fence& fence) const;

  struct Limbo {
    std::uint64_t transaction = 0;
    Changes changes;
  };
  std::map<std::int32_t, std::uint64_t> locks_;         // partition → transaction
  std::map<LetterSource, std::uint64_t> letter_locks_;  // letter → transaction
  std::vector<Limbo> limbo_;
  std::uint64_t last_transaction_ = 0;
};

class FakeMetricsStore final : public MetricsStore {
 public:
  static constexpr const char* topic = "the-topic";

  // The database outlives its sessions.
  FakeMetricsStore(FakeDatabase& database, std::string group)
      : database_(database), group_(std::move(group)) {}
  ~FakeMetricsStore() override { end(); }

  // Whether begin(), retire_ledger() or lock_letters() would wait for somebody's lock. A call that would is refused (Move::peer).
  [[nodiscard]] bool would_block(std::span<const Fence> fences) const;
  [[nodiscard]] bool would_block(std::span<const LetterSource> letters) const;
  [[nodiscard]] bool would_block(const Retirement& retirement) const;
  // The server ends the session, as a crash of the process or idle_in_transaction_session_timeout does: what was
  // open is rolled back, and the next call within a transaction fails. (The session may then be used again.)
  void end();

  Result<tally::LedgerRow> open_ledger(std::int32_t partition, std::int64_t start_offset,
                                       WallTime now) override;
  Result<void> begin_topic(std::span<const PartitionStart> starts, WallTime now) override;
  Result<std::optional<tally::LedgerRow>> retire_ledger(const Retirement& retirement) override;
  Result<std::vector<std::int64_t>> letter_offsets(std::int32_t partition, std::int64_t from,
                                                   std::int64_t to) override;
  Result<std::vector<WindowStart>> unrolled_minutes(std::int32_t partition) override;
  Result<std::vector<std::int32_t>> begin(std::span<const Fence> fences) override;
  Result<std::vector<tally::WindowRow>> read_windows(std::span<const tally::WindowKey> keys) override;
  Result<std::vector<tally::WindowRow>> read_minutes(std::int32_t partition,
                                                     std::span<const WindowStart> minutes) override;
  Result<std::vector<LetterState>> lock_letters(std::span<const LetterSource> letters) override;
  Result<void> write(const Changes& changes) override;
  CommitAnswer commit() override;
  void rollback() override { end(); }

 private:
  [[nodiscard]] Result<Fault> fault_of(StoreStep step);
  [[nodiscard]] Result<void> in_transaction(StoreStep step);
  [[nodiscard]] Result<void> check(const Changes& changes) const;

  FakeDatabase& database_;
  std::string group_;
  std::uint64_t transaction_ = 0;                  // 0: none open
  std::map<std::int32_t, std::int64_t> versions_;  // as begin() made them
  Changes pending_;
  bool resends_ = false;
};

}  // namespace weir::rollup
