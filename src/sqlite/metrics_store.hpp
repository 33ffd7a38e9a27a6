// The embedded metrics store: implements commit::MetricsStore on one SQLite file, metrics.db in DATA_DIR.
//
// A process that is killed loses nothing. A power cut may undo the last commits, whole and in order. The log
// still has their events, because it may be pruned only up to what checkpoint() has written to the file.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "commit/metrics_store.hpp"
#include "sqlite/database.hpp"
#include "sqlite/prepared_statements.hpp"

namespace weir::sqlite {

struct MetricsStoreOptions {
  std::filesystem::path data_dir;
  std::string topic;
  std::string group_id;
  std::chrono::milliseconds busy_timeout{
      1000};        // for the lock of another process, for example a sqlite3 shell
  std::string vfs;  // empty: the default VFS of SQLite; tests name one that fails
};

// One session: all calls come from one thread, the writer's. Several sessions may be open on one file. Each
// waits for the transaction of the other up to busy_timeout and then returns ErrorKind::unavailable,
// database_busy.
//
// An error in a transaction rolls it back. A disk error is `unavailable`: the transaction may be tried again.
// After ErrorKind::internal, fsync_failed, call nothing any more: end the process, so that the recovery of
// the next start finds out what is on the disk.
class SqliteMetricsStore final : public commit::MetricsStore {
 public:
  // Opens the file; creates a missing one and migrates an older one. Errors are those of Database::open(),
  // and ErrorKind::invalid, tables_differ, if a person changed a table.
  static Result<std::unique_ptr<SqliteMetricsStore>> open(const MetricsStoreOptions& options);

  Result<tally::LedgerRow> open_ledger(std::int32_t partition, std::int64_t start_offset,
                                       WallTime now) override;
  Result<bool> begin_topic(std::span<const commit::PartitionStart> starts, WallTime now) override;
  Result<std::optional<tally::LedgerRow>> archive_ledger(const commit::LedgerArchival& archival) override;
  Result<std::vector<tally::CountedDimension>> register_dimensions(
      std::span<const tally::OwnDimension> wanted, WallTime now) override;
  Result<std::vector<commit::DeadLetterId>> find_failed_replays() override;
  Result<std::vector<std::int64_t>> find_dead_letters(std::int32_t partition, std::int64_t from,
                                                      std::int64_t to) override;
  Result<std::vector<WindowStart>> find_pending_rollups(std::int32_t partition) override;

  Result<std::vector<std::int32_t>> begin(std::span<const commit::Fence> fences) override;
  Result<WindowRows> read_windows(std::span<const tally::WindowKey> keys, std::size_t bytes_max) override;
  Result<commit::PendingRows> read_pending_rows(std::int32_t partition, std::span<const WindowStart> minutes,
                                                const commit::RowBounds& bounds) override;
  Result<std::vector<commit::DeadLetterState>> lock_dead_letters(
      std::span<const commit::DeadLetterId> letters) override;
  Result<commit::Written> write(const commit::Changes& changes) override;
  commit::CommitOutcome commit() override;
  void rollback() override;

  // Writes the WAL back to the file. Call it every few seconds, from any session and outside of a
  // transaction: nothing else does, and the WAL grows until then. Waits for no reader; takes as long as the
  // disk needs for the pages that changed since.
  //
  // True: all that was committed before the call survives a power cut. The log may then be pruned up to a
  // next_offset that was read before the call, less the dedupe window. False: an old snapshot of a reader is
  // in the way; call again later.
  Result<bool> checkpoint();

 private:
  SqliteMetricsStore(const MetricsStoreOptions& options, Database database, PreparedStatements statements);

  // The key of a minute's row, and the size of its sketch.
  struct RowKey {
    tally::Dimension dimension = tally::Dimension::total;
    std::int64_t arrival_rank = 0;
    std::string value;
    std::size_t users_bytes = 0;
  };

  Statement& statement(const NamedSql& sql) { return statements_[sql]; }
  // Rolls the transaction back. Returns the error as the caller of the store gets it.
  Error give_up(Error why);
  // Runs `work` in a transaction of its own. An error rolls it back.
  template <class Work>
  auto in_one_transaction(Work work) -> decltype(work());

  // store_dimensions.cpp
  Result<std::vector<tally::KnownDimension>> read_dimensions();
  Result<void> put_dimension(const tally::KnownDimension& row);

  // store_ledger.cpp
  Result<void> check_group();
  Result<void> insert_ledger(const commit::PartitionStart& start, std::int64_t version, WallTime now);
  Result<std::optional<tally::LedgerRow>> find_ledger(const std::string& topic, std::int32_t partition);

  // store_dead_letters.cpp
  Result<void> put_dead_letters(const commit::Changes& changes);
  Result<void> put_dead_letter(const commit::DeadLetter& letter);
  Result<void> set_replayed(const commit::DeadLetterId& source, WallTime at);
  Result<void> add_attempts(const commit::Changes::FailedReplay& failed);

  // metrics_store.cpp
  Result<std::optional<tally::WindowRow>> read_window(const tally::WindowKey& key);
  // The rows of a minute that have counts pending roll-up, by dimension and arrival rank.
  Result<std::vector<RowKey>> find_pending_rollup(std::int32_t partition, WindowStart minute);
  Result<void> write_all(const commit::Changes& changes, commit::Written& answer);
  Result<void> put_window(const tally::WindowRow& row, WallTime written_at);
  // `sql` is set_pending_rollup or clear_pending_rollup.
  Result<void> mark_minute(const NamedSql& sql, const commit::PendingRollup& minute);
  Result<void> raise_horizon(tally::Granularity granularity, WallTime pruned_to);
  Result<void> put_flush(const commit::FlushRow& flush, WallTime written_at);
  Result<void> put_ledger(const tally::LedgerRow& row);
  Result<void> prune(const commit::Prune& prune, commit::Written& answer);
  Result<std::vector<WindowStart>> find_prunable(const commit::Prune& prune, bool& has_more);

  std::string topic_;
  std::string group_id_;
  Database database_;
  PreparedStatements statements_;  // destroyed before the connection, so declared after it
};

// Each step of `work` may fail; the first error rolls everything back. A commit that fails is reported as an
// error: the caller opens the partition again and so finds out.
template <class Work>
auto SqliteMetricsStore::in_one_transaction(Work work) -> decltype(work()) {
  if (auto begun = database_.begin(); !begun) return std::unexpected(give_up(std::move(begun).error()));
  auto answer = work();
  if (!answer) return std::unexpected(give_up(std::move(answer).error()));
  if (auto ended = database_.commit(); !ended) return std::unexpected(give_up(std::move(ended).error()));
  return answer;
}

}  // namespace weir::sqlite
