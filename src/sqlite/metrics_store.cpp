// All calls come from the writer's thread. begin() takes the write lock of the file with BEGIN IMMEDIATE, so
// no other connection writes until commit() or rollback(), and the fence of each partition is checked under
// that lock.
//
// store_ledger.cpp has what happens to ledger rows outside of a flush, store_dead_letters.cpp the statements
// about dead letters, this file the rest.
#include "sqlite/metrics_store.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "base/ensure.hpp"
#include "sqlite/schema.hpp"
#include "sqlite/store_rows.hpp"
#include "sqlite/store_sql.hpp"

namespace weir::sqlite {
namespace {

// journal_size_limit: SQLite cuts the WAL file to 64 MiB when it starts over. Frames that are not
// checkpointed yet may make it longer. cache_size: a flush of 10,000 events changes 2 MB of pages, which is
// the whole default cache; with 8 MB it takes a quarter less CPU.
constexpr std::string_view sizes = "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -8000";

std::int64_t milliseconds_of(WallTime moment) { return moment.time_since_epoch().count(); }

Statement& bind_optional(Statement& statement, int parameter, const std::optional<std::int64_t>& number) {
  return number ? statement.bind(parameter, *number) : statement.bind_null(parameter);
}

}  // namespace

Result<std::unique_ptr<SqliteMetricsStore>> SqliteMetricsStore::open(const MetricsStoreOptions& options) {
  auto database = Database::open(metrics_store_path(options.data_dir), {.kind = metrics_store_file,
                                                                        .mode = OpenMode::create_or_migrate,
                                                                        .durability = Durability::normal,
                                                                        .busy_timeout = options.busy_timeout,
                                                                        .vfs = options.vfs});
  if (!database) return propagate(database);
  if (auto sized = database->run(sizes); !sized) return propagate(sized);
  auto statements = PreparedStatements::prepare(*database, store_sql::all());
  if (!statements) return propagate(statements);
  return std::unique_ptr<SqliteMetricsStore>(
      new SqliteMetricsStore(options, std::move(*database), std::move(*statements)));
}

SqliteMetricsStore::SqliteMetricsStore(const MetricsStoreOptions& options, Database database,
                                       PreparedStatements statements)
    : topic_(options.topic),
      group_id_(options.group_id),
      database_(std::move(database)),
      statements_(std::move(statements)) {}

// After a failed read or write the transaction is rolled back as a whole, so it may be tried again. After a
// failed fsync the content of the disk is unknown, and a checkpoint at close could make it worse.
Error SqliteMetricsStore::give_up(Error why) {
  database_.rollback();
  if (why.code == code_fsync_failed) database_.keep_wal_at_close();
  if (why.code == code_disk_failed) why.kind = ErrorKind::unavailable;
  return why;
}

// Outside of a transaction

Result<std::vector<WindowStart>> SqliteMetricsStore::find_pending_rollups(std::int32_t partition) {
  Statement& rows = statement(store_sql::pending_rollup_minutes).bind_text(1, topic_).bind(2, partition);
  std::vector<WindowStart> minutes;
  while (true) {
    auto row = rows.step();
    if (!row) return std::unexpected(give_up(std::move(row).error()));
    if (!*row) return minutes;
    minutes.push_back(window_start(rows.number(0)));
  }
}

// In a transaction

Result<std::vector<std::int32_t>> SqliteMetricsStore::begin(std::span<const commit::Fence> fences) {
  auto begun = database_.begin();
  if (!begun) return std::unexpected(give_up(std::move(begun).error()));
  std::vector<std::int32_t> held;
  for (const commit::Fence& fence : fences) {
    auto raised = statement(store_sql::fence)
                      .bind_text(1, topic_)
                      .bind(2, fence.partition)
                      .bind(3, fence.next_offset)
                      .bind(4, fence.version)
                      .bind(5, fence.tallied)
                      .bind(6, fence.duplicate)
                      .bind(7, fence.dead_lettered)
                      .bind(8, fence.skipped)
                      .run();
    if (!raised) return std::unexpected(give_up(std::move(raised).error()));
    // No row changed: another process has written the partition since.
    if (database_.rows_changed() == 1) held.push_back(fence.partition);
  }
  return held;
}

Result<commit::MetricsStore::WindowRows> SqliteMetricsStore::read_windows(
    std::span<const tally::WindowKey> keys, std::size_t bytes_max) {
  std::vector<tally::WindowRow> rows;
  rows.reserve(keys.size());
  std::size_t bytes = 0;
  for (const tally::WindowKey& key : keys) {
    auto row = read_window(key);
    if (!row) return std::unexpected(give_up(std::move(row).error()));
    if (!*row) continue;
    bytes += (*row)->key.value.size() + (*row)->users.size();
    if (bytes > bytes_max) return WindowRows();
    rows.push_back(**std::move(row));
  }
  return rows;
}

Result<std::optional<tally::WindowRow>> SqliteMetricsStore::read_window(const tally::WindowKey& key) {
  Statement& window = statement(store_sql::read_window)
                          .bind_text(1, topic_)
                          .bind(2, number_of(key.granularity))
                          .bind(3, number_of(key.dimension))
                          .bind(4, seconds_of(key.start))
                          .bind(5, key.partition)
                          .bind_text(6, key.value);
  auto found = window.step();
  if (!found) return propagate(found);
  if (!*found) return std::nullopt;
  auto row = window_row(window, key.granularity, key.start, key.partition);
  window.reset();
  if (!row) return propagate(row);
  return *std::move(row);
}

// Reads only keys and sizes, and sorts them here. An ORDER BY would copy each sketch into the sorter and out
// of it.
Result<std::vector<SqliteMetricsStore::RowKey>> SqliteMetricsStore::find_pending_rollup(
    std::int32_t partition, WindowStart minute) {
  Statement& find = statement(store_sql::find_pending_rollup)
                        .bind_text(1, topic_)
                        .bind(2, seconds_of(minute))
                        .bind(3, partition);
  std::vector<RowKey> keys;
  while (true) {
    auto row = find.step();
    if (!row) return propagate(row);
    if (!*row) break;
    keys.push_back({.dimension = static_cast<tally::Dimension>(find.number(0)),
                    .arrival_rank = find.number(1),
                    .value = std::string(find.text(2)),
                    .users_bytes = static_cast<std::size_t>(find.number(3))});
  }
  std::ranges::sort(keys, {}, [](const RowKey& key) { return std::pair(key.dimension, key.arrival_rank); });
  return keys;
}

Result<commit::PendingRows> SqliteMetricsStore::read_pending_rows(std::int32_t partition,
                                                                  std::span<const WindowStart> minutes,
                                                                  const commit::RowBounds& bounds) {
  commit::PendingRows found;
  std::size_t bytes = 0;
  for (const WindowStart minute : minutes) {
    auto keys = find_pending_rollup(partition, minute);
    if (!keys) return std::unexpected(give_up(std::move(keys).error()));
    for (RowKey& key : *keys) {
      bytes += key.value.size() + key.users_bytes;
      if (!found.rows.empty() && (found.rows.size() == bounds.rows || bytes > bounds.bytes)) return found;
      auto row =
          read_window({tally::Granularity::minute, key.dimension, minute, partition, std::move(key.value)});
      if (!row) return std::unexpected(give_up(std::move(row).error()));
      ensure(row->has_value(), "a row that was just found can be read");
      found.rows.push_back(**std::move(row));
    }
    ++found.minutes_read;
  }
  return found;
}

// Parts of a flush may be written by several calls; the ledgers come with the last.
Result<commit::Written> SqliteMetricsStore::write(const commit::Changes& changes) {
  commit::Written answer;
  auto written = write_all(changes, answer);
  if (!written) return std::unexpected(give_up(std::move(written).error()));
  return answer;
}

Result<void> SqliteMetricsStore::write_all(const commit::Changes& changes, commit::Written& answer) {
  // Ends at the first error.
  const auto each = [](const auto& all, auto&& put) -> Result<void> {
    for (const auto& one : all) {
      if (auto done = put(one); !done) return done;
    }
    return {};
  };
  Result<void> done =
      each(changes.windows, [&](const auto& row) { return put_window(row, changes.written_at); });
  if (done)
    done = each(changes.pending_rollups,
                [&](auto& minute) { return mark_minute(store_sql::set_pending_rollup, minute); });
  if (done)
    done = each(changes.rolled_up,
                [&](auto& minute) { return mark_minute(store_sql::clear_pending_rollup, minute); });
  if (done)
    done = each(changes.horizons, [&](auto& to) { return raise_horizon(to.granularity, to.pruned_to); });
  if (done) done = put_dead_letters(changes);
  if (done && changes.flush) done = put_flush(*changes.flush, changes.written_at);
  if (done) done = each(changes.ledgers, [&](const auto& row) { return put_ledger(row); });
  if (done) done = each(changes.prunes, [&](const auto& what) { return prune(what, answer); });
  if (done && changes.prune_flushes_before) {
    const std::string before = moment_text(*changes.prune_flushes_before);
    done = statement(store_sql::prune_flushes).bind_text(1, before).run();
  }
  return done;
}

Result<void> SqliteMetricsStore::put_window(const tally::WindowRow& row, WallTime written_at) {
  Statement& put = statement(store_sql::put_window)
                       .bind_text(1, topic_)
                       .bind(2, number_of(row.key.granularity))
                       .bind(3, number_of(row.key.dimension))
                       .bind(4, seconds_of(row.key.start))
                       .bind(5, row.key.partition)
                       .bind_text(6, row.key.value)
                       .bind(7, row.events)
                       .bind(8, row.page_views)
                       .bind(9, row.rolled_events)
                       .bind(10, row.rolled_page_views)
                       .bind(11, row.arrival_rank)
                       .bind(14, milliseconds_of(written_at))
                       .bind_blob(15, row.users);
  // Only a `total` row knows how many values its window has.
  if (row.key.dimension != tally::Dimension::total) return put.bind_null(12).bind_null(13).run();
  const std::string stored = row.stored.encode();
  return put.bind_text(12, stored).bind(13, row.stored.rows_max()).run();
}

Result<void> SqliteMetricsStore::mark_minute(const NamedSql& sql, const commit::PendingRollup& minute) {
  return statement(sql)
      .bind_text(1, topic_)
      .bind(2, seconds_of(minute.start))
      .bind(3, minute.partition)
      .run();
}

Result<void> SqliteMetricsStore::raise_horizon(tally::Granularity granularity, WallTime pruned_to) {
  const std::string moment = moment_text(pruned_to);
  return statement(store_sql::raise_horizon)
      .bind_text(1, tally::name_of(granularity))
      .bind_text(2, moment)
      .run();
}

Result<void> SqliteMetricsStore::put_flush(const commit::FlushRow& flush, WallTime written_at) {
  const std::string timestamp = moment_text(flush.timestamp);
  const std::string created_at = moment_text(written_at);
  return statement(store_sql::put_flush)
      .bind_text(1, timestamp)
      .bind(2, flush.unique_users)
      .bind(3, flush.page_view_count)
      .bind_text(4, created_at)
      .run();
}

Result<void> SqliteMetricsStore::put_ledger(const tally::LedgerRow& row) {
  const std::string observed_at = moment_text(row.observed.observed_at);
  const std::string updated_at = moment_text(row.updated_at);
  const std::string oldest_unread_at =
      row.observed.oldest_unread_at ? moment_text(*row.observed.oldest_unread_at) : "";
  Statement& put = statement(store_sql::put_ledger)
                       .bind_text(1, topic_)
                       .bind(2, row.partition)
                       .bind(3, row.version)
                       .bind(4, row.next_offset)
                       .bind(5, row.read)
                       .bind(6, row.tallied)
                       .bind(7, row.duplicate)
                       .bind(8, row.dead_lettered)
                       .bind(9, row.skipped)
                       .bind(11, row.observed.log_end_offset)
                       .bind_text(13, observed_at)
                       .bind_text(14, updated_at);
  bind_optional(put, 10, row.last_record_hash);
  if (row.observed.oldest_unread_at) {
    put.bind_text(12, oldest_unread_at);
  } else {
    put.bind_null(12);
  }
  if (auto done = put.run(); !done) return done;
  // The fence of this transaction has set the version. Without it the row belongs to another process.
  if (database_.rows_changed() == 1) return {};
  return fail(ErrorKind::internal, "fence_missing",
              "the ledger row of partition " + std::to_string(row.partition) + " is not at version " +
                  std::to_string(row.version) + ", which its fence has set");
}

// Pruning

// The horizon is raised in the same transaction, so that no reader takes a window that is partly deleted for
// whole.
Result<void> SqliteMetricsStore::prune(const commit::Prune& prune, commit::Written& answer) {
  auto windows = find_prunable(prune, answer.more_to_prune);
  if (!windows) return propagate(windows);
  for (const WindowStart start : *windows) {
    auto deleted = statement(store_sql::delete_window)
                       .bind_text(1, topic_)
                       .bind(2, number_of(prune.granularity))
                       .bind(3, seconds_of(start))
                       .bind(4, prune.partition)
                       .run();
    if (!deleted) return deleted;
  }
  if (windows->empty()) return {};
  return raise_horizon(prune.granularity, tally::window_end(prune.granularity, windows->back()));
}

Result<std::vector<WindowStart>> SqliteMetricsStore::find_prunable(const commit::Prune& prune,
                                                                   bool& has_more) {
  const auto width = tally::width_of(prune.granularity);
  const auto last_start = std::chrono::floor<std::chrono::seconds>(prune.before) - width;
  // The last start of a window that has ended at `before`.
  Statement& find = statement(store_sql::find_prunable)
                        .bind_text(1, topic_)
                        .bind(2, number_of(prune.granularity))
                        .bind(3, seconds_of(last_start))
                        .bind(4, prune.partition)
                        .bind(5, milliseconds_of(prune.before))
                        .bind(6, milliseconds_of(prune.now));
  std::vector<WindowStart> windows;
  std::int64_t rows = 0;
  while (true) {
    auto row = find.step();
    if (!row) return propagate(row);
    if (!*row) return windows;
    if (rows >= prune.rows_max) break;  // at least one window was taken
    windows.push_back(window_start(find.number(0)));
    rows += find.number(1);
  }
  has_more = true;
  find.reset();
  return windows;
}

// The end of a transaction

commit::CommitOutcome SqliteMetricsStore::commit() {
  auto ended = database_.commit();
  if (ended) return {commit::CommitStatus::committed, {}};
  // A failed COMMIT may have been written; the ledger row tells the next transaction.
  return {commit::CommitStatus::unknown, give_up(std::move(ended).error())};
}

void SqliteMetricsStore::rollback() { database_.rollback(); }

// Passive, because a writer that waits for a reader would hold up the flushes.
Result<bool> SqliteMetricsStore::checkpoint() {
  auto end = database_.checkpoint(CheckpointMode::passive);
  if (!end) return std::unexpected(give_up(std::move(end).error()));
  return end->complete();
}

}  // namespace weir::sqlite
