// The reader and the views on a real PostgreSQL.
#include <thread>

#include "base/hash.hpp"
#include "integration/postgres_store_fixture.hpp"
#include "postgres/errors.hpp"
#include "postgres/metrics_reader.hpp"
#include "postgres/pool.hpp"
#include "postgres/reader_sql.hpp"
#include "report/testing/metrics_reader_contract.hpp"
#include "report/testing/metrics_views_contract.hpp"
#include "tally/sketch.hpp"

namespace weir::postgres {
namespace {

const auto* const server = testing::AddGlobalTestEnvironment(new SharedServer);

using commit::store_contract::topic;
using report::Scan;

class Writer {
 public:
  explicit Writer(const StoreDatabase& database) : store_(database.session()), session_(database.connect()) {}

  void put(const report::Stored& stored) {
    report::commit<commit::Changes>(
        *store_, stored, commit::fence_of, [this](std::int32_t partition, std::int64_t version) {
          session_.script("UPDATE activity_ledger SET version = " + std::to_string(version) +
                          " WHERE partition = " + std::to_string(partition));
        });
  }

 private:
  std::unique_ptr<PostgresMetricsStore> store_;
  TestConnection session_;
};

MetricsReaderOptions options_of(const TestDatabase& database, std::size_t connections = 2) {
  return {.connection = database.settings(),
          .topic = topic,
          .connections = connections,
          .wait_max = std::chrono::milliseconds(50)};
}

class PostgresReaderFixture final : public report::ViewsFixture {
 public:
  explicit PostgresReaderFixture(Hll hll) : database_(hll) {}

  void given(const report::Stored& stored) override { writer_.put(stored); }
  std::unique_ptr<report::MetricsReader> reader() override {
    return std::make_unique<PostgresMetricsReader>(options_of(database_.database()));
  }
  std::int64_t number(const std::string& sql) override { return database_.connect().number(sql); }

 private:
  StoreDatabase database_;
  Writer writer_{database_};
};

template <class Fixture, Hll hll>
std::unique_ptr<Fixture> make_postgres_fixture() {
  return std::make_unique<PostgresReaderFixture>(hll);
}

}  // namespace
}  // namespace weir::postgres

namespace weir::report {
INSTANTIATE_TEST_SUITE_P(
    Postgres, MetricsReaderContract,
    testing::Values(&postgres::make_postgres_fixture<ReaderFixture, postgres::Hll::absent>,
                    &postgres::make_postgres_fixture<ReaderFixture, postgres::Hll::installed>));
INSTANTIATE_TEST_SUITE_P(
    Postgres, MetricsViewsContract,
    testing::Values(&postgres::make_postgres_fixture<ViewsFixture, postgres::Hll::absent>,
                    &postgres::make_postgres_fixture<ViewsFixture, postgres::Hll::installed>));
}  // namespace weir::report

namespace weir::postgres {
namespace {

using report::Stored;
using report::reader_contract::at;
using report::reader_contract::midnight;
using report::reader_contract::of_partition;
using report::reader_contract::one_user;
using report::reader_contract::row;
using report::reader_contract::total;
using tally::Dimension;
using tally::Granularity;

class MetricsReader : public testing::Test {
 protected:
  explicit MetricsReader(Hll hll = Hll::absent) : database_(hll) {}

