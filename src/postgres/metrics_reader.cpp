// Each snapshot runs on the thread that asked for it, on a session that it has alone. The session checks the
// cancellation while it waits for the server (Connection::interrupt_when), fetch_all() checks it between the
// rows.
#include "postgres/metrics_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "postgres/errors.hpp"
#include "postgres/pool.hpp"
#include "postgres/reader_sql.hpp"
#include "postgres/store_rows.hpp"
#include "report/range.hpp"
#include "report/scan.hpp"

namespace weir::postgres {
namespace {

// A granularity without a row keeps the epoch, 1970, which is before every window: nothing was pruned.
Result<report::Horizons> horizons_in(const Rows& rows) {
  report::Horizons horizons;
  for (int row = 0; row < rows.count(); ++row) {
    const auto granularity = tally::granularity_named(rows.bytes(row, 0));
    if (!granularity)
      return fail(ErrorKind::invalid, code_tables_differ,
                  "activity_horizon has a row of granularity \"" + std::string(rows.bytes(row, 0)) +
                      "\"; expected minute, hour or day");
    horizons.pruned_to[static_cast<std::size_t>(*granularity)] = rows.moment(row, 1);
  }
  return horizons;
}

// How often the server checks that the client is still connected while it runs a statement.
constexpr std::chrono::milliseconds client_check_interval{500};

// The timeouts bound the work of the server for a query that has ended, and the wait for a server that does
// not answer. Both are longer than the deadline of the query, whose error is more precise.
PoolOptions pool_options(MetricsReaderOptions options) {
  const std::chrono::milliseconds longest = limits::query_deadline + std::chrono::seconds(1);
  ConnectionSettings& session = options.connection;
  session.client_check_interval = client_check_interval;
  session.statement_timeout = std::min(session.statement_timeout, longest);
  session.answer_timeout = std::min(session.answer_timeout, longest + std::chrono::seconds(1));
  for (const auto& setting : reader_session()) options.connection.session.push_back(setting);
  return {.connection = std::move(options.connection),
          .connections_max = options.connections,
          .wait_max = options.wait_max};
}

}  // namespace

// What all snapshots use.
class PostgresMetricsReader::Shared {
 public:
  explicit Shared(MetricsReaderOptions options)
      : topic(options.topic), pool(pool_options(std::move(options))) {}

  const std::string topic;
  Pool pool;
};

class PostgresMetricsReader::Snapshot final : public report::MetricsSnapshot {
 public:
  // The session is in the transaction in which the horizons were read.
  Snapshot(const Shared& shared, Pool::Lease session, const report::Horizons& horizons,
           report::Cancellation cancellation)
      : topic_(shared.topic),
        session_(std::move(session)),
        horizons_(horizons),
        cancellation_(std::move(cancellation)) {}

  // The pool rolls the transaction back, which the cancellation must not interrupt.
  ~Snapshot() override { session_->interrupt_when({}); }

  Result<report::Horizons> horizons() override { return horizons_; }

  // Hours and days lack what their minutes have not rolled up yet. A second statement reads these counts from
  // the minutes.
  Result<void> scan(const report::WindowQuery& query,
                    std::function<void(const report::ViewRow&)> take) override {
    auto read = scan_part(query, false, take);
    if (read && query.granularity != tally::Granularity::minute) read = scan_part(query, true, take);
    return read;
  }

  Result<void> count_by_value(const report::ValueQuery& query,
                              std::function<void(const report::ValueRow&)> take) override {
    return fetch_all(reader_sql::count_by_value, reader_sql::fetch_values, parameters_of(query),
                     reader_sql::rows_of_counts_max, [&](const Rows& rows, int row) {
                       take({rows.bytes(row, 0), rows.number(row, 1), rows.number(row, 2), {}});
                     });
  }

  Result<void> users_by_value(const report::ValueQuery& query,
                              std::function<void(const report::ValueRow&)> take) override {
    return fetch_all(
        reader_sql::users_by_value, reader_sql::fetch_values_with_users, parameters_of(query),
        reader_sql::rows_with_users_max, [&](const Rows& rows, int row) {
          take({rows.bytes(row, 0), rows.number(row, 1), rows.number(row, 2), rows.bytes(row, 3)});
        });
  }

