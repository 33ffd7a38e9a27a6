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
  if (connection_) connection_->rollback();  // what a caller left open is not to be written by the next one
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
  // The server names a table or column in some of these errors only ("integer out of range").
  const auto checked = check_columns(*connection_);
  if (!checked && checked.error().code == code_tables_differ)
    why.text = checked.error().text + " (" + why.text + ")";
  return why;
}

void PostgresMetricsStore::rollback() {
  if (connection_) connection_->rollback();
}

// Outside transactions

Result<std::vector<std::int64_t>> PostgresMetricsStore::find_dead_letters(std::int32_t partition,
                                                                          std::int64_t from,
                                                                          std::int64_t to) {
  Parameters parameters;
  parameters.add(options_.topic).add(Type::int4, partition).add(Type::int8, from).add(Type::int8, to);
  auto answers = run_outside({{store_sql::find_dead_letters, std::move(parameters)}});
  if (!answers) return propagate(answers);
  const Rows& rows = answers->front();
  std::vector<std::int64_t> offsets;
  for (int row = 0; row < rows.count(); ++row) offsets.push_back(rows.number(row, 0));
  return offsets;
}

Result<std::vector<WindowStart>> PostgresMetricsStore::find_pending_rollups(std::int32_t partition) {
  auto answers = run_outside({{store_sql::find_pending_rollups,
                               std::move(Parameters().add(options_.topic).add(Type::int4, partition))}});
  if (!answers) return propagate(answers);
  const Rows& rows = answers->front();
  std::vector<WindowStart> minutes;
  for (int row = 0; row < rows.count(); ++row) minutes.push_back(window_start(rows, row, 0));
  return minutes;
}

// Within one

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
  if (keys.empty()) return WindowRows(std::in_place);
  auto answers = run_inside({{store_sql::read_windows, key_parameters(options_.topic, keys, bytes_max)}});
  if (!answers) return propagate(answers);
  return window_rows(answers->front(), bytes_max);
}

// How many rows the minutes may have is known without looking at them, so only as many are looked at as are
// needed.
Result<commit::PendingRows> PostgresMetricsStore::read_pending_rows(std::int32_t partition,
                                                                    std::span<const WindowStart> minutes,
                                                                    const commit::RowBounds& bounds) {
  auto answers =
      run_inside({{store_sql::minute_rows, minute_parameters(options_.topic, partition, minutes)}});
  if (!answers) return propagate(answers);
  std::size_t looked_at = 0;
  for (std::size_t rows = 0; looked_at < minutes.size() && rows < bounds.rows; ++looked_at)
    rows += static_cast<std::size_t>(answers->front().number(static_cast<int>(looked_at), 0));

  Parameters parameters = minute_parameters(options_.topic, partition, minutes.first(looked_at));
  parameters.add(Type::int8, static_cast<std::int64_t>(bounds.rows))
      .add(Type::int8, static_cast<std::int64_t>(bounds.bytes));
  answers = run_inside({{store_sql::read_pending_rows, std::move(parameters)}});
  if (!answers) return propagate(answers);
  const Rows& rows = answers->front();
  commit::PendingRows found{.rows = {}, .minutes_read = looked_at};
  for (int row = 0; row < rows.count(); ++row) found.rows.push_back(window_row(rows, row));
  if (rows.count() > 0 && rows.number(0, window_column_count) > rows.count()) {
    const auto last = std::ranges::find(minutes, found.rows.back().key.start);
    found.minutes_read = static_cast<std::size_t>(last - minutes.begin());
  }
  return found;
}

Result<std::vector<commit::DeadLetterState>> PostgresMetricsStore::lock_dead_letters(
    std::span<const commit::DeadLetterId> letters) {
  using commit::DeadLetterState;
  std::vector<commit::DeadLetterId> in_order(letters.begin(), letters.end());
  std::ranges::sort(in_order);  // every process locks letters in this order
  in_order.erase(std::ranges::unique(in_order).begin(), in_order.end());
  auto answers = run_inside({{store_sql::lock_dead_letters, source_parameters(in_order)}});
  if (!answers) return propagate(answers);
  const Rows& rows = answers->front();
  std::map<commit::DeadLetterId, DeadLetterState> found;
  for (int row = 0; row < rows.count(); ++row) {
    found[{std::string(rows.bytes(row, 0)), static_cast<std::int32_t>(rows.number(row, 1)),
           rows.number(row, 2)}] =
        rows.number(row, 3) != 0 ? DeadLetterState::replayed : DeadLetterState::waiting;
  }
  std::vector<DeadLetterState> states;
  for (const commit::DeadLetterId& letter : letters) {
    const auto known = found.find(letter);
    states.push_back(known == found.end() ? DeadLetterState::unknown : known->second);
  }
  return states;
}