  void given(const Stored& stored) { writer_.put(stored); }
  std::int64_t number(const std::string& sql) { return people_.number(sql); }
  std::string text(const std::string& sql) { return people_.text(sql); }
  // Every line of the plan. The session must have the settings of the reader.
  std::string plan(TestConnection& session, const std::string& sql, const Parameters& values = {}) {
    const Rows rows = session.run("EXPLAIN (COSTS off) " + sql, values);
    std::string lines;
    for (int line = 0; line < rows.count(); ++line) lines += std::string(rows.bytes(line, 0)) + "\n";
    return lines;
  }
  // A day of minutes, a month of hours and days, of 3 partitions, 20 pages and some types: 110,000 rows.
  void fill() {
    people_.script(
        "INSERT INTO activity_windows (topic, granularity, dimension, window_start, partition, value, "
        "events, "
        "page_views, rolled_events, rolled_page_views, place, last_write, users) "
        "SELECT 'the-topic', g, CASE WHEN v = 0 THEN 0 WHEN v < 4 THEN 1 ELSE 2 END, start, p, "
        "CASE WHEN v = 0 THEN '' ELSE '/' || v END, 10, 5, CASE g WHEN 0 THEN 9 ELSE 0 END, 0, v, now(), "
        "'\\x128e4d0000000000000001' FROM ("
        "SELECT 0 AS g, generate_series('2015-05-19T00:00Z'::timestamptz, '2015-05-19T23:59Z', '1 minute') "
        "AS start "
        "UNION ALL SELECT 1, generate_series('2015-05-01T00:00Z'::timestamptz, '2015-06-30T23:00Z', '1 "
        "hour') "
        "UNION ALL SELECT 2, generate_series('2015-05-01T00:00Z'::timestamptz, '2015-06-30T00:00Z', '1 "
        "day')) AS s, "
        "generate_series(0, 2) AS p, generate_series(0, 23) AS v;"
        "INSERT INTO activity_unrolled SELECT 'the-topic', generate_series('2015-05-19T23:58Z'::timestamptz, "
        "'2015-05-19T23:59Z', '1 minute'), generate_series(0, 1)");
  }
  void expect_every_row_found_by_the_index();

  StoreDatabase database_;
  Writer writer_{database_};
  TestConnection people_ = database_.connect();
};

void MetricsReader::expect_every_row_found_by_the_index() {
  ConnectionSettings settings = database_.database().settings();
  for (const auto& setting : reader_session()) settings.session.push_back(setting);
  TestConnection session(settings);
  for (std::size_t index = 0; index < Scan::count; ++index) {
    const Scan scan = report::scan_at(index);
    for (const auto granularity : tally::all_granularities) {
      Parameters values;
      values.add(topic).add(Type::int2, static_cast<std::int64_t>(granularity)).add(Type::int2, 2);
      values.add(at(0)).add(at(3));
      if (scan.values != Scan::Values::all) values.add(Array(Type::text).add("/5").add("/6"));
      const std::string found = plan(session, reader_sql::scan(scan).sql, values);
      EXPECT_EQ(found.find("Seq Scan"), std::string::npos) << found;
      EXPECT_EQ(found.find("Sort"), std::string::npos) << found;
      if (scan.pending_rollup || scan.values == Scan::Values::few) {
        EXPECT_NE(found.find("(window_start = known.window_start)"), std::string::npos) << found;
        EXPECT_NE(found.find("(partition = known.partition)"), std::string::npos) << found;
      }
    }
  }
  const Parameters runs = Parameters()
                              .add(topic)
                              .add(Type::int2, 2)
                              .add(Array(Type::int2).add(2).add(1))
                              .add(Array(Type::timestamptz).add(at(0)).add(at(24)))
                              .add(Array(Type::timestamptz).add(at(24)).add(at(26)));
  for (const Statement* const statement : {&reader_sql::count_by_value, &reader_sql::users_by_value}) {
    const std::string found = plan(session, statement->sql, runs);
    EXPECT_EQ(found.find("Seq Scan"), std::string::npos) << found;
    EXPECT_EQ(found.find("HashAggregate"), std::string::npos) << found;
    EXPECT_NE(found.find("(window_start >= run.first)"), std::string::npos) << found;
    EXPECT_NE(found.find("(window_start = known.window_start)"), std::string::npos) << found;
    EXPECT_NE(found.find("(partition = known.partition)"), std::string::npos) << found;
  }
}

// Also while the statistics of the planner are older than a burst of events: autovacuum runs at any time.
TEST_F(MetricsReader, FindsEveryRowByTheIndex) {
  people_.script(
      "ALTER TABLE activity_windows SET (autovacuum_enabled = off);"
      "ALTER TABLE activity_unrolled SET (autovacuum_enabled = off);");
  expect_every_row_found_by_the_index();
  fill();
  expect_every_row_found_by_the_index();
  people_.script("ANALYZE");
  expect_every_row_found_by_the_index();
}

TEST_F(MetricsReader, FetchesManyRowsInBatches) {
  fill();
  PostgresMetricsReader reader(options_of(database_.database()));
  auto snapshot = reader.snapshot().value();
  for (const bool with_users : {false, true}) {
    const report::WindowQuery query{.granularity = Granularity::minute,
                                    .dimension = Dimension::page,
                                    .from = at(0),
                                    .to = at(24),
                                    .with_users = with_users};
    std::int64_t rows = 0;
    std::int64_t events = 0;
    auto scanned = snapshot->scan(query, [&](const report::ViewRow& shown) {
      ++rows;
      events += shown.events;
      EXPECT_EQ(shown.users, with_users ? one_user() : "");
    });
    ASSERT_TRUE(scanned.has_value()) << scanned.error().text;
    EXPECT_EQ(rows, 1440 * 3 * 20);
    EXPECT_EQ(events, rows * 10);
  }
}

TEST_F(MetricsReader, IsConstructedWithoutADatabase) {
  MetricsReaderOptions nowhere = options_of(database_.database());
  nowhere.connection.url += " host=/nowhere";
  PostgresMetricsReader reader(nowhere);
  auto refused = reader.snapshot();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable) << refused.error().text;
}

TEST_F(MetricsReader, ReportsThatTheTablesAreMissing) {
  const TestDatabase empty;
  PostgresMetricsReader reader(options_of(empty));
  auto refused = reader.snapshot();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, code_tables_differ) << refused.error().text;
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
}

