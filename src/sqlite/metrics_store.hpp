// The embedded metrics store: rollup's port on one SQLite file, DATA_DIR/metrics.db. A process that dies
// loses nothing; a power cut may take the last commits back, whole and in order, and the log has their
// events: it may be pruned only as far as checkpoint() says that they are in the file for good.
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
#include "sqlite/store_sql.hpp"

namespace weir::sqlite {

struct MetricsStoreOptions {
  std::filesystem::path data_dir;
  std::string topic;
  std::string group_id;
  std::chrono::milliseconds busy_timeout{1000};  // for another process's lock: somebody with a sqlite3 shell
  std::string vfs;                               // empty: SQLite's own; tests hand in one that fails
};

// One session: all calls come from one thread, the writer's. Several may be open on one file; each waits for
// the other's transaction up to busy_timeout, then answers ErrorKind::unavailable.
//
// An error in a transaction rolls it back. After ErrorKind::internal with code fsync_failed nothing may be
// called any more: leave, and let the next start's recovery decide.
class SqliteMetricsStore final : public commit::MetricsStore {
 public:
  // Opens the file, or makes it if there is none. Refuses what is not a metrics store of this version
  // (database.hpp).
  static Result<std::unique_ptr<SqliteMetricsStore>> open(const MetricsStoreOptions& options);

  Result<tally::LedgerRow> open_ledger(std::int32_t partition, std::int64_t start_offset,
                                       WallTime now) override;
  Result<bool> begin_topic(std::span<const commit::PartitionStart> starts, WallTime now) override;
  Result<std::optional<tally::LedgerRow>> archive_ledger(const commit::LedgerArchival& retirement) override;
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

  // Outside a transaction, every few seconds, by any session: nothing else checkpoints, and the WAL grows
  // until it is done. True: all that was committed before this call survives a power cut, so the log may be
  // pruned up to a next_offset that was read before it (less the dedupe window). False: a reader's old
  // snapshot stands in the way; ask again later. Waits for no reader; takes as long as the disk takes for the
  // pages written since.
  Result<bool> checkpoint();

 private:
  SqliteMetricsStore(const MetricsStoreOptions& options, Database database,
                     std::vector<Statement> statements);

  // A row of a minute, without its sketch.
  struct RowName {
    tally::Dimension dimension = tally::Dimension::total;
    std::int64_t place = 0;
    std::string value;
    std::size_t users_bytes = 0;
  };

  Statement& statement(StoreSql which);
  Result<std::optional<tally::WindowRow>> read_window(const tally::WindowKey& key);
  // Those of this minute that have a remainder, by dimension and place.
  Result<std::vector<RowName>> find_unrolled(std::int32_t partition, WindowStart minute);
  // An error of `work` undoes it.
  template <class Work>
  auto in_one_transaction(Work work) -> decltype(work());
  Result<void> check_group();
  Result<void> make_ledger(const commit::PartitionStart& start, std::int64_t version, WallTime now);
  Result<std::optional<tally::LedgerRow>> find_ledger(const std::string& topic, std::int32_t partition);
  Result<void> put_window(const tally::WindowRow& row, WallTime written_at);
  Result<void> mark_minute(StoreSql how, const commit::PendingRollup& minute);
  Result<void> raise_horizon(tally::Granularity granularity, WallTime pruned_to);
  Result<void> put_letters(const commit::Changes& changes);
  Result<void> put_letter(const commit::DeadLetter& letter);
  Result<void> mark_replayed(const commit::DeadLetterId& source, WallTime at);
  Result<void> add_attempts(const commit::Changes::FailedReplay& failed);
  Result<void> put_flush(const commit::FlushRow& flush, WallTime written_at);
  Result<void> put_ledger(const tally::LedgerRow& row);
  Result<void> prune(const commit::Prune& prune, commit::Written& answer);
  Result<std::vector<WindowStart>> windows_to_prune(const commit::Prune& prune, bool& has_more);
  Result<void> write_all(const commit::Changes& changes, commit::Written& answer);

  // An error ends the transaction.
  Error give_up(Error why);

  std::string topic_;
  std::string group_id_;
  Database database_;
  std::vector<Statement> statements_;  // before the connection goes, so after it here
};

}  // namespace weir::sqlite
