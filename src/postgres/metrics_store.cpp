// All calls come from the writer's thread. A flush is begin(), which sends BEGIN with the fence and reads its
// answer, then reads and writes, then commit(). Each call sends its statements together and waits once
// (Connection::run). No statement that writes is sent before the answer of the fence was read: the server
// would run it after a fence that failed.
//
// store_ledger.cpp has what happens to ledger rows outside of a flush. store_dead_letters.cpp reads and locks
// dead letters. This file has the rest.
#include "postgres/metrics_store.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "postgres/errors.hpp"
#include "postgres/migrations.hpp"
#include "postgres/store_rows.hpp"
#include "postgres/store_sql.hpp"

namespace weir::postgres {

PostgresMetricsStore::PostgresMetricsStore(MetricsStoreOptions options) : options_(std::move(options)) {
  Keywords& session = options_.connection.session;
  session.insert(session.end(), writer_session().begin(), writer_session().end());
}

Result<std::vector<Rows>> PostgresMetricsStore::run_outside(const Calls& calls) {
  if (connection_) connection_->rollback();  // a transaction that the last caller left open
  if (!connection_ || connection_->is_lost()) {
    connection_.reset();
    auto opened = Connection::open(options_.connection);
    if (!opened) return propagate(opened);
    connection_ = *std::move(opened);
  }
  auto answers = connection_->run(calls);
  if (!answers) return std::unexpected(give_up(std::move(answers).error()));
  return answers;
}

Result<std::vector<Rows>> PostgresMetricsStore::run_inside(const Calls& calls) {
  if (!connection_ || !connection_->in_transaction())
    return fail(ErrorKind::unavailable, code_lost,
                "PostgreSQL: the session was lost, and its transaction with it");
  auto answers = connection_->run(calls);
  if (!answers) return std::unexpected(give_up(std::move(answers).error()));
  return answers;
}

Error PostgresMetricsStore::give_up(Error why) {
  rollback();
  if (why.code != code_tables_differ || !connection_ || connection_->is_lost()) return why;
  // Some of these errors name no table or column ("integer out of range"). A look at the columns may.
  const auto checked = check_columns(*connection_);
  if (!checked && checked.error().code == code_tables_differ)
    why.text = checked.error().text + " (" + why.text + ")";
  return why;
}

// A session that cannot roll back is closed by Connection::rollback().
void PostgresMetricsStore::rollback() {
  if (connection_) connection_->rollback();
}

// Outside of a transaction

Result<std::vector<WindowStart>> PostgresMetricsStore::find_pending_rollups(std::int32_t partition) {
  auto answers = run_outside({{store_sql::pending_rollup_minutes,
                               std::move(Parameters().add(options_.topic).add(Type::int4, partition))}});
  if (!answers) return propagate(answers);
  const Rows& rows = answers->front();
  std::vector<WindowStart> minutes;
  for (int row = 0; row < rows.count(); ++row) minutes.push_back(window_start(rows, row, 0));
  return minutes;
}

// In a transaction

Result<std::vector<std::int32_t>> PostgresMetricsStore::begin(std::span<const commit::Fence> fences) {
  auto answers =
      run_outside({{store_sql::begin}, {store_sql::fence, fence_parameters(options_.topic, fences)}});
  if (!answers) return propagate(answers);
  const Rows& rows = answers->back();
  std::vector<std::int32_t> held;
  for (int row = 0; row < rows.count(); ++row) held.push_back(static_cast<std::int32_t>(rows.number(row, 0)));
  return held;
}

Result<commit::MetricsStore::WindowRows> PostgresMetricsStore::read_windows(
    std::span<const tally::WindowKey> keys, std::size_t bytes_max) {
  if (keys.empty()) return WindowRows(std::in_place);  // saves a round trip
  auto answers = run_inside({{store_sql::read_windows, key_parameters(options_.topic, keys, bytes_max)}});
  if (!answers) return propagate(answers);
  return window_rows(answers->front(), bytes_max);
}

// The number of rows that a minute may have stands in its `total` row. So the first statement finds how many
// minutes are enough for `bounds`, and the second reads only those.
Result<commit::PendingRows> PostgresMetricsStore::read_pending_rows(std::int32_t partition,
                                                                    std::span<const WindowStart> minutes,
                                                                    const commit::RowBounds& bounds) {
  auto answers =
      run_inside({{store_sql::count_minute_rows, minute_parameters(options_.topic, partition, minutes)}});
  if (!answers) return propagate(answers);
  std::size_t looked_at = 0;
  for (std::size_t rows = 0; looked_at < minutes.size() && rows < bounds.rows; ++looked_at)
    rows += static_cast<std::size_t>(answers->front().number(static_cast<int>(looked_at), 0));

  Parameters parameters = minute_parameters(options_.topic, partition, minutes.first(looked_at));
  parameters.add(Type::int8, static_cast<std::int64_t>(bounds.rows))
      .add(Type::int8, static_cast<std::int64_t>(bounds.bytes));
  answers = run_inside({{store_sql::read_pending_rollup, std::move(parameters)}});
  if (!answers) return propagate(answers);
  const Rows& rows = answers->front();
  commit::PendingRows found{.rows = {}, .minutes_read = looked_at};
  for (int row = 0; row < rows.count(); ++row) found.rows.push_back(window_row(rows, row));
  // Fewer rows than there are: the minute of the last one may not be complete.
  if (rows.count() > 0 && rows.number(0, window_column_count) > rows.count()) {
    const auto last = std::ranges::find(minutes, found.rows.back().key.start);
    found.minutes_read = static_cast<std::size_t>(last - minutes.begin());
  }
  return found;
}

// Writing

namespace {

// The statements of one round trip, and how many rows some of them must change. Another number means that the
// database is not in the state that the transaction has read.
struct Batch {
  struct ExpectedRows {
    std::size_t call = 0;
    std::size_t rows = 0;
    Error error;  // if another number was changed
  };
  std::vector<Connection::Call> calls;
  std::vector<ExpectedRows> expected;

