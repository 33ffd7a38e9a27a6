#include "sqlite/metrics_store.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "base/ensure.hpp"
#include "sqlite/store_rows.hpp"
#include "sqlite/store_sql.hpp"

namespace weir::sqlite {
namespace {

// The WAL file is cut to 64 MiB when it begins anew; what is not yet checkpointed may make it longer. A flush
// of 10,000 events dirties 2 MB of pages, SQLite's whole cache by default: with 8 MB it takes a quarter less
// CPU.
constexpr std::string_view sizes = "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -8000";

// counted_from was not in the first files; nothing was left out there.
Result<void> add_missing_column(Database& database) {
  auto missing = database.number(
      "SELECT count(*) > 0 AND sum(name = 'counted_from') = 0 FROM pragma_table_info('activity_ledger')");
  if (!missing) return propagate(missing);
  if (*missing == 0) return {};
  return database.run("ALTER TABLE activity_ledger ADD COLUMN counted_from INTEGER");
}

std::int64_t milliseconds_of(WallTime moment) { return moment.time_since_epoch().count(); }

Statement& bind_optional(Statement& statement, int place, const std::optional<std::int64_t>& number) {
  return number ? statement.bind(place, *number) : statement.bind_null(place);
}

}  // namespace

Result<std::unique_ptr<SqliteMetricsStore>> SqliteMetricsStore::open(const MetricsStoreOptions& options) {
  const std::string schema = metrics_store_schema();
  auto database = Database::open(metrics_store_path(options.data_dir), {.kind = metrics_store_file,
                                                                        .schema = schema,
                                                                        .durability = Durability::normal,
                                                                        .busy_timeout = options.busy_timeout,
                                                                        .vfs = options.vfs});
  if (!database) return propagate(database);
  if (auto sized = database->run(sizes); !sized) return propagate(sized);
  if (auto added = add_missing_column(*database); !added) return propagate(added);
  auto statements = prepare_store_statements(*database);
  if (!statements) return propagate(statements);
  return std::unique_ptr<SqliteMetricsStore>(
      new SqliteMetricsStore(options, std::move(*database), std::move(*statements)));
}

SqliteMetricsStore::SqliteMetricsStore(const MetricsStoreOptions& options, Database database,
                                       std::vector<Statement> statements)
    : topic_(options.topic),
      group_id_(options.group_id),
      database_(std::move(database)),
      statements_(std::move(statements)) {}

Statement& SqliteMetricsStore::statement(StoreSql which) {
  return statements_[static_cast<std::size_t>(which)];
}

// A disk that refuses a read or a write is away, not lost: the transaction is gone as a whole and may be
// tried again. Only where an fsync failed nobody knows what the disk holds.
Error SqliteMetricsStore::give_up(Error why) {
  database_.rollback();
  if (why.code == code_fsync_failed) database_.keep_wal_at_close();
  if (why.code == code_disk_failed) why.kind = ErrorKind::unavailable;
  return why;
}

// Outside transactions

Result<std::vector<WindowStart>> SqliteMetricsStore::find_pending_rollups(std::int32_t partition) {
  Statement& unrolled = statement(StoreSql::find_pending_rollups).bind_text(1, topic_).bind(2, partition);
  std::vector<WindowStart> minutes;
  while (true) {
    auto row = unrolled.step();
    if (!row) return std::unexpected(give_up(std::move(row).error()));
    if (!*row) return minutes;
    minutes.push_back(window_start(unrolled.number(0)));
  }
}

// Within one

Result<std::vector<std::int32_t>> SqliteMetricsStore::begin(std::span<const commit::Fence> fences) {
  auto begun = database_.begin();
  if (!begun) return std::unexpected(give_up(std::move(begun).error()));
  std::vector<std::int32_t> held;
  for (const commit::Fence& fence : fences) {
    auto moved = statement(StoreSql::fence)
                     .bind_text(1, topic_)
                     .bind(2, fence.partition)
                     .bind(3, fence.next_offset)
                     .bind(4, fence.version)
                     .bind(5, fence.tallied)
                     .bind(6, fence.duplicate)
                     .bind(7, fence.dead_lettered)
                     .bind(8, fence.skipped)
                     .run();
    if (!moved) return std::unexpected(give_up(std::move(moved).error()));
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
  Statement& window = statement(StoreSql::read_window)
                          .bind_text(1, topic_)
                          .bind(2, number_of(key.granularity))
                          .bind(3, number_of(key.dimension))
                          .bind(4, seconds_of(key.start))
                          .bind(5, key.partition)
                          .bind_text(6, key.value);
  auto found = window.step();
  if (!found) return propagate(found);
  if (!*found) return std::nullopt;
  tally::WindowRow row = window_row(window, key.granularity, key.start, key.partition);
  window.reset();
  return row;
}

// First the names and sizes of a minute's rows, sorted here; an ORDER BY would copy each sketch into a sorter
// and out of it.
Result<std::vector<SqliteMetricsStore::RowName>> SqliteMetricsStore::find_unrolled(std::int32_t partition,
                                                                                   WindowStart minute) {
  Statement& find =
      statement(StoreSql::find_unrolled).bind_text(1, topic_).bind(2, seconds_of(minute)).bind(3, partition);
  std::vector<RowName> names;
  while (true) {
    auto row = find.step();
    if (!row) return propagate(row);
    if (!*row) break;
    names.push_back({.dimension = static_cast<tally::Dimension>(find.number(0)),
                     .place = find.number(1),
                     .value = std::string(find.text(2)),
                     .users_bytes = static_cast<std::size_t>(find.number(3))});
  }
  std::ranges::sort(names, {}, [](const RowName& name) { return std::pair(name.dimension, name.place); });
  return names;
}

Result<commit::PendingRows> SqliteMetricsStore::read_pending_rows(std::int32_t partition,
                                                                  std::span<const WindowStart> minutes,
                                                                  const commit::RowBounds& bounds) {
  commit::PendingRows found;
  std::size_t bytes = 0;
  for (const WindowStart minute : minutes) {
    auto names = find_unrolled(partition, minute);
    if (!names) return std::unexpected(give_up(std::move(names).error()));
    for (RowName& name : *names) {
      bytes += name.value.size() + name.users_bytes;
      if (!found.rows.empty() && (found.rows.size() == bounds.rows || bytes > bounds.bytes)) return found;
      auto row =
          read_window({tally::Granularity::minute, name.dimension, minute, partition, std::move(name.value)});
      if (!row) return std::unexpected(give_up(std::move(row).error()));
      ensure(row->has_value(), "a row that was just found can be read");
      found.rows.push_back(**std::move(row));
    }
    ++found.minutes_read;
  }
  return found;
}

Result<commit::Written> SqliteMetricsStore::write(const commit::Changes& changes) {
  commit::Written answer;
  auto written = write_all(changes, answer);
  if (!written) return std::unexpected(give_up(std::move(written).error()));
  return answer;
}

Result<void> SqliteMetricsStore::write_all(const commit::Changes& changes, commit::Written& answer) {
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
                [&](auto& minute) { return mark_minute(StoreSql::set_unrolled, minute); });
  if (done)
    done = each(changes.rolled_up, [&](auto& minute) { return mark_minute(StoreSql::set_rolled, minute); });
  if (done)
    done = each(changes.horizons, [&](auto& to) { return raise_horizon(to.granularity, to.pruned_to); });
  if (done) done = put_letters(changes);
  if (done && changes.flush) done = put_flush(*changes.flush, changes.written_at);
  if (done) done = each(changes.ledgers, [&](const auto& row) { return put_ledger(row); });
  if (done) done = each(changes.prunes, [&](const auto& what) { return prune(what, answer); });
  if (done && changes.prune_flushes_before) {
    const std::string before = moment_text(*changes.prune_flushes_before);
    done = statement(StoreSql::delete_flushes).bind_text(1, before).run();
  }
  return done;
}

Result<void> SqliteMetricsStore::put_window(const tally::WindowRow& row, WallTime written_at) {
  Statement& put = statement(StoreSql::put_window)
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
                       .bind(11, row.place)
                       .bind(15, milliseconds_of(written_at))
                       .bind_blob(16, row.users);
  if (row.key.dimension == tally::Dimension::total) {
    put.bind(12, row.stored.activity_type).bind(13, row.stored.page).bind(14, row.stored.referrer);
  } else {
    put.bind_null(12).bind_null(13).bind_null(14);
  }
  return put.run();
}

Result<void> SqliteMetricsStore::mark_minute(StoreSql how, const commit::PendingRollup& minute) {
  return statement(how)
      .bind_text(1, topic_)
      .bind(2, seconds_of(minute.start))
      .bind(3, minute.partition)
      .run();
}

Result<void> SqliteMetricsStore::raise_horizon(tally::Granularity granularity, WallTime pruned_to) {
  const std::string moment = moment_text(pruned_to);
  return statement(StoreSql::raise_horizon)
      .bind_text(1, tally::name_of(granularity))
      .bind_text(2, moment)
      .run();
}

Result<void> SqliteMetricsStore::put_flush(const commit::FlushRow& flush, WallTime written_at) {
  const std::string timestamp = moment_text(flush.timestamp);
  const std::string created_at = moment_text(written_at);
  return statement(StoreSql::put_flush)
      .bind_text(1, timestamp)
      .bind(2, flush.unique_users)
      .bind(3, flush.page_view_count)
      .bind_text(4, created_at)
      .run();
}

Result<void> SqliteMetricsStore::put_ledger(const tally::LedgerRow& row) {
  const std::string observed_at = moment_text(row.observed.observed_at);
  const std::string updated_at = moment_text(row.updated_at);
  const std::string oldest = row.observed.oldest_unread_at ? moment_text(*row.observed.oldest_unread_at) : "";
  Statement& put = statement(StoreSql::put_ledger)
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
    put.bind_text(12, oldest);
  } else {
    put.bind_null(12);
  }
  if (auto done = put.run(); !done) return done;
  if (database_.rows_changed() == 1) return {};
  return fail(ErrorKind::internal, "fence_missing",
              "partition " + std::to_string(row.partition) + " is not held at version " +
                  std::to_string(row.version));
}

