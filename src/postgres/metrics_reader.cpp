#include "postgres/metrics_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "postgres/errors.hpp"
#include "postgres/pool.hpp"
#include "postgres/scan_sql.hpp"
#include "postgres/store_rows.hpp"
#include "report/range.hpp"

namespace weir::postgres {
namespace {

// So many rows are in memory at once. A sketch has up to 32 KiB.
constexpr int rows_with_users_max = 250;
constexpr int rows_of_counts_max = 5'000;

Statement fetch(const char* what, int rows, std::string_view kinds) {
  return {std::string("weir_fetch_") + what, "FETCH " + std::to_string(rows) + " FROM weir_scan", kinds,
          "activity_windows"};
}

const std::string declare = "DECLARE weir_scan NO SCROLL CURSOR FOR ";

// Every statement of the reader, made once: a session prepares it by its name.
struct Statements {
  Statement begin{"", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"};
  Statement horizons{"weir_horizons", "SELECT granularity, pruned_to FROM activity_horizon", "tm",
                     "activity_horizon"};
  Statement ledger{"weir_ledgers",
                   "SELECT " + std::string(ledger_columns) +
                       " FROM activity_ledger WHERE topic = $1::text ORDER BY partition",
                   ledger_kinds, "activity_ledger"};
  // By what a row begins with (a window, or its value alone), and whether a sketch ends it.
  Statement fetch_windows = fetch("windows", rows_of_counts_max, "mntnn");
  Statement fetch_windows_with_users = fetch("windows_with_users", rows_with_users_max, "mntnnt");
  Statement fetch_values = fetch("values", rows_of_counts_max, "tnn");
  Statement fetch_values_with_users = fetch("values_with_users", rows_with_users_max, "tnnt");
  Statement close{"weir_close", "CLOSE weir_scan"};
  Statement count_by_value{"weir_count_by_value", declare + count_by_value_sql()};
  Statement users_by_value{"weir_users_by_value", declare + users_by_value_sql()};
  std::vector<Statement> scans;  // by to_text()

  Statements() {
    for (const auto values : {Scan::Values::all, Scan::Values::few, Scan::Values::many}) {
      for (const bool users : {false, true}) {
        for (const bool remainders : {false, true}) {
          scans.push_back(
              {"weir_scan_" + std::to_string(scans.size()), declare + scan_sql({remainders, values, users})});
        }
      }
    }
  }
  static std::size_t to_text(const Scan& scan) {
    return (scan.remainders ? 1U : 0U) + (scan.users ? 2U : 0U) + 4U * static_cast<std::size_t>(scan.values);
  }
};

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

Scan::Values values_of(const report::WindowQuery& query) {
  if (!query.values) return Scan::Values::all;
  return query.values->size() <= Scan::few_values_max ? Scan::Values::few : Scan::Values::many;
}

constexpr std::chrono::milliseconds client_check_interval{500};

// Bounds the work of the server for a question that has ended, and the wait for a server that is silent.
// Both come after the question's own deadline, whose error says more.
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

// What all snapshots share. Outlives them by its owner's promise.
class PostgresMetricsReader::Sessions {
 public:
  explicit Sessions(MetricsReaderOptions options)
      : topic(options.topic), pool(pool_options(std::move(options))) {}

  const std::string topic;
  const Statements statements;
  Pool pool;
};

class PostgresMetricsReader::Snapshot final : public report::MetricsSnapshot {
 public:
  // The session is in its transaction, in which the horizons were read.
  Snapshot(const Sessions& sessions, Pool::Lease session, const report::Horizons& horizons,
           report::Cancellation cancellation)
      : topic_(sessions.topic),
        statements_(sessions.statements),
        session_(std::move(session)),
        horizons_(horizons),
        cancellation_(std::move(cancellation)) {}

  ~Snapshot() override { session_->interrupt_when({}); }  // its transaction is rolled back in peace

  Result<report::Horizons> horizons() override { return horizons_; }

  Result<void> scan(const report::WindowQuery& query,
                    std::function<void(const report::ViewRow&)> take) override {
    for (const bool remainders : {false, true}) {
      if (remainders && query.granularity == tally::Granularity::minute) break;
      if (auto passed = pass_by(query, remainders, take); !passed) return passed;
    }
    return {};
  }

  Result<void> count_by_value(const report::ValueQuery& query,
                              std::function<void(const report::ValueRow&)> take) override {
    return fetch_all(statements_.count_by_value, statements_.fetch_values, parameters_of(query),
                     rows_of_counts_max, [&](const Rows& rows, int row) {
                       take({rows.bytes(row, 0), rows.number(row, 1), rows.number(row, 2), {}});
                     });
  }

  Result<void> users_by_value(const report::ValueQuery& query,
                              std::function<void(const report::ValueRow&)> take) override {
    return fetch_all(
        statements_.users_by_value, statements_.fetch_values_with_users, parameters_of(query),
        rows_with_users_max, [&](const Rows& rows, int row) {
          take({rows.bytes(row, 0), rows.number(row, 1), rows.number(row, 2), rows.bytes(row, 3)});
        });
  }