  Result<void> scan_day_marks(WindowStart from, WindowStart to,
                              std::function<void(const report::DayMark&)> take) override {
    constexpr auto day = tally::Granularity::day;
    const auto kept = report::kept_part({day, from, to}, horizons_);
    Parameters parameters;
    parameters.add(topic_).add(kept.from).add(kept.to);
    return fetch_all(reader_sql::day_marks, reader_sql::fetch_day_marks, parameters,
                     reader_sql::rows_of_counts_max, [&](const Rows& rows, int row) {
                       take({.day = tally::floor_to(day, window_start(rows, row, 0)),
                             .partition = static_cast<std::int32_t>(rows.number(row, 1)),
                             .is_pending = rows.number(row, 2) != 0,
                             .events = rows.number(row, 3),
                             .last_write = rows.moment(row, 4)});
                     });
  }

  Result<std::vector<tally::KnownDimension>> dimensions() override {
    auto rows = session_->run(reader_sql::dimensions);
    if (!rows) return propagate(rows);
    return known_dimensions(*rows);
  }

  Result<std::vector<tally::LedgerRow>> ledger() override {
    auto rows = session_->run(reader_sql::ledgers, std::move(Parameters().add(topic_)));
    if (!rows) return propagate(rows);
    std::vector<tally::LedgerRow> ledgers;
    for (int row = 0; row < rows->count(); ++row) ledgers.push_back(ledger_row(*rows, row));
    return ledgers;
  }

  Result<std::vector<report::DeadLetterGroup>> dead_letter_groups(
      const report::DeadLetterFilter& filter) override {
    auto rows = session_->run(reader_sql::dead_letter_groups, parameters_of(filter));
    if (!rows) return propagate(rows);
    std::vector<report::DeadLetterGroup> groups;
    for (int row = 0; row < rows->count(); ++row) groups.push_back(dead_letter_group(*rows, row));
    return groups;
  }

  Result<void> scan_dead_letters(const report::DeadLetterFilter& filter,
                                 std::function<bool(report::DeadLetterRow)> take) override {
    // fetch_all() ends at the first false and closes the cursor.
    bool more = true;
    return fetch_all(reader_sql::dead_letters, reader_sql::fetch_dead_letters, parameters_of(filter),
                     reader_sql::dead_letters_max, [&](const Rows& rows, int row) {
                       more = more && take(dead_letter_row(rows, row));
                       return more;
                     });
  }

 private:
  // An absent part of the filter is NULL, which matches every row. So one prepared statement serves all
  // filters.
  [[nodiscard]] Parameters parameters_of(const report::DeadLetterFilter& filter) const {
    Parameters parameters;
    parameters.add(topic_);
    filter.reason ? parameters.add(*filter.reason) : parameters.add_null();
    filter.from ? parameters.add(*filter.from) : parameters.add_null();
    filter.to ? parameters.add(*filter.to) : parameters.add_null();
    filter.partition ? parameters.add(Type::int4, *filter.partition) : parameters.add_null();
    filter.offset ? parameters.add(Type::int8, *filter.offset) : parameters.add_null();
    parameters.add(Type::boolean, filter.waiting_only ? 1 : 0);
    parameters.add(Type::int4, filter.after_partition).add(Type::int8, filter.after_offset);
    return parameters;
  }

  // The stored rows of a query, or what is pending roll-up in its windows.
  Result<void> scan_part(const report::WindowQuery& query, bool pending_rollup,
                         const std::function<void(const report::ViewRow&)>& take) {
    const Statement& declared = reader_sql::scan(report::scan_for(query, pending_rollup));
    const Statement& fetch =
        query.with_users ? reader_sql::fetch_windows_with_users : reader_sql::fetch_windows;
    return fetch_all(declared, fetch, parameters_of(query, pending_rollup),
                     query.with_users ? reader_sql::rows_with_users_max : reader_sql::rows_of_counts_max,
                     [&](const Rows& rows, int row) {
                       take({.start = tally::floor_to(query.granularity, window_start(rows, row, 0)),
                             .partition = static_cast<std::int32_t>(rows.number(row, 1)),
                             .value = rows.bytes(row, 2),
                             .events = rows.number(row, 3),
                             .page_views = rows.number(row, 4),
                             .users = query.with_users ? rows.bytes(row, 5) : std::string_view()});
                     });
  }

