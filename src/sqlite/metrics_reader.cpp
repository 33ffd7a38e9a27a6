#include "sqlite/metrics_reader.hpp"

#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "base/ensure.hpp"
#include "base/json_text.hpp"
#include "sqlite/database.hpp"
#include "sqlite/schema.hpp"
#include "sqlite/store_rows.hpp"
#include "sqlite/store_sql.hpp"

namespace weir::sqlite {
namespace {

using std::chrono::seconds;

// A connection that only reads, with its statements.
struct Connection {
  Database database;
  Statement horizons;
  Statement ledger;
  Statement count_by_value;
  Statement users_by_value;
  Statement users_of_row;
  std::vector<Statement> scans;  // by to_text()

  static std::size_t to_text(const Scan& scan) {
    return (scan.remainders ? 1U : 0U) + (scan.users ? 2U : 0U) + 4U * static_cast<std::size_t>(scan.values);
  }
  Statement& scan(const Scan& scan) { return scans[to_text(scan)]; }
};

Result<std::unique_ptr<Connection>> connect(const std::filesystem::path& data_dir) {
  auto database = Database::open(metrics_store_path(data_dir),
                                 {.kind = metrics_store_file, .durability = Durability::normal});
  if (!database) return propagate(database);
  database->keep_wal_at_close();  // the writer checkpoints, where errors are heard
  if (auto only = database->run("PRAGMA query_only = ON"); !only) return propagate(only);
  auto horizons = database->prepare("SELECT granularity, pruned_to FROM activity_horizon");
  if (!horizons) return propagate(horizons);
  auto ledger = database->prepare("SELECT " + std::string(ledger_columns) +
                                  " FROM activity_ledger WHERE topic = ?1 ORDER BY partition");
  if (!ledger) return propagate(ledger);
  auto count_by_value = database->prepare(count_by_value_sql());
  if (!count_by_value) return propagate(count_by_value);
  auto users_by_value = database->prepare(users_by_value_sql());
  if (!users_by_value) return propagate(users_by_value);
  auto users_of_row = database->prepare(users_of_row_sql());
  if (!users_of_row) return propagate(users_of_row);
  std::vector<Statement> scans;
  for (const auto values : {Scan::Values::all, Scan::Values::few, Scan::Values::many}) {
    for (const bool users : {false, true}) {
      for (const bool remainders : {false, true}) {
        auto scan = database->prepare(scan_sql({remainders, values, users}));
        if (!scan) return propagate(scan);
        scans.push_back(std::move(*scan));
      }
    }
  }
  return std::make_unique<Connection>(
      Connection{std::move(*database), std::move(*horizons), std::move(*ledger), std::move(*count_by_value),
                 std::move(*users_by_value), std::move(*users_of_row), std::move(scans)});
}

Result<report::Horizons> read_horizons(Connection& connection) {
  report::Horizons horizons;
  while (true) {
    auto row = connection.horizons.step();
    if (!row) return propagate(row);
    if (!*row) return horizons;
    const auto granularity = tally::granularity_named(connection.horizons.text(0));
    auto pruned_to = parse_moment(connection.horizons.text(1));
    if (!granularity || !pruned_to) {
      connection.horizons.reset();
      if (!pruned_to) return propagate(pruned_to);
      return fail(ErrorKind::internal, code_error, "activity_horizon has a row of no granularity");
    }
    horizons.pruned_to[static_cast<std::size_t>(*granularity)] = *pruned_to;
  }
}

WindowStart first_window_from(WindowStart moment, seconds width) {
  const seconds since = moment.time_since_epoch() % width;
  if (since == seconds::zero()) return moment;
  return moment - since + (since > seconds::zero() ? width : seconds::zero());
}

Scan::Values values_of(const report::WindowQuery& query) {
  if (!query.values) return Scan::Values::all;
  return query.values->size() <= Scan::few_values_max ? Scan::Values::few : Scan::Values::many;
}

std::string json_array(const std::vector<std::string_view>& values) {
  JsonText json;
  json.begin_array();
  for (const std::string_view value : values) json.value(value);
  json.end_array();
  return json.take();
}

}  // namespace

// Lends connections. Outlives every snapshot by its owner's promise.
class SqliteMetricsReader::Pool {
 public:
  Pool(std::string topic, std::vector<std::unique_ptr<Connection>> connections)
      : topic_(std::move(topic)), idle_(std::move(connections)), connections_(idle_.size()) {}