// Pruning

Result<void> SqliteMetricsStore::prune(const commit::Prune& prune, commit::Written& answer) {
  auto windows = windows_to_prune(prune, answer.more_to_prune);
  if (!windows) return propagate(windows);
  for (const WindowStart start : *windows) {
    auto gone = statement(StoreSql::delete_window)
                    .bind_text(1, topic_)
                    .bind(2, number_of(prune.granularity))
                    .bind(3, seconds_of(start))
                    .bind(4, prune.partition)
                    .run();
    if (!gone) return gone;
  }
  if (windows->empty()) return {};
  return raise_horizon(prune.granularity, tally::window_end(prune.granularity, windows->back()));
}

Result<std::vector<WindowStart>> SqliteMetricsStore::windows_to_prune(const commit::Prune& prune,
                                                                      bool& has_more) {
  const WindowStart epoch{};
  const auto width = tally::window_end(prune.granularity, epoch) - epoch;
  const auto last_start = std::chrono::floor<std::chrono::seconds>(prune.before) - width;
  Statement& find = statement(StoreSql::find_prunable)
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
    if (rows >= prune.rows_max) break;
    windows.push_back(window_start(find.number(0)));
    rows += find.number(1);
  }
  has_more = true;
  find.reset();
  return windows;
}

// Ends

commit::CommitOutcome SqliteMetricsStore::commit() {
  auto ended = database_.commit();
  if (ended) return {commit::CommitStatus::committed, {}};
  return {commit::CommitStatus::unknown, give_up(std::move(ended).error())};
}

void SqliteMetricsStore::rollback() { database_.rollback(); }

Result<bool> SqliteMetricsStore::checkpoint() {
  auto end = database_.checkpoint(CheckpointMode::passive);
  if (!end) return std::unexpected(give_up(std::move(end).error()));
  return end->complete();
}

}  // namespace weir::sqlite