TEST_F(MetricsReader, LimitsTheWaitForASession) {
  PostgresMetricsReader reader(options_of(database_.database(), 1));
  auto first = reader.snapshot();
  ASSERT_TRUE(first.has_value());
  auto second = reader.snapshot();
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, code_pool_busy);
  EXPECT_EQ(second.error().kind, ErrorKind::unavailable);
  first->reset();
  EXPECT_TRUE(reader.snapshot().has_value());
}

TEST_F(MetricsReader, PassesAReturnedSessionToAThreadThatWaits) {
  MetricsReaderOptions one = options_of(database_.database(), 1);
  one.wait_max = std::chrono::seconds(30);
  PostgresMetricsReader reader(one);
  auto first = reader.snapshot().value();
  bool second_taken = false;
  std::thread waiting([&] { second_taken = reader.snapshot().has_value(); });
  first.reset();
  waiting.join();
  EXPECT_TRUE(second_taken);
}

// Lost sessions.

constexpr const char* end_all_others =
    "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";

TEST_F(MetricsReader, ReplacesIdleSessionsThatWereLost) {
  PostgresMetricsReader reader(options_of(database_.database(), 2));
  {
    auto first = reader.snapshot().value();
    auto second = reader.snapshot().value();
  }
  ASSERT_GE(number(end_all_others), 2);
  auto snapshot = reader.snapshot();
  EXPECT_TRUE(snapshot.has_value()) << snapshot.error().text;
}

TEST_F(MetricsReader, IsUnavailableWhenTheSessionOfASnapshotIsLost) {
  PostgresMetricsReader reader(options_of(database_.database(), 1));
  auto snapshot = reader.snapshot().value();
  ASSERT_GE(number(end_all_others), 1);
  auto ledger = snapshot->ledger();
  ASSERT_FALSE(ledger.has_value());
  EXPECT_EQ(ledger.error().kind, ErrorKind::unavailable) << ledger.error().text;
  auto scanned =
      snapshot->scan({.from = at(0), .to = at(1), .values = std::nullopt}, [](const report::ViewRow&) {});
  ASSERT_FALSE(scanned.has_value());
  EXPECT_EQ(scanned.error().kind, ErrorKind::unavailable);
  snapshot.reset();
  EXPECT_TRUE(reader.snapshot().has_value());
}