// Writing

namespace {

// All that goes in one round trip, and how many rows each statement must have changed: else something stands
// there that we do not believe to be there.
struct Batch {
  struct ExpectedRows {
    std::size_t call = 0;
    std::size_t rows = 0;
    Error broken;
  };
  std::vector<Connection::Call> calls;
  std::vector<ExpectedRows> promises;

  void add(const Statement& statement, Parameters parameters) {
    calls.push_back({statement, std::move(parameters)});
  }
  void must_change(std::size_t rows, std::string_view code, std::string text) {
    promises.push_back({calls.size() - 1, rows, {ErrorKind::internal, code, std::move(text)}});
  }
};

void add_replays(Batch& batch, const commit::Changes& changes) {
  const auto among = [](const commit::DeadLetterId& first) { return ", among them " + to_text(first); };
  if (!changes.replayed.empty()) {
    batch.add(store_sql::set_replayed,
              std::move(source_parameters(changes.replayed).add(changes.written_at)));
    batch.must_change(changes.replayed.size(), "letter_not_waiting",
                      "a letter does not wait for a replay" + among(changes.replayed.front()));
  }
  std::map<std::int64_t, std::vector<commit::DeadLetterId>> failed;
  for (const auto& [source, times] : changes.failed_replays) failed[times].push_back(source);
  for (const auto& [times, sources] : failed) {
    batch.add(store_sql::add_attempts, std::move(source_parameters(sources).add(Type::int8, times)));
    batch.must_change(sources.size(), "letter_missing",
                      "a failed replay is of no dead letter" + among(sources.front()));
  }
}

void add_ledgers(Batch& batch, const std::string& topic, std::span<const tally::LedgerRow> ledgers) {
  if (ledgers.empty()) return;
  batch.add(store_sql::put_ledgers, ledger_parameters(topic, ledgers));
  batch.must_change(ledgers.size(), "fence_missing",
                    "a ledger row is not held at the version of its fence, among them partition " +
                        std::to_string(ledgers.front().partition) + " at " +
                        std::to_string(ledgers.front().version));
}

// Everything but the horizons.
Batch batch_of(const std::string& topic, const commit::Changes& changes) {
  Batch batch;
  if (!changes.windows.empty())
    batch.add(store_sql::put_windows, window_parameters(topic, changes.written_at, changes.windows));
  if (!changes.pending_rollups.empty())
    batch.add(store_sql::set_unrolled, unrolled_parameters(topic, changes.pending_rollups));
  if (!changes.rolled_up.empty())
    batch.add(store_sql::set_rolled, unrolled_parameters(topic, changes.rolled_up));
  if (!changes.dead_letters.empty())
    batch.add(store_sql::put_letters, letter_parameters(topic, changes.dead_letters));
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

// A horizon's row is locked as late as can be, for every process may want it.
Result<commit::Written> PostgresMetricsStore::write(const commit::Changes& changes) {
  Batch batch = batch_of(options_.topic, changes);
  std::vector<commit::HorizonRaise> horizons = changes.horizons;
  if (changes.prunes.empty() && !horizons.empty())
    batch.add(store_sql::raise_horizons, horizon_parameters(std::exchange(horizons, {})));
  auto answers = run_inside(batch.calls);
  if (!answers) return propagate(answers);
  for (Batch::ExpectedRows& promise : batch.promises) {
    if ((*answers)[promise.call].rows_changed() != static_cast<std::int64_t>(promise.rows))
      return std::unexpected(give_up(std::move(promise.broken)));
  }
  commit::Written written;
  std::size_t answer = answers->size() - changes.prunes.size();
  for (const commit::Prune& prune : changes.prunes) {
    const Rows& pruned = (*answers)[answer++];
    written.more_to_prune = written.more_to_prune || pruned.number(0, 1) != 0;
    if (pruned.is_null(0, 0)) continue;
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
            {ErrorKind::unavailable, code_conflict, "PostgreSQL had ended the transaction already"}};
  const CommitStatus end = connection_->is_lost() ? CommitStatus::unknown : CommitStatus::aborted;
  return {end, give_up(std::move(answer).error())};
}

}  // namespace weir::postgres
