// Each snapshot runs on the thread that asked for it, on a connection that it has alone. SQLite checks the
// cancellation inside of a statement (Database::interrupt_when), each_row() checks it between the rows.
#include "sqlite/metrics_reader.hpp"

#include <utility>
#include <vector>

#include "base/json_text.hpp"
#include "report/range.hpp"
#include "report/scan.hpp"
#include "sqlite/pool.hpp"
#include "sqlite/reader_sql.hpp"
#include "sqlite/schema.hpp"
#include "sqlite/store_rows.hpp"

namespace weir::sqlite {
namespace {

// Also the first read of the transaction, which fixes the snapshot.
Result<report::Horizons> read_horizons(ReaderConnection& connection) {
  Statement& rows = connection.statements[reader_sql::horizons];
  report::Horizons horizons;
  while (true) {
    auto row = rows.step();
    if (!row) return propagate(row);
    if (!*row) return horizons;
    const auto granularity = tally::granularity_named(rows.text(0));
    auto pruned_to = parse_moment(rows.text(1));
    if (!granularity || !pruned_to) {
      const std::string found(rows.text(0));
      rows.reset();  // ends the statement, so that the transaction can end
      if (!pruned_to) return propagate(pruned_to);
      return fail(
          ErrorKind::invalid, code_tables_differ,
          "activity_horizon has a row of granularity \"" + found + "\"; expected minute, hour or day");
    }
    horizons.pruned_to[static_cast<std::size_t>(*granularity)] = *pruned_to;
  }
}

// Lists are passed to SQLite as JSON: it has no arrays as parameters.
std::string json_array(const std::vector<std::string_view>& values) {
  JsonText json;
  json.begin_array();
  for (const std::string_view value : values) json.value(value);
  json.end_array();
  return json.take();
}

}  // namespace

// What all snapshots use.
class SqliteMetricsReader::Shared {
 public:
  Shared(std::string its_topic, std::unique_ptr<Pool> its_pool)
      : topic(std::move(its_topic)), pool(std::move(its_pool)) {}

  const std::string topic;
  const std::unique_ptr<Pool> pool;
};

class SqliteMetricsReader::Snapshot final : public report::MetricsSnapshot {
 public:
  // The connection is in the read transaction in which the horizons were read.
  Snapshot(const Shared& shared, Pool::Lease connection, const report::Horizons& horizons,
           report::Cancellation cancellation)
      : topic_(shared.topic),
        connection_(std::move(connection)),
        horizons_(horizons),
        cancellation_(std::move(cancellation)) {}

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
    const std::string runs = runs_of(query);
    Statement& rows = bind_query(reader_sql::count_by_value, query, runs);
    return each_row(rows, [&] { take({rows.text(0), rows.number(1), rows.number(2), {}}); });
  }

  Result<void> users_by_value(const report::ValueQuery& query,
                              std::function<void(const report::ValueRow&)> take) override {
    const std::string runs = runs_of(query);
    Statement& rows = bind_query(reader_sql::users_by_value, query, runs);
    Result<void> looked_up;
    auto read = each_row(rows, [&] {
      if (!looked_up) return;  // each_row() goes on after an error of this lambda
      const report::ValueRow row{rows.text(0), rows.number(1), rows.number(2), rows.blob(3)};
      // The statement returns NULL for a large sketch. Its sort would otherwise move every sketch.
      if (rows.is_null(3))
        looked_up = look_up_users(query.dimension, rows, row, take);
      else
        take(row);
    });
    return read ? looked_up : read;
  }

  Result<void> scan_day_marks(WindowStart from, WindowStart to,
                              std::function<void(const report::DayMark&)> take) override {
    constexpr auto day = tally::Granularity::day;
    const auto kept = report::kept_part({day, from, to}, horizons_);
    Statement& rows = connection_->statements[reader_sql::day_marks]
                          .bind_text(1, topic_)
                          .bind(2, seconds_of(kept.from))
                          .bind(3, seconds_of(kept.to));
    return each_row(rows, [&] {
      take({.day = tally::floor_to(day, window_start(rows.number(0))),
            .partition = static_cast<std::int32_t>(rows.number(1)),
            .is_pending = rows.number(2) != 0,
            .events = rows.number(3),
            .last_write = WallTime{std::chrono::milliseconds{rows.number(4)}}});
    });
  }

