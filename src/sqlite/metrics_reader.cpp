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
  std::vector<Statement> scans;  // by place_of()

  static std::size_t place_of(const Scan& scan) {
    return (scan.remainders ? 1U : 0U) + (scan.users ? 2U : 0U) + 4U * static_cast<std::size_t>(scan.values);
  }
  Statement& scan(const Scan& scan) { return scans[place_of(scan)]; }
};

Result<std::unique_ptr<Connection>> connect(const std::filesystem::path& data_dir) {
  auto database =
      Database::open(metrics_store_path(data_dir),
                     {.kind = metrics_store_file, .schema = "", .durability = Durability::normal});
  if (!database) return pass_on(database);
  database->keep_wal_at_close();  // the writer checkpoints, where errors are heard
  if (auto only = database->run("PRAGMA query_only = ON"); !only) return pass_on(only);
  auto horizons = database->prepare("SELECT granularity, pruned_to FROM activity_horizon");
  if (!horizons) return pass_on(horizons);
  auto ledger = database->prepare("SELECT " + std::string(ledger_columns) +
                                  " FROM activity_ledger WHERE topic = ?1 ORDER BY partition");
  if (!ledger) return pass_on(ledger);
  std::vector<Statement> scans;
  for (const auto values : {Scan::Values::all, Scan::Values::few, Scan::Values::many}) {
    for (const bool users : {false, true}) {
      for (const bool remainders : {false, true}) {
        auto scan = database->prepare(scan_sql({remainders, values, users}));
        if (!scan) return pass_on(scan);
        scans.push_back(std::move(*scan));
      }
    }
  }
  return std::make_unique<Connection>(
      Connection{std::move(*database), std::move(*horizons), std::move(*ledger), std::move(scans)});
}

Result<report::Horizons> read_horizons(Connection& connection) {
  report::Horizons horizons;
  while (true) {
    auto row = connection.horizons.step();
    if (!row) return pass_on(row);
    if (!*row) return horizons;
    const auto granularity = tally::granularity_named(connection.horizons.text(0));
    auto pruned_to = parse_moment(connection.horizons.text(1));
    if (!granularity || !pruned_to) {
      connection.horizons.reset();
      if (!pruned_to) return pass_on(pruned_to);
      return fail(Move::ourselves, code_error, "activity_horizon has a row of no granularity");
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

  std::unique_ptr<Connection> take() {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !idle_.empty(); });
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  void give_back(std::unique_ptr<Connection> connection) {
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
  Snapshot(Pool& pool, std::unique_ptr<Connection> connection, const report::Horizons& horizons)
      : pool_(pool), connection_(std::move(connection)), horizons_(horizons) {}

  ~Snapshot() override { pool_.give_back(std::move(connection_)); }

  Result<report::Horizons> horizons() override { return horizons_; }

  Result<void> scan(const report::WindowQuery& query,
                    std::function<void(const report::ViewRow&)> take) override {
    const seconds width = tally::window_end(query.granularity, WindowStart{}) - WindowStart{};
    const auto kept_from = std::chrono::ceil<seconds>(horizons_.of(query.granularity));
    const WindowStart from = first_window_from(std::max(query.from, kept_from), width);
    const WindowStart to = first_window_from(query.to, width);
    const std::string values = query.values ? json_array(*query.values) : "";
    for (const bool remainders : {false, true}) {
      if (remainders && query.granularity == tally::Granularity::minute) break;
      Statement& rows = connection_->scan({remainders, values_of(query), query.with_users});
      rows.bind_text(1, pool_.topic())
          .bind(2, number_of(remainders ? tally::Granularity::minute : query.granularity))
          .bind(3, number_of(query.dimension))
          .bind(4, seconds_of(from))
          .bind(5, seconds_of(to));
      if (remainders) rows.bind(6, width.count());
      if (query.values) rows.bind_text(7, values);
      if (auto passed = pass_by(rows, query.with_users, take); !passed) return passed;
    }
    return {};
  }

  Result<std::vector<tally::LedgerRow>> ledger() override {
    Statement& statement = connection_->ledger.bind_text(1, pool_.topic());
    std::vector<tally::LedgerRow> ledgers;
    while (true) {
      auto there = statement.step();
      if (!there) return pass_on(there);
      if (!*there) return ledgers;
      auto row = ledger_row(statement);
      if (!row) {
        statement.reset();
        return pass_on(row);
      }
      ledgers.push_back(std::move(*row));
    }
  }

 private:
  static Result<void> pass_by(Statement& rows, bool with_users,
                              const std::function<void(const report::ViewRow&)>& take) {
    while (true) {
      auto there = rows.step();
      if (!there) return pass_on(there);
      if (!*there) return {};
      take({.start = window_start(rows.number(0)),
            .partition = static_cast<std::int32_t>(rows.number(1)),
            .value = rows.text(2),
            .events = rows.number(3),
            .page_views = rows.number(4),
            .users = with_users ? rows.blob(5) : std::string_view()});
    }
  }

  Pool& pool_;
  std::unique_ptr<Connection> connection_;
  const report::Horizons horizons_;
};

Result<std::unique_ptr<SqliteMetricsReader>> SqliteMetricsReader::open(const MetricsReaderOptions& options) {
  ensure(options.connections > 0, "a reader has a connection to read by");
  std::vector<std::unique_ptr<Connection>> connections;
  while (connections.size() < options.connections) {
    auto connection = connect(options.data_dir);
    if (!connection) return pass_on(connection);
    connections.push_back(std::move(*connection));
  }
  return std::unique_ptr<SqliteMetricsReader>(
      new SqliteMetricsReader(std::make_unique<Pool>(options.topic, std::move(connections))));
}

SqliteMetricsReader::SqliteMetricsReader(std::unique_ptr<Pool> pool) : pool_(std::move(pool)) {}
SqliteMetricsReader::~SqliteMetricsReader() = default;

Result<std::unique_ptr<report::MetricsSnapshot>> SqliteMetricsReader::snapshot() {
  auto connection = pool_->take();
  // The first read fixes the moment.
  auto begun = connection->database.run("BEGIN");
  Result<report::Horizons> horizons = begun ? read_horizons(*connection) : pass_on(begun);
  if (!horizons) {
    pool_->give_back(std::move(connection));
    return pass_on(horizons);
  }
  return std::make_unique<Snapshot>(*pool_, std::move(connection), *horizons);
}

}  // namespace weir::sqlite