  void add(const Statement& statement, Parameters parameters) {
    calls.push_back({statement, std::move(parameters)});
  }
  // The statement added last must change `rows` rows.
  void must_change(std::size_t rows, std::string_view code, std::string text) {
    expected.push_back({calls.size() - 1, rows, {ErrorKind::internal, code, std::move(text)}});
  }
};

void add_replays(Batch& batch, const commit::Changes& changes) {
  const auto among = [](const commit::DeadLetterId& first) { return ", among them " + to_text(first); };
  if (!changes.replayed.empty()) {
    batch.add(store_sql::set_replayed,
              std::move(dead_letter_id_parameters(changes.replayed).add(changes.written_at)));
    batch.must_change(changes.replayed.size(), "dead_letter_not_waiting",
                      "a dead letter does not wait for a replay" + among(changes.replayed.front()));
  }
  // One statement for each number of attempts; nearly always there is one.
  std::map<std::int64_t, std::vector<commit::DeadLetterId>> failed;
  for (const auto& [source, times] : changes.failed_replays) failed[times].push_back(source);
  for (const auto& [times, sources] : failed) {
    batch.add(store_sql::add_attempts, std::move(dead_letter_id_parameters(sources).add(Type::int8, times)));
    batch.must_change(sources.size(), "dead_letter_missing",
                      "a failed replay names no dead letter" + among(sources.front()));
  }
}

void add_ledgers(Batch& batch, const std::string& topic, std::span<const tally::LedgerRow> ledgers) {
  if (ledgers.empty()) return;
  batch.add(store_sql::put_ledgers, ledger_parameters(topic, ledgers));
  batch.must_change(ledgers.size(), "fence_missing",
                    "a ledger row is not at the version that its fence has set, among them partition " +
                        std::to_string(ledgers.front().partition) + " at version " +
                        std::to_string(ledgers.front().version));
}

// Everything but the horizons. Prunes are last, as write() reads their answers from the end.
Batch batch_of(const std::string& topic, const commit::Changes& changes) {
  Batch batch;
  if (!changes.windows.empty())
    batch.add(store_sql::put_windows, window_parameters(topic, changes.written_at, changes.windows));
  if (!changes.pending_rollups.empty())
    batch.add(store_sql::set_pending_rollup, pending_rollup_parameters(topic, changes.pending_rollups));
  if (!changes.rolled_up.empty())
    batch.add(store_sql::clear_pending_rollup, pending_rollup_parameters(topic, changes.rolled_up));
  if (!changes.dead_letters.empty())
    batch.add(store_sql::put_dead_letters, dead_letter_parameters(topic, changes.dead_letters));
  add_replays(batch, changes);
  if (changes.flush) batch.add(store_sql::put_flush, flush_parameters(*changes.flush, changes.written_at));
  add_ledgers(batch, topic, changes.ledgers);
  if (changes.prune_flushes_before)
    batch.add(store_sql::prune_flushes, std::move(Parameters().add(*changes.prune_flushes_before)));
  for (const commit::Prune& prune : changes.prunes)
    batch.add(store_sql::prune_windows, prune_parameters(topic, prune));
  return batch;
}

}  // namespace

// Every process may raise a horizon, so its row is locked as late as possible: in this round trip if nothing
// is pruned, else in a second one.
Result<commit::Written> PostgresMetricsStore::write(const commit::Changes& changes) {
  Batch batch = batch_of(options_.topic, changes);
  std::vector<commit::HorizonRaise> horizons = changes.horizons;
  if (changes.prunes.empty() && !horizons.empty())
    batch.add(store_sql::raise_horizons, horizon_parameters(std::exchange(horizons, {})));
  auto answers = run_inside(batch.calls);
  if (!answers) return propagate(answers);
  for (Batch::ExpectedRows& expected : batch.expected) {
    if ((*answers)[expected.call].rows_changed() != static_cast<std::int64_t>(expected.rows))
      return std::unexpected(give_up(std::move(expected.error)));
  }
  commit::Written written;
  std::size_t answer = answers->size() - changes.prunes.size();
  for (const commit::Prune& prune : changes.prunes) {
    const Rows& pruned = (*answers)[answer++];
    written.more_to_prune = written.more_to_prune || pruned.number(0, 1) != 0;
    if (pruned.is_null(0, 0)) continue;  // nothing was old enough
    horizons.push_back({prune.granularity, tally::window_end(prune.granularity, window_start(pruned, 0, 0))});
  }
  if (horizons.empty()) return written;
  auto raised = run_inside({{store_sql::raise_horizons, horizon_parameters(horizons)}});
  if (!raised) return propagate(raised);
  return written;
}

commit::CommitOutcome PostgresMetricsStore::commit() {
  using commit::CommitStatus;
  if (!connection_ || !connection_->in_transaction())
    return {CommitStatus::aborted,
            {ErrorKind::unavailable, code_lost, "PostgreSQL: the session was lost before the commit"}};
  auto answer = connection_->run(store_sql::commit);
  if (answer && answer->command() == "COMMIT") return {CommitStatus::committed, {}};
  if (answer)
    return {CommitStatus::aborted,
            {ErrorKind::unavailable, code_conflict, "PostgreSQL had rolled the transaction back already"}};
  // An error of the server means that it rolled back. Without an answer nothing is known.
  const CommitStatus end = connection_->is_lost() ? CommitStatus::unknown : CommitStatus::aborted;
  return {end, give_up(std::move(answer).error())};
}

}  // namespace weir::postgres