  Result<std::vector<tally::KnownDimension>> dimensions() override {
    return read_all<tally::KnownDimension>(connection_->statements[reader_sql::dimensions], known_dimension);
  }

  Result<std::vector<tally::LedgerRow>> ledger() override {
    return read_all<tally::LedgerRow>(connection_->statements[reader_sql::ledgers].bind_text(1, topic_),
                                      ledger_row);
  }

  Result<std::vector<report::DeadLetterGroup>> dead_letter_groups(
      const report::DeadLetterFilter& filter) override {
    const DeadLetterTimes times(filter);
    return read_all<report::DeadLetterGroup>(bind_filter(reader_sql::dead_letter_groups, filter, times),
                                             dead_letter_group);
  }

  Result<void> scan_dead_letters(const report::DeadLetterFilter& filter,
                                 std::function<bool(report::DeadLetterRow)> take) override {
    const DeadLetterTimes times(filter);
    Statement& rows = bind_filter(reader_sql::dead_letters, filter, times);
    while (true) {
      auto due = cancellation_.check();
      auto found = due ? rows.step() : propagate(due);
      if (!found) return propagate(found);
      if (!*found) return {};
      auto row = dead_letter_row(rows);
      // Ended early or unreadable: the statement is reset, so that it can be used again.
      if (row && take(std::move(*row))) continue;
      rows.reset();
      return row ? Result<void>{} : propagate(row);
    }
  }

 private:
  // The texts of the times of a filter, which a statement does not copy.
  struct DeadLetterTimes {
    explicit DeadLetterTimes(const report::DeadLetterFilter& filter)
        : from(filter.from ? moment_text(*filter.from) : ""), to(filter.to ? moment_text(*filter.to) : "") {}
    std::string from;
    std::string to;
  };

  Statement& bind_filter(const NamedSql& sql, const report::DeadLetterFilter& filter,
                         const DeadLetterTimes& times) {
    Statement& rows = connection_->statements[sql].bind_text(1, topic_);
    filter.reason ? rows.bind_text(2, *filter.reason) : rows.bind_null(2);
    filter.from ? rows.bind_text(3, times.from) : rows.bind_null(3);
    filter.to ? rows.bind_text(4, times.to) : rows.bind_null(4);
    filter.partition ? rows.bind(5, *filter.partition) : rows.bind_null(5);
    filter.offset ? rows.bind(6, *filter.offset) : rows.bind_null(6);
    return rows.bind(7, filter.waiting_only ? 1 : 0)
        .bind(8, filter.after_partition)
        .bind(9, filter.after_offset);
  }

  template <class Row>
  Result<std::vector<Row>> read_all(Statement& rows, Result<Row> (*read_one)(const Statement&)) {
    // For lists that are short. One unreadable row fails the whole call.
    std::vector<Row> all;
    Result<void> readable;
    auto read = each_row(rows, [&] {
      auto row = read_one(rows);
      if (!row)
        readable = propagate(row);
      else
        all.push_back(std::move(*row));
    });
    if (!read) return propagate(read);
    if (!readable) return propagate(readable);
    return all;
  }

  // The stored rows of a query, or what is pending roll-up in its windows.
  Result<void> scan_part(const report::WindowQuery& query, bool pending_rollup,
                         const std::function<void(const report::ViewRow&)>& take) {
    const auto kept = report::kept_part({query.granularity, query.from, query.to}, horizons_);
    const std::string values = query.values ? json_array(*query.values) : "";
    const auto read_from = pending_rollup ? tally::Granularity::minute : query.granularity;
    Statement& rows = connection_->statements[reader_sql::scan(report::scan_for(query, pending_rollup))];
    rows.bind_text(1, topic_)
        .bind(2, number_of(read_from))
        .bind(3, number_of(query.dimension))
        .bind(4, seconds_of(kept.from))
        .bind(5, seconds_of(kept.to));
    if (query.values) rows.bind_text(6, values);  // scan_for() has chosen a statement without ?6 otherwise
    return each_row(rows, [&] {
      take({.start = tally::floor_to(query.granularity, window_start(rows.number(0))),
            .partition = static_cast<std::int32_t>(rows.number(1)),
            .value = rows.text(2),
            .events = rows.number(3),
            .page_views = rows.number(4),
            .users = query.with_users ? rows.blob(5) : std::string_view()});
    });
  }