  ~Pool() { ensure(idle_.size() == connections_, "all snapshots are gone before their reader"); }

  // None: the cancellation is due.
  std::unique_ptr<Connection> take(const report::Cancellation& cancellation) {
    constexpr std::chrono::milliseconds look_again{100};
    std::unique_lock lock(mutex_);
    while (!returned_.wait_for(lock, look_again, [this] { return !idle_.empty(); }))
      if (!cancellation.check()) return nullptr;
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  void give_back(std::unique_ptr<Connection> connection) {
    connection->database.interrupt_when({});
    connection->database.rollback();
    {
      const std::lock_guard lock(mutex_);
      idle_.push_back(std::move(connection));
    }
    returned_.notify_one();
  }

  [[nodiscard]] const std::string& topic() const { return topic_; }

 private:
  const std::string topic_;
  std::mutex mutex_;  // guards idle_
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  const std::size_t connections_;
};

class SqliteMetricsReader::Snapshot final : public report::MetricsSnapshot {
 public:
  // The connection is in its read transaction, from which the horizons were read.
  Snapshot(Pool& pool, std::unique_ptr<Connection> connection, const report::Horizons& horizons,
           report::Cancellation cancellation)
      : pool_(pool),
        connection_(std::move(connection)),
        horizons_(horizons),
        cancellation_(std::move(cancellation)) {}

  ~Snapshot() override { pool_.give_back(std::move(connection_)); }

  Result<report::Horizons> horizons() override { return horizons_; }

  Result<void> scan(const report::WindowQuery& query,
                    std::function<void(const report::ViewRow&)> take) override {
    const Range range = kept_part({query.granularity, query.from, query.to});
    const std::string values = query.values ? json_array(*query.values) : "";
    for (const bool remainders : {false, true}) {
      if (remainders && query.granularity == tally::Granularity::minute) break;
      Statement& rows = connection_->scan({remainders, values_of(query), query.with_users});
      rows.bind_text(1, pool_.topic())
          .bind(2, number_of(remainders ? tally::Granularity::minute : query.granularity))
          .bind(3, number_of(query.dimension))
          .bind(4, seconds_of(range.from))
          .bind(5, seconds_of(range.to));
      if (remainders) rows.bind(6, range.width.count());
      if (query.values) rows.bind_text(7, values);
      auto passed = each_row(rows, [&] {
        take({.start = window_start(rows.number(0)),
              .partition = static_cast<std::int32_t>(rows.number(1)),
              .value = rows.text(2),
              .events = rows.number(3),
              .page_views = rows.number(4),
              .users = query.with_users ? rows.blob(5) : std::string_view()});
      });
      if (!passed) return passed;
    }
    return {};
  }

  Result<void> count_by_value(const report::ValueQuery& query,
                              std::function<void(const report::ValueRow&)> take) override {
    const std::string runs = runs_of(query);
    Statement& rows = ask(connection_->count_by_value, query, runs);
    return each_row(rows, [&] { take({rows.text(0), rows.number(1), rows.number(2), {}}); });
  }

  Result<void> users_by_value(const report::ValueQuery& query,
                              std::function<void(const report::ValueRow&)> take) override {
    const std::string runs = runs_of(query);
    Statement& rows = ask(connection_->users_by_value, query, runs);
    Result<void> looked_up;
    auto passed = each_row(rows, [&] {
      if (!looked_up) return;
      const report::ValueRow row{rows.text(0), rows.number(1), rows.number(2), rows.blob(3)};
      if (rows.is_null(3))
        looked_up = look_up_users(query.dimension, rows, row, take);
      else
        take(row);
    });
    return passed ? looked_up : passed;
  }

  Result<std::vector<tally::LedgerRow>> ledger() override {
    Statement& statement = connection_->ledger.bind_text(1, pool_.topic());
    std::vector<tally::LedgerRow> ledgers;
    Result<void> readable;
    auto passed = each_row(statement, [&] {
      auto row = ledger_row(statement);
      if (!row)
        readable = propagate(row);
      else
        ledgers.push_back(std::move(*row));
    });
    if (!passed) return propagate(passed);
    if (!readable) return propagate(readable);
    return ledgers;
  }

