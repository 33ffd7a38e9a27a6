// Migrations of a real PostgreSQL, from an empty database, an older version and the original table.
#include <array>
#include <set>
#include <thread>
#include <vector>

#include "integration/postgres_database.hpp"
#include "postgres/errors.hpp"
#include "postgres/metrics_store.hpp"
#include "postgres/migrations.hpp"
#include "postgres/schema.hpp"

namespace weir::postgres {
namespace {

const auto* const server = testing::AddGlobalTestEnvironment(new SharedServer);

constexpr const char* original_table =
    "CREATE TABLE user_activity_metrics (id SERIAL PRIMARY KEY, timestamp TIMESTAMP NOT NULL, "
    "unique_users INTEGER NOT NULL, page_view_count INTEGER NOT NULL, "
    "created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);"
    "CREATE INDEX idx_metrics_timestamp ON user_activity_metrics (timestamp);"
    "INSERT INTO user_activity_metrics (timestamp, unique_users, page_view_count) "
    "VALUES ('2024-05-19 19:00:00', 7, 9), ('2024-05-19 19:00:30', 1, 0);";

class Migrations : public testing::Test {
 protected:
  Result<void> migrate(const std::string& role = "postgres") {
    TestConnection session = database_.connect(role);
    return postgres::migrate(*session);
  }
  void expect_refused(std::string_view code, std::string_view words, const std::string& role = "postgres") {
    auto done = migrate(role);
    ASSERT_FALSE(done.has_value()) << "expected " << code;
    EXPECT_EQ(done.error().kind, ErrorKind::invalid) << done.error().text;
    EXPECT_EQ(done.error().code, code) << done.error().text;
    EXPECT_NE(done.error().text.find(words), std::string::npos) << done.error().text;
  }
  // Creates a role that owns nothing, with the rights that docs/OPERATING.md lists.
  std::string role(const std::string& rights) {
    static int made = 0;
    const std::string name = "role_" + std::to_string(++made);
    all_.script("CREATE ROLE " + name + " LOGIN");
    const std::size_t at = rights.find('$');
    if (at != std::string::npos) all_.script(std::string(rights).replace(at, 1, name));
    return name;
  }