  Result<std::vector<tally::LedgerRow>> ledger() override {
    Parameters parameters;
    parameters.add(topic_);
    auto rows = session_->run(statements_.ledger, parameters);
    if (!rows) return propagate(rows);
    std::vector<tally::LedgerRow> ledgers;
    for (int row = 0; row < rows->count(); ++row) ledgers.push_back(ledger_row(*rows, row));
    return ledgers;
  }

 private:
  [[nodiscard]] Parameters parameters_of(const report::WindowQuery& query, bool remainders) const {
    const auto kept_from = std::chrono::ceil<std::chrono::seconds>(horizons_.of(query.granularity));
    const auto granularity = remainders ? tally::Granularity::minute : query.granularity;
    Parameters parameters;
    parameters.add(topic_)
        .add(Type::int2, number_of(granularity))
        .add(Type::int2, number_of(query.dimension))
        .add(report::ceil_to(query.granularity, std::max(query.from, kept_from)))
        .add(report::ceil_to(query.granularity, query.to));
    if (query.values) {
      Array values(Type::text);
      for (const std::string_view value : *query.values) values.add(value);
      parameters.add(std::move(values));
    }
    return parameters;
  }

  Result<void> pass_by(const report::WindowQuery& query, bool remainders,
                       const std::function<void(const report::ViewRow&)>& take) {
    const Scan scan{remainders, values_of(query), query.with_users};
    const Statement& declared = statements_.scans[Statements::to_text(scan)];
    const Statement& fetch =
        query.with_users ? statements_.fetch_windows_with_users : statements_.fetch_windows;
    return fetch_all(declared, fetch, parameters_of(query, remainders),
                     query.with_users ? rows_with_users_max : rows_of_counts_max,
                     [&](const Rows& rows, int row) {
                       take({.start = report::floor_to(query.granularity, window_start(rows, row, 0)),
                             .partition = static_cast<std::int32_t>(rows.number(row, 1)),
                             .value = rows.bytes(row, 2),
                             .events = rows.number(row, 3),
                             .page_views = rows.number(row, 4),
                             .users = query.with_users ? rows.bytes(row, 5) : std::string_view()});
                     });
  }

  [[nodiscard]] Parameters parameters_of(const report::ValueQuery& query) const {
    Array granularities(Type::int2);
    Array first(Type::timestamptz);
    Array past(Type::timestamptz);
    for (const report::WindowRun& run : query.runs) {
      const auto kept_from = std::chrono::ceil<std::chrono::seconds>(horizons_.of(run.granularity));
      granularities.add(number_of(run.granularity));
      first.add(report::ceil_to(run.granularity, std::max(run.from, kept_from)));
      past.add(report::ceil_to(run.granularity, run.to));
    }
    Parameters parameters;
    parameters.add(topic_).add(Type::int2, number_of(query.dimension));
    parameters.add(std::move(granularities)).add(std::move(first)).add(std::move(past));
    return parameters;
  }

  // Declares a cursor and shows its rows. The first come with the answer to the question, the rest piece by
  // piece.
  template <class Show>
  Result<void> fetch_all(const Statement& declared, const Statement& fetch, const Parameters& asked,
                         int rows_max, Show&& show) {
    constexpr int rows_between_checks = 64;
    const Parameters none;
    auto answers =
        session_->run(std::array{Connection::Call{declared, asked}, Connection::Call{fetch, none}});
    if (!answers) return propagate(answers);
    Rows rows = std::move(answers->back());
    while (true) {
      for (int row = 0; row < rows.count(); ++row) {
        show(rows, row);
        if (row % rows_between_checks != rows_between_checks - 1) continue;
        if (auto due = cancellation_.check(); !due) return due;
      }
      if (rows.count() < rows_max) break;
      auto next = session_->run(fetch);
      if (!next) return propagate(next);
      rows = std::move(*next);
    }
    auto closed = session_->run(statements_.close);
    if (!closed) return propagate(closed);
    return {};
  }

  const std::string& topic_;
  const Statements& statements_;
  Pool::Lease session_;
  const report::Horizons horizons_;
  const report::Cancellation cancellation_;
};

PostgresMetricsReader::PostgresMetricsReader(MetricsReaderOptions options)
    : sessions_(std::make_unique<Sessions>(std::move(options))) {}
PostgresMetricsReader::~PostgresMetricsReader() = default;

Result<std::unique_ptr<report::MetricsSnapshot>> PostgresMetricsReader::snapshot(
    const report::Cancellation& cancellation) {
  const Statements& statements = sessions_->statements;
  const Parameters none;
  while (true) {
    if (auto due = cancellation.check(); !due) return propagate(due);
    auto session = sessions_->pool.take();
    if (!session) return propagate(session);
    (*session)->interrupt_when([cancellation] { return cancellation.check(); });
    // The first read fixes the moment.
    auto begun = (*session)->run(
        std::array{Connection::Call{statements.begin, none}, Connection::Call{statements.horizons, none}});
    if (!begun) {
      if (session->is_kept() && (*session)->is_lost()) continue;  // it is dropped: each lost one is met once
      return propagate(begun);
    }
    auto horizons = horizons_in(begun->back());
    if (!horizons) return propagate(horizons);
    return std::make_unique<Snapshot>(*sessions_, std::move(*session), *horizons, cancellation);
  }
}

}  // namespace weir::postgres