 private:
  struct Range {
    WindowStart from;
    WindowStart to;
    seconds width;
  };
  // Windows that begin below their granularity's horizon are left out.
  [[nodiscard]] Range kept_part(const report::WindowRun& run) const {
    const seconds width = tally::window_end(run.granularity, WindowStart{}) - WindowStart{};
    const auto kept_from = std::chrono::ceil<seconds>(horizons_.of(run.granularity));
    return {first_window_from(std::max(run.from, kept_from), width), first_window_from(run.to, width), width};
  }

  [[nodiscard]] std::string runs_of(const report::ValueQuery& query) const {
    JsonText json;
    json.begin_array();
    for (const report::WindowRun& run : query.runs) {
      const Range range = kept_part(run);
      json.begin_array().value(number_of(run.granularity));
      json.value(seconds_of(range.from)).value(seconds_of(range.to)).end_array();
    }
    json.end_array();
    return json.take();
  }

  Statement& ask(Statement& statement, const report::ValueQuery& query, const std::string& runs) {
    return statement.bind_text(1, pool_.topic()).bind(2, number_of(query.dimension)).bind_text(3, runs);
  }

  // A row whose sketch did not go through the sort.
  Result<void> look_up_users(tally::Dimension dimension, const Statement& rows, report::ValueRow row,
                             const std::function<void(const report::ValueRow&)>& take) {
    Statement& one = connection_->users_of_row.bind_text(1, pool_.topic())
                         .bind(2, number_of(dimension))
                         .bind(3, rows.number(4))
                         .bind(4, rows.number(5))
                         .bind(5, rows.number(6))
                         .bind_text(6, row.value);
    return each_row(one, [&] {
      row.users = one.blob(0);
      take(row);
    });
  }

  // Calls `show` for each row. SQLite asks the cancellation while it looks for rows, this while they are
  // dealt with.
  template <class Show>
  Result<void> each_row(Statement& rows, Show&& show) {
    constexpr int rows_between_checks = 64;
    for (int row = 1;; ++row) {
      auto there = rows.step();
      if (!there) {
        auto due = cancellation_.check();
        return due ? propagate(there) : due;
      }
      if (!*there) return {};
      show();
      if (row % rows_between_checks != 0) continue;
      if (auto due = cancellation_.check(); !due) {
        rows.reset();
        return due;
      }
    }
  }

  Pool& pool_;
  std::unique_ptr<Connection> connection_;
  const report::Horizons horizons_;
  const report::Cancellation cancellation_;
};

Result<std::unique_ptr<SqliteMetricsReader>> SqliteMetricsReader::open(const MetricsReaderOptions& options) {
  ensure(options.connections > 0, "a reader has a connection to read by");
  ensure_temporary_folder(options.data_dir, usual_temporary_folders());
  std::vector<std::unique_ptr<Connection>> connections;
  while (connections.size() < options.connections) {
    auto connection = connect(options.data_dir);
    if (!connection) return propagate(connection);
    connections.push_back(std::move(*connection));
  }
  return std::unique_ptr<SqliteMetricsReader>(
      new SqliteMetricsReader(std::make_unique<Pool>(options.topic, std::move(connections))));
}

SqliteMetricsReader::SqliteMetricsReader(std::unique_ptr<Pool> pool) : pool_(std::move(pool)) {}
SqliteMetricsReader::~SqliteMetricsReader() = default;

Result<std::unique_ptr<report::MetricsSnapshot>> SqliteMetricsReader::snapshot(
    const report::Cancellation& cancellation) {
  if (auto due = cancellation.check(); !due) return propagate(due);
  auto connection = pool_->take(cancellation);
  if (!connection) {
    auto due = cancellation.check();
    return propagate(due);
  }
  connection->database.interrupt_when([cancellation] { return !cancellation.check(); });
  // The first read fixes the moment.
  auto begun = connection->database.run("BEGIN");
  Result<report::Horizons> horizons = begun ? read_horizons(*connection) : propagate(begun);
  if (!horizons) {
    pool_->give_back(std::move(connection));
    auto due = cancellation.check();
    return due ? propagate(horizons) : propagate(due);
  }
  return std::make_unique<Snapshot>(*pool_, std::move(connection), *horizons, cancellation);
}

}  // namespace weir::sqlite
