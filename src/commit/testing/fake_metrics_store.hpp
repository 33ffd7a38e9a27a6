// A session of a FakeDatabase, with real transactions and row locks. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commit/testing/fake_database.hpp"

namespace weir::commit {

class FakeMetricsStore final : public MetricsStore {
 public:
  static constexpr const char* topic = FakeTables::topic;

  // The database outlives its sessions.
  FakeMetricsStore(FakeDatabase& database, std::string group)
      : database_(database), group_(std::move(group)) {}
  ~FakeMetricsStore() override { end(); }

  // Whether begin(), lock_dead_letters() or archive_ledger() would wait for the lock of another session. The
  // call itself does not wait: it fails with ErrorKind::unavailable.
  [[nodiscard]] bool would_block(std::span<const Fence> fences) const;
  [[nodiscard]] bool would_block(std::span<const DeadLetterId> dead_letters) const;
  [[nodiscard]] bool would_block(const LedgerArchival& archival) const;
  // The server ends the session, as after a crash of the process or idle_in_transaction_session_timeout. An
  // open transaction is rolled back, and its next call fails. After that the session can be used again.
  void end();

  Result<tally::LedgerRow> open_ledger(std::int32_t partition, std::int64_t start_offset,
                                       WallTime now) override;
  Result<bool> begin_topic(std::span<const PartitionStart> starts, WallTime now) override;
  Result<std::vector<tally::CountedDimension>> register_dimensions(
      std::span<const tally::OwnDimension> wanted, WallTime now) override;
  Result<std::optional<tally::LedgerRow>> archive_ledger(const LedgerArchival& archival) override;
  Result<std::vector<DeadLetterId>> find_failed_replays() override;
  Result<std::vector<std::int64_t>> find_dead_letters(std::int32_t partition, std::int64_t from,
                                                      std::int64_t to) override;
  Result<std::vector<WindowStart>> find_pending_rollups(std::int32_t partition) override;
  Result<std::vector<std::int32_t>> begin(std::span<const Fence> fences) override;
  Result<WindowRows> read_windows(std::span<const tally::WindowKey> keys, std::size_t bytes_max) override;
  Result<PendingRows> read_pending_rows(std::int32_t partition, std::span<const WindowStart> minutes,
                                        const RowBounds& bounds) override;
  Result<std::vector<DeadLetterState>> lock_dead_letters(std::span<const DeadLetterId> dead_letters) override;
  Result<Written> write(const Changes& changes) override;
  CommitOutcome commit() override;
  void rollback() override { end(); }

 private:
  [[nodiscard]] Result<Fault> fault_of(StoreStep step);
  [[nodiscard]] Result<void> in_transaction(StoreStep step);
  [[nodiscard]] const tally::WindowRow* find_window(const tally::WindowKey& key) const;
  [[nodiscard]] Result<void> check(const Changes& changes) const;
  [[nodiscard]] bool caches() const { return database_.bugs.cache != RowCache::none; }
  void remember(const Changes& committed);
  void forget(std::int32_t partition);

  FakeDatabase& database_;
  std::string group_;
  // The open transaction; 0: none. versions_: the versions that its begin() has set, by partition.
  std::uint64_t transaction_ = 0;
  std::map<std::int32_t, std::int64_t> versions_;
  Changes pending_;
  std::size_t rows_written_ = 0;
  bool resends_ = false;
  std::map<tally::WindowKey, tally::WindowRow> cache_;  // RowCache
};

}  // namespace weir::commit
