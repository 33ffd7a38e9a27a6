// The embedded metrics store: rollup's port on one SQLite file, DATA_DIR/metrics.db. A process that dies loses
// nothing; a power cut may take the last commits back, whole and in order, and the log has their events: it may be
// pruned only as far as checkpoint() says that they are in the file for good.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "rollup/metrics_store.hpp"

namespace weir::sqlite {

struct MetricsStoreOptions {
  std::filesystem::path data_dir;
  std::string topic;
  std::string group_id;
  std::chrono::milliseconds busy_timeout{1000};  // for another process's lock: somebody with a sqlite3 shell
  std::string vfs;                               // empty: SQLite's own; tests hand in one that fails
};

// One session: all calls come from one thread, the writer's. Several may be open on one file; each waits for the
// other's transaction up to busy_timeout, then answers Move::peer.
//
// An error in a transaction rolls it back. After Move::ourselves with code fsync_failed nothing may be called any
// more: leave, and let the next start's recovery decide.
class SqliteMetricsStore final : public rollup::MetricsStore {
 public:
  // Opens the file, or makes it if there is none. Refuses what is not a metrics store of this version (database.hpp).
  static Result<std::unique_ptr<SqliteMetricsStore>> open(const MetricsStoreOptions& options);
  ~SqliteMetricsStore() override;

  Result<tally::LedgerRow> open_ledger(std::int32_t partition, std::int64_t start_offset,
                                       WallTime now) override;
  Result<std::vector<std::int64_t>> letter_offsets(std::int32_t partition, std::int64_t from,
                                                   std::int64_t to) override;
  Result<std::vector<WindowStart>> unrolled_minutes(std::int32_t partition) override;

  Result<std::vector<std::int32_t>> begin(std::span<const rollup::Fence> fences) override;
  Result<std::vector<tally::WindowRow>> read_windows(std::span<const tally::WindowKey> keys) override;
  Result<std::vector<tally::WindowRow>> read_minutes(std::int32_t partition,
                                                     std::span<const WindowStart> minutes) override;
  Result<void> write(const rollup::Changes& changes) override;
  rollup::CommitAnswer commit() override;
  void rollback() override;

  // Outside a transaction, every few seconds: nothing else checkpoints, and the WAL grows until it is done. True: all
  // that was committed before this call survives a power cut, so the log may be pruned up to a next_offset that was
  // read before it (less the dedupe window). False: a reader's old snapshot stands in the way; ask again later. Waits
  // for no reader; takes as long as the disk takes for the pages written since.
  Result<bool> checkpoint();

 private:
  class Session;
  explicit SqliteMetricsStore(std::unique_ptr<Session> session);

  std::unique_ptr<Session> session_;
};

}  // namespace weir::sqlite