  // The runs as JSON, [[granularity, from, to], …], without the windows that are pruned.
  [[nodiscard]] std::string runs_of(const report::ValueQuery& query) const {
    JsonText json;
    json.begin_array();
    for (const report::WindowRun& run : query.runs) {
      const auto kept = report::kept_part(run, horizons_);
      json.begin_array().value(number_of(run.granularity));
      json.value(seconds_of(kept.from)).value(seconds_of(kept.to)).end_array();
    }
    json.end_array();
    return json.take();
  }

  // `runs` must live as long as the statement is read.
  Statement& bind_query(const NamedSql& sql, const report::ValueQuery& query, const std::string& runs) {
    return connection_->statements[sql]
        .bind_text(1, topic_)
        .bind(2, number_of(query.dimension))
        .bind_text(3, runs);
  }

  // Reads the sketch of a row of users_by_value that was too large to go through the sort.
  Result<void> look_up_users(tally::Dimension dimension, const Statement& rows, report::ValueRow row,
                             const std::function<void(const report::ValueRow&)>& take) {
    Statement& users = connection_->statements[reader_sql::users_of_row]
                           .bind_text(1, topic_)
                           .bind(2, number_of(dimension))
                           // Columns 4 to 6 of users_by_value: granularity, window_start and partition.
                           .bind(3, rows.number(4))
                           .bind(4, rows.number(5))
                           .bind(5, rows.number(6))
                           .bind_text(6, row.value);
    return each_row(users, [&] {
      row.users = users.blob(0);
      take(row);
    });
  }

  // Calls `on_row` for each row. An interrupted statement returns the error of the cancellation.
  template <class OnRow>
  Result<void> each_row(Statement& rows, OnRow&& on_row) {
    constexpr int rows_between_checks = 64;
    for (int row = 1;; ++row) {
      auto found = rows.step();
      if (!found) {
        auto due = cancellation_.check();
        // If no cancellation is due, the error is one of SQLite.
        return due ? propagate(found) : due;
      }
      if (!*found) return {};
      on_row();
      if (row % rows_between_checks != 0) continue;
      if (auto due = cancellation_.check(); !due) {
        rows.reset();
        return due;
      }
    }
  }

  const std::string& topic_;
  // The lease gives the connection back to the pool when the snapshot is destroyed.
  Pool::Lease connection_;
  const report::Horizons horizons_;
  const report::Cancellation cancellation_;
};

Result<std::unique_ptr<SqliteMetricsReader>> SqliteMetricsReader::open(const MetricsReaderOptions& options) {
  ensure_temporary_folder(options.data_dir, usual_temporary_folders());
  auto pool = Pool::open(metrics_store_path(options.data_dir), options.connections);
  if (!pool) return propagate(pool);
  return std::unique_ptr<SqliteMetricsReader>(
      new SqliteMetricsReader(std::make_unique<Shared>(options.topic, std::move(*pool))));
}

SqliteMetricsReader::SqliteMetricsReader(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {}
SqliteMetricsReader::~SqliteMetricsReader() = default;

Result<std::unique_ptr<report::MetricsSnapshot>> SqliteMetricsReader::snapshot(
    const report::Cancellation& cancellation) {
  if (auto due = cancellation.check(); !due) return propagate(due);
  auto connection = shared_->pool->take(cancellation);
  if (!connection) return propagate(connection);
  // Set before BEGIN, so that the first read can be cancelled as well.
  (*connection)->database.interrupt_when([cancellation] { return !cancellation.check(); });
  // BEGIN alone takes no snapshot. The first read does.
  auto begun = (*connection)->database.run("BEGIN");
  Result<report::Horizons> horizons = begun ? read_horizons(**connection) : propagate(begun);
  if (!horizons) {
    auto due = cancellation.check();
    return due ? propagate(horizons) : propagate(due);
  }
  return std::make_unique<Snapshot>(*shared_, std::move(*connection), *horizons, cancellation);
}

}  // namespace weir::sqlite