  [[nodiscard]] Parameters parameters_of(const report::WindowQuery& query, bool pending_rollup) const {
    const auto kept = report::kept_part({query.granularity, query.from, query.to}, horizons_);
    const auto read_from = pending_rollup ? tally::Granularity::minute : query.granularity;
    Parameters parameters;
    parameters.add(topic_)
        .add(Type::int2, number_of(read_from))
        .add(Type::int2, number_of(query.dimension))
        .add(kept.from)
        .add(kept.to);
    // scan_for() has chosen a statement without $6 otherwise.
    if (query.values) {
      Array values(Type::text);
      for (const std::string_view value : *query.values) values.add(value);
      parameters.add(std::move(values));
    }
    return parameters;
  }

  // The runs as three arrays of equal length, one element for each run.
  [[nodiscard]] Parameters parameters_of(const report::ValueQuery& query) const {
    Array granularities(Type::int2);
    Array first(Type::timestamptz);
    Array past(Type::timestamptz);
    for (const report::WindowRun& run : query.runs) {
      const auto kept = report::kept_part(run, horizons_);
      granularities.add(number_of(run.granularity));
      first.add(kept.from);
      past.add(kept.to);
    }
    Parameters parameters;
    parameters.add(topic_).add(Type::int2, number_of(query.dimension));
    parameters.add(std::move(granularities)).add(std::move(first)).add(std::move(past));
    return parameters;
  }

  // Declares the cursor and calls `on_row` for each of its rows, until it returns false if it returns a bool.
  // The first rows come in the same round trip.
  template <class OnRow>
  Result<void> fetch_all(const Statement& declared, const Statement& fetch, const Parameters& parameters,
                         int rows_max, OnRow&& on_row) {
    constexpr int rows_between_checks = 64;
    const Parameters none;
    auto answers =
        session_->run(std::array{Connection::Call{declared, parameters}, Connection::Call{fetch, none}});
    if (!answers) return propagate(answers);
    Rows rows = std::move(answers->back());
    while (true) {
      bool ended = false;
      for (int row = 0; row < rows.count() && !ended; ++row) {
        if constexpr (std::is_same_v<decltype(on_row(rows, row)), bool>)
          ended = !on_row(rows, row);
        else
          on_row(rows, row);
        if (row % rows_between_checks != rows_between_checks - 1) continue;
        if (auto due = cancellation_.check(); !due) return due;
      }
      if (ended || rows.count() < rows_max) break;  // the cursor has no more
      auto next = session_->run(fetch);
      if (!next) return propagate(next);
      rows = std::move(*next);
    }
    // Closed for the next query of this snapshot, because all cursors have the same name.
    auto closed = session_->run(reader_sql::close);
    if (!closed) return propagate(closed);
    return {};
  }

  const std::string& topic_;
  // The lease gives the session back to the pool when the snapshot is destroyed.
  Pool::Lease session_;
  const report::Horizons horizons_;
  const report::Cancellation cancellation_;
};

PostgresMetricsReader::PostgresMetricsReader(MetricsReaderOptions options)
    : shared_(std::make_unique<Shared>(std::move(options))) {}
PostgresMetricsReader::~PostgresMetricsReader() = default;

Result<std::unique_ptr<report::MetricsSnapshot>> PostgresMetricsReader::snapshot(
    const report::Cancellation& cancellation) {
  const Parameters none;
  while (true) {
    if (auto due = cancellation.check(); !due) return propagate(due);
    auto session = shared_->pool.take();
    if (!session) return propagate(session);
    (*session)->interrupt_when([cancellation] { return cancellation.check(); });
    // BEGIN alone takes no snapshot. The first read does.
    auto begun = (*session)->run(
        std::array{Connection::Call{reader_sql::begin, none}, Connection::Call{reader_sql::horizons, none}});
    if (!begun) {
      // The pool drops a session that was lost while it was idle. Each such session is tried once, so this
      // ends.
      if (session->is_reused() && (*session)->is_lost()) continue;
      return propagate(begun);
    }
    auto horizons = horizons_in(begun->back());
    if (!horizons) return propagate(horizons);
    return std::make_unique<Snapshot>(*shared_, std::move(*session), *horizons, cancellation);
  }
}

}  // namespace weir::postgres