  TestDatabase database_;
  TestConnection all_ = database_.connect();
};

TEST_F(Migrations, CreateTheListedColumns) {
  ASSERT_TRUE(migrate().has_value());
  std::set<std::string> expected;
  for (const TableColumns& table : schema_columns()) {
    std::string columns(table.columns);
    for (std::size_t end = 0; end != std::string::npos; columns.erase(0, end + 1)) {
      end = columns.find(' ');
      expected.insert(std::string(table.table) + "." + columns.substr(0, end));
      if (end == std::string::npos) break;
    }
  }
  std::set<std::string> made;
  const Rows rows = all_.run(
      "SELECT c.table_name || '.' || column_name FROM information_schema.columns AS c JOIN "
      "information_schema.tables AS t USING (table_schema, table_name) WHERE c.table_schema = 'public' "
      "AND table_type = 'BASE TABLE' AND c.table_name <> 'activity_schema'");
  for (int row = 0; row < rows.count(); ++row) made.insert(std::string(rows.bytes(row, 0)));
  EXPECT_EQ(made, expected);
}

TEST_F(Migrations, ChangeNothingTheSecondTime) {
  ASSERT_TRUE(migrate().has_value());
  const std::string made =
      "SELECT string_agg(oid || ' ' || xmin, ',' ORDER BY oid) FROM pg_class "
      "WHERE relnamespace = 'public'::regnamespace";
  const std::string before = all_.text(made);
  ASSERT_TRUE(migrate().has_value());
  EXPECT_EQ(all_.text(made), before);
  EXPECT_EQ(all_.number("SELECT count(*) FROM activity_schema"),
            static_cast<std::int64_t>(schema_migrations().size()));
}

TEST_F(Migrations, RunOnceForTenProcessesThatStartAtOnce) {
  std::vector<std::string> faults(10);
  std::vector<std::thread> processes;
  for (std::string& fault : faults) {
    processes.emplace_back([&fault, this] {
      if (auto done = migrate(); !done) fault = done.error().text;
    });
  }
  for (std::thread& process : processes) process.join();
  EXPECT_EQ(faults, std::vector<std::string>(10));
  EXPECT_EQ(all_.number("SELECT count(*) FROM activity_dimensions"), 4);
}

TEST_F(Migrations, LeaveNoTransactionAndNoTableAfterAnError) {
  all_.script("CREATE TABLE activity_horizon (mine INT)");  // the last table that is created
  TestConnection session = database_.connect();
  EXPECT_FALSE(postgres::migrate(*session).has_value());
  EXPECT_FALSE((*session).in_transaction());
  EXPECT_EQ(all_.number("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND "
                        "relnamespace = 'public'::regnamespace"),
            1);
  all_.script("DROP TABLE activity_horizon");
  EXPECT_TRUE(postgres::migrate(*session).has_value()) << "the session works for another try";
}

TEST_F(Migrations, KeepTheRowsOfTheFirstVersion) {
  all_.script(
      "CREATE TABLE activity_schema (version INTEGER PRIMARY KEY, "
      "applied_at TIMESTAMPTZ NOT NULL DEFAULT now())");
  all_.script(std::string(schema_migrations()[0]));
  all_.script(schema_views());
  all_.script("INSERT INTO activity_schema (version) VALUES (1)");
  all_.script(
      "INSERT INTO activity_ledger (topic, partition, group_id, start_offset, next_offset, read, tallied, "
      "log_end_offset, observed_at, updated_at) VALUES ('t', 0, 'g', 3, 5, 2, 2, 5, now(), now())");
  ASSERT_TRUE(migrate().has_value());
  EXPECT_EQ(all_.number("SELECT max(version) FROM activity_schema"),
            static_cast<std::int64_t>(schema_migrations().size()));
  EXPECT_EQ(
      all_.number("SELECT count(*) FROM activity_ledger WHERE next_offset = 5 AND counted_from IS NULL"), 1);
}

TEST_F(Migrations, NameAColumnOfAnotherType) {
  ASSERT_TRUE(migrate().has_value());
  all_.script("ALTER TABLE activity_ledger ALTER COLUMN skipped TYPE numeric");
  expect_refused(code_tables_differ, "column activity_ledger.skipped is numeric; expected int8");
}

TEST_F(Migrations, AdoptTheOriginalTableWithItsRows) {
  all_.script(original_table);
  const std::string as_it_is = "SELECT string_agg(m::text, ';' ORDER BY id) FROM user_activity_metrics AS m";
  const std::string rows = all_.text(as_it_is);
  ASSERT_TRUE(migrate().has_value());
  EXPECT_EQ(all_.text(as_it_is), rows);
  EXPECT_EQ(all_.text("SELECT data_type FROM information_schema.columns WHERE table_name = "
                      "'user_activity_metrics' AND column_name = 'unique_users'"),
            "integer");

  Parameters flush;
  flush.add(WallTime{std::chrono::seconds{1'432'026'000}}).add(Type::int8, 3).add(Type::int8, 2);
  all_.run(
      "INSERT INTO user_activity_metrics (timestamp, unique_users, page_view_count, created_at) "
      "VALUES ($1::timestamptz, $2::bigint, $3::bigint, $1::timestamptz)",
      flush);
  EXPECT_EQ(all_.text("SELECT id || ' ' || timestamp || ' ' || created_at FROM user_activity_metrics "
                      "WHERE page_view_count = 2"),
            "3 2015-05-19 09:00:00 2015-05-19 09:00:00");
}

TEST_F(Migrations, CreateTheOriginalTableAsTheContractSays) {
  ASSERT_TRUE(migrate().has_value());
  EXPECT_EQ(all_.text("SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position) "
                      "FROM information_schema.columns WHERE table_name = 'user_activity_metrics'"),
            "id bigint, timestamp timestamp with time zone, unique_users bigint, page_view_count bigint, "
            "created_at timestamp with time zone");
}

TEST_F(Migrations, NameTheColumnThatAnAdoptedTableLacks) {
  all_.script(original_table);
  all_.script("ALTER TABLE user_activity_metrics DROP COLUMN page_view_count");
  expect_refused(code_tables_differ, "table user_activity_metrics has no column page_view_count");
}

TEST_F(Migrations, NameAColumnOfAnAdoptedTableThatWeirCannotFill) {
  all_.script(original_table);
  all_.script("ALTER TABLE user_activity_metrics ADD COLUMN region TEXT NOT NULL DEFAULT ''");
  EXPECT_TRUE(migrate().has_value()) << "a column with a default is accepted";
  all_.script("ALTER TABLE user_activity_metrics ALTER COLUMN region DROP DEFAULT");
  expect_refused(code_tables_differ, "user_activity_metrics.region is NOT NULL without a default");
  all_.script("ALTER TABLE user_activity_metrics DROP COLUMN region");
  all_.script("ALTER TABLE user_activity_metrics ALTER COLUMN id DROP DEFAULT");
  expect_refused(code_tables_differ, "user_activity_metrics.id is NOT NULL without a default");
  all_.script("ALTER TABLE user_activity_metrics ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY");
  EXPECT_TRUE(migrate().has_value());
  all_.script("ALTER TABLE user_activity_metrics ALTER COLUMN unique_users TYPE TEXT");
  expect_refused(code_tables_differ, "user_activity_metrics.unique_users is text; expected BIGINT, INTEGER");
}

TEST_F(Migrations, NameAMissingTableOrColumn) {
  ASSERT_TRUE(migrate().has_value());
  all_.script("ALTER TABLE activity_windows DROP COLUMN rolled_events CASCADE");
  expect_refused(code_tables_differ, "table activity_windows has no column rolled_events");
  all_.script("DROP TABLE activity_dead_letters");
  all_.script("ALTER TABLE activity_windows ADD COLUMN rolled_events BIGINT");
  expect_refused(code_tables_differ, "table activity_dead_letters is missing");
}

TEST_F(Migrations, RefuseTablesOfANewerWeir) {
  ASSERT_TRUE(migrate().has_value());
  all_.script("INSERT INTO activity_schema (version) VALUES (1000)");
  expect_refused(code_newer, "version 1000, created by a newer Weir");
}

TEST_F(Migrations, NeedNoRightToCreateOnAnUpToDateDatabase) {
  const std::string weir = role("GRANT CONNECT ON DATABASE " + database_.name() + " TO $");
  expect_refused(code_forbidden, "creating or migrating the tables: ", weir);
  ASSERT_TRUE(migrate().has_value());
  expect_refused(code_forbidden, "activity_schema", weir);
  all_.script("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO " + weir);
  all_.script("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO " + weir);
  EXPECT_TRUE(migrate(weir).has_value());

  PostgresMetricsStore store({.connection = database_.settings(weir), .topic = "t", .group_id = "g"});
  ASSERT_TRUE(store.open_ledger(0, 0, WallTime{}).has_value());
  ASSERT_TRUE(store.begin({}).has_value());
  const WallTime flushed{std::chrono::seconds{1'432'026'000}};
  auto wrote = store.write({.horizons = {{tally::Granularity::minute, flushed}},
                            .flush = commit::FlushRow{.timestamp = flushed},
                            .prune_flushes_before = flushed});
  EXPECT_TRUE(wrote.has_value()) << wrote.error().text;
  EXPECT_EQ(store.commit().status, commit::CommitStatus::committed) << "with the rights of docs/OPERATING.md";
}

TEST_F(Migrations, RefuseAReadOnlyDatabase) {
  ASSERT_TRUE(migrate().has_value());
  all_.script("ALTER DATABASE " + database_.name() + " SET default_transaction_read_only = on");
  expect_refused(code_read_only, "read only");
}

TEST_F(Migrations, RefuseAnEncodingOtherThanUtf8) {
  const TestDatabase latin("ENCODING 'LATIN1' TEMPLATE template0");
  TestConnection session = latin.connect();
  auto done = postgres::migrate(*session);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, code_encoding) << done.error().text;
}

TEST_F(Migrations, KeepViewsAndRightsOfPeople) {
  ASSERT_TRUE(migrate().has_value());
  all_.script("CREATE VIEW mine AS SELECT sum(events) FROM activity_hours");
  const std::string grafana = role("GRANT SELECT ON activity_hours TO $");
  all_.script(schema_views());  // as a later migration does
  EXPECT_EQ(database_.connect(grafana).number("SELECT count(*) FROM activity_hours"), 0);
  EXPECT_EQ(all_.number("SELECT count(*) FROM mine"), 1);
}

}  // namespace
}  // namespace weir::postgres