// The thread is free at once, and the session of the server soon after.
TEST_F(MetricsReader, Fault43ClosesASessionWhoseClientIsGoneAndTheServerEndsIt) {
  PostgresMetricsReader reader(options_of(database_.database(), 1));
  people_.script("BEGIN; LOCK TABLE activity_ledger");
  std::stop_source client;
  const report::Cancellation cancellation(MonoTime::max(), client.get_token(), [] { return MonoTime{}; });
  auto snapshot = reader.snapshot(cancellation).value();
  std::thread leaving([&] {
    while (number("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) std::this_thread::yield();
    client.request_stop();
  });
  auto ended = snapshot->ledger();
  leaving.join();
  ASSERT_FALSE(ended.has_value());
  EXPECT_EQ(ended.error().code, report::code_client_gone);
  snapshot.reset();
  for (int look = 0; number("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0; ++look) {
    ASSERT_LT(look, 100) << "the server still waits for the table";
    number("SELECT count(pg_sleep(0.1))");
  }
  people_.script("ROLLBACK");
  EXPECT_TRUE(reader.snapshot().value()->ledger().has_value());
}

TEST_F(MetricsReader, IsLimitedInTimeByTheServer) {
  MetricsReaderOptions short_of_time = options_of(database_.database(), 1);
  short_of_time.connection.lock_timeout = std::chrono::milliseconds(20);
  PostgresMetricsReader reader(short_of_time);
  auto snapshot = reader.snapshot().value();
  people_.script("BEGIN; LOCK TABLE activity_ledger");
  auto ledger = snapshot->ledger();
  ASSERT_FALSE(ledger.has_value());
  EXPECT_EQ(ledger.error().kind, ErrorKind::unavailable) << ledger.error().text;
  people_.script("ROLLBACK");
  snapshot.reset();
  EXPECT_TRUE(reader.snapshot().value()->ledger().has_value());
}

// The views of the contract.

TEST_F(MetricsReader, HasOneViewForEachGranularity) {
  const std::string row_text =
      "SELECT topic || ' ' || (window_start AT TIME ZONE 'UTC') || ' ' || partition || ' ' || dimension || ' "
      "' || "
      "value || ' ' || events || ' ' || page_views || ' ' || users::text FROM ";
  const std::string counts = " 0 page /a 3 2 \\x128e4d0000000000000001";
  given(
      {.windows = {row(Granularity::minute, at(9, 5), Dimension::page, "/a", {.events = 3, .page_views = 2})},
       .pending_rollups = {{0, at(9, 5)}}});
  EXPECT_EQ(text(row_text + "activity_minutes"), "the-topic 2015-05-19 09:05:00" + counts);
  EXPECT_EQ(text(row_text + "activity_hours"), "the-topic 2015-05-19 09:00:00" + counts);
  EXPECT_EQ(text(row_text + "activity_days"), "the-topic 2015-05-19 00:00:00" + counts);
  for (const char* view : {"activity_minutes", "activity_hours", "activity_days"}) {
    EXPECT_EQ(
        text("SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position) FROM "
             "information_schema.columns WHERE table_name = '" +
             std::string(view) + "'"),
        "topic text, window_start timestamp with time zone, partition integer, dimension text, value text, "
        "events bigint, page_views bigint, users bytea");
  }
}

TEST_F(MetricsReader, CutsWindowsInUtcInAnyTimeZone) {
  given({.windows = {total(Granularity::minute, at(0, 5), {.events = 1}),
                     total(Granularity::minute, at(23, 50), {.events = 1})},
         .pending_rollups = {{0, at(0, 5)}, {0, at(23, 50)}}});
  people_.script("SET TimeZone = 'Asia/Kathmandu'");  // 5 h 45 min ahead
  EXPECT_EQ(text("SELECT string_agg(DISTINCT extract(epoch FROM window_start)::bigint::text, ' ') FROM "
                 "activity_days"),
            "1431993600");
  EXPECT_EQ(
      text("SELECT string_agg(extract(epoch FROM window_start)::bigint::text, ' ' ORDER BY window_start) "
           "FROM activity_hours"),
      "1431993600 1432076400");
  EXPECT_EQ(
      number("SELECT sum(events)::bigint FROM activity_days WHERE window_start >= '2015-05-19T00:00:00Z' AND "
             "window_start < '2015-05-20T00:00:00Z'"),
      2);
}

TEST_F(MetricsReader, FindsTheRangeOfAViewByTheIndex) {
  fill();
  people_.script("ANALYZE");
  for (const char* view : {"activity_minutes", "activity_hours", "activity_days"}) {
    const std::string found =
        plan(people_, "SELECT sum(events) FROM " + std::string(view) +
                          " WHERE dimension = 'page' AND window_start >= '2015-05-19T10:00Z' "
                          "AND window_start < '2015-05-19T12:00Z'");
    EXPECT_EQ(found.find("Seq Scan on activity_windows"), std::string::npos) << found;
    EXPECT_NE(found.find("(dimension = d.id) AND (window_start >= "), std::string::npos) << found;
    EXPECT_NE(found.find("(window_start < '2015-05-19 12:00:00+00'"), std::string::npos) << found;
  }
}

// The union by the hll extension, compared with the union of the rows of the reader.
struct Numbers {
  std::int64_t events = 0;
  std::int64_t users = 0;
  friend bool operator==(const Numbers&, const Numbers&) = default;
};
void PrintTo(const Numbers& numbers, std::ostream* out) {
  *out << numbers.events << " events of " << numbers.users << " users";
}

class Unions : public MetricsReader {
 protected:
  Unions() : MetricsReader(Hll::installed) {}

  Numbers by_sql(const std::string& view) {
    const Rows rows =
        people_.run("SELECT sum(events)::bigint, round(#hll_union_agg(users::hll))::bigint FROM " + view +
                    " WHERE dimension = 'total'");
    return {rows.number(0, 0), rows.number(0, 1)};
  }
  Numbers by_reader(Granularity granularity) {
    PostgresMetricsReader reader(options_of(database_.database()));
    auto snapshot = reader.snapshot().value();
    Numbers numbers;
    tally::Sketch users;
    auto scanned =
        snapshot->scan({.granularity = granularity, .from = at(0), .to = at(24), .values = std::nullopt},
                       [&](const report::ViewRow& row) {
                         numbers.events += row.events;
                         EXPECT_TRUE(users.unite_encoded(row.users).has_value());
                       });
    EXPECT_TRUE(scanned.has_value());
    numbers.users = users.estimate();
    return numbers;
  }
  void expect_everywhere(const Numbers& expected, const char* when) {
    for (const auto granularity : tally::all_granularities) {
      EXPECT_EQ(by_reader(granularity), expected) << when;
      EXPECT_EQ(by_sql("activity_" + std::string(tally::name_of(granularity)) + "s"), expected) << when;
    }
  }
  static std::string crowd(std::uint64_t first, std::uint64_t count) {
    tally::Sketch users;
    for (std::uint64_t i = 0; i < count; ++i) users.add(murmur3("user-" + std::to_string(first + i)).low);
    return users.encode();
  }
  static tally::WindowRow by(tally::WindowRow row, std::string users) {
    row.users = std::move(users);
    return row;
  }
};

TEST_F(Unions, EqualTheReportBeforeDuringAndAfterTheRollUp) {
  // Two minutes, one with an exact sketch and one with an estimate. 2,000 users are in both.
  const std::string few = crowd(0, 3'000);
  const std::string many = crowd(1'000, 30'000);
  tally::Sketch both;
  for (const std::string* users : {&few, &many}) ASSERT_TRUE(both.unite_encoded(*users).has_value());
  const Numbers expected{40'000, both.estimate()};

  given({.windows = {by(total(Granularity::minute, at(9, 5), {4'000, 1}), few),
                     of_partition(1, by(total(Granularity::minute, at(9, 6), {36'000, 1}), many))},
         .pending_rollups = {{0, at(9, 5)}, {1, at(9, 6)}}});
  expect_everywhere(expected, "before");
  given({.windows = {by(total(Granularity::minute, at(9, 5), {4'000, 1, 4'000, 1}), few),
                     by(total(Granularity::hour, at(9), {4'000, 1}), few),
                     by(total(Granularity::day, midnight, {4'000, 1}), few)},
         .rolled_up = {{0, at(9, 5)}}});
  expect_everywhere(expected, "when one is rolled up");
  given({.windows = {of_partition(1, by(total(Granularity::minute, at(9, 6), {36'000, 1, 36'000, 1}), many)),
                     of_partition(1, by(total(Granularity::hour, at(9), {36'000, 1}), many)),
                     of_partition(1, by(total(Granularity::day, midnight, {36'000, 1}), many))},
         .rolled_up = {{1, at(9, 6)}}});
  expect_everywhere(expected, "after");
  given({.windows = {by(total(Granularity::minute, at(9, 5), {5'000, 1, 4'000, 1}), few)},
         .pending_rollups = {{0, at(9, 5)}}});
  expect_everywhere({41'000, expected.users}, "after a late event");
}

TEST_F(Unions, UniteWithSketchesOfTheExtension) {
  given({.windows = {by(total(Granularity::hour, at(9), {3'000, 1}), crowd(0, 3'000))}});
  EXPECT_EQ(
      number("SELECT round(# hll_union(u, mine))::bigint FROM (SELECT hll_union_agg(users::hll) AS u FROM "
             "activity_hours) AS a, (SELECT hll_add_agg(hll_hash_text('user-' || n), 14, 5, 4096, 1) AS mine "
             "FROM generate_series(2000, 3999) AS n) AS b"),
      4'000);
}

}  // namespace
}  // namespace weir::postgres
