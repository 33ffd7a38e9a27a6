// The contract of commit::MetricsStore on a real PostgreSQL, and how the store finds and stores its rows
// there.
#include <array>
#include <limits>

#include "commit/testing/metrics_store_contract.hpp"
#include "integration/postgres_store_fixture.hpp"
#include "postgres/errors.hpp"
#include "postgres/store_sql.hpp"

namespace weir::commit {
namespace {

template <postgres::Hll hll>
class PostgresStoreWorld final : public StoreFixture {
 public:
  std::unique_ptr<MetricsStore> session(const std::string& group) override {
    return database_.session(group);
  }
  StoreContents contents() override { return postgres::read_all_tables(database_); }

 private:
  postgres::StoreDatabase database_{hll};
};

template <postgres::Hll hll>
std::unique_ptr<StoreFixture> make_world() {
  return std::make_unique<PostgresStoreWorld<hll>>();
}

INSTANTIATE_TEST_SUITE_P(Postgres, MetricsStoreContract, testing::Values(&make_world<postgres::Hll::absent>));
INSTANTIATE_TEST_SUITE_P(PostgresWithHll, MetricsStoreContract,
                         testing::Values(&make_world<postgres::Hll::installed>));

}  // namespace
}  // namespace weir::commit

namespace weir::postgres {
namespace {

using commit::store_contract::fence_of;
using commit::store_contract::minute;
using commit::store_contract::moved_on;
using commit::store_contract::total;
using commit::store_contract::written;
using tally::Granularity;

const auto* const server = testing::AddGlobalTestEnvironment(new SharedServer);

// The columns that an index scan on a table that grows must use.
struct WholeKey {
  std::string_view index;
  std::vector<std::string_view> columns;
};
const std::array whole_keys{
    WholeKey{"activity_windows_pkey",
             {"granularity =", "dimension =", "window_start ", "topic =", "partition ="}},
    WholeKey{"activity_dead_letters_topic", {"topic =", "partition ="}},
};

void expect_good_plan(const Rows& plan, const std::string& sql) {
  const WholeKey* key = nullptr;  // of the index of the current plan node
  for (int row = 0; row < plan.count(); ++row) {
    const std::string_view line = plan.bytes(row, 0);
    EXPECT_EQ(line.find("Seq Scan on activity"), std::string_view::npos) << sql << "\n" << line;
    EXPECT_EQ(line.find("Hash Join"), std::string_view::npos) << sql << "\n" << line;
    if (line.find("->") != std::string_view::npos) key = nullptr;
    for (const WholeKey& each : whole_keys) {
      if (line.find(" using " + std::string(each.index)) != std::string_view::npos) key = &each;
    }
    if (key == nullptr || line.find("Index Cond: ") == std::string_view::npos) continue;
    for (const std::string_view column : key->columns)
      EXPECT_NE(line.find(column), std::string_view::npos) << sql << "\n" << line;
  }
}

void expect_good_plans(TestConnection& session) {
  using namespace store_sql;
  const std::array statements{&find_other_group,
                              &insert_ledger,
                              &read_ledger,
                              &begin_topic,
                              &archive_ledger,
                              &archive_dead_letters,
                              &dead_letter_offsets,
                              &pending_rollup_minutes,
                              &fence,
                              &read_windows,
                              &count_minute_rows,
                              &read_pending_rollup,
                              &lock_dead_letters,
                              &put_windows,
                              &set_pending_rollup,
                              &clear_pending_rollup,
                              &raise_horizons,
                              &put_dead_letters,
                              &set_replayed,
                              &add_attempts,
                              &put_flush,
                              &put_ledgers,
                              &prune_windows};
  for (const Statement* const statement : statements) {
    int parameters = 0;
    while (statement->sql.find('$' + std::to_string(parameters + 1)) != std::string::npos) ++parameters;
    std::string nulls = "NULL";
    for (int i = 1; i < parameters; ++i) nulls += ", NULL";
    session.script("PREPARE " + statement->name + " AS " + statement->sql);
    expect_good_plan(session.run("EXPLAIN EXECUTE " + statement->name + "(" + nulls + ")"), statement->sql);
  }
}

class PostgresStore : public testing::Test {
 protected:
  tally::LedgerRow open(std::int32_t partition = 0) {
    return store_->open_ledger(partition, 0, written).value();
  }

  tally::LedgerRow flush(const tally::LedgerRow& before, commit::Changes changes) {
    EXPECT_EQ(store_->begin(std::array{fence_of(before)}).value().size(), 1U);
    const tally::LedgerRow after = moved_on(before, 1);
    changes.written_at = written;
    changes.ledgers = {after};
    const auto wrote = store_->write(changes);
    EXPECT_TRUE(wrote.has_value()) << wrote.error().text;
    EXPECT_EQ(store_->commit().status, commit::CommitStatus::committed);
    return after;
  }

  StoreDatabase database_{Hll::installed};
  std::unique_ptr<PostgresMetricsStore> store_ = database_.session();
};

TEST_F(PostgresStore, KeepsASketchThatHasNotChanged) {
  tally::WindowRow row = total(Granularity::minute, minute(0), 1);
  const tally::LedgerRow ledger = flush(open(), {.windows = {row}});
  tally::WindowRow more = row;
  more.events = 2;
  more.users = "not looked at";
  more.users_changed = false;
  flush(ledger, {.windows = {more}});
  row.events = 2;
  EXPECT_EQ(read_all_tables(database_).windows, std::vector{row});
}

TEST_F(PostgresStore, StoresSketchesThatTheExtensionUnites) {
  flush(open(),
        {.windows = {total(Granularity::minute, minute(0), 1), total(Granularity::minute, minute(1), 1)}});
  EXPECT_EQ(
      database_.connect().number(
          "SELECT round(#hll_union_agg(users::hll))::bigint FROM activity_minutes WHERE dimension = 'total'"),
      1);
}

TEST_F(PostgresStore, StoresADeadLetterWhoseDetailIsNoText) {
  const std::string quoted("\"\0\xff\" is not JSON", 16);
  flush(open(),
        {.dead_letters = {{.partition = 0, .offset = 1, .detail = quoted, .value = quoted, .at = written}}});
  const auto letters = read_all_tables(database_).dead_letters;
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].dead_letter.detail, "\"\uFFFD\uFFFD\" is not JSON");
  EXPECT_EQ(letters[0].dead_letter.value, quoted);
}

// A producer can set any record time.
TEST_F(PostgresStore, StoresMomentsOutsideOfTheCalendar) {
  using Limit = std::numeric_limits<std::int64_t>;
  tally::LedgerRow ledger = open();
  for (const std::int64_t odd : {Limit::max(), Limit::min(), std::int64_t{-1}}) {
    const WallTime moment{std::chrono::milliseconds{odd}};
    ASSERT_EQ(store_->begin(std::array{fence_of(ledger)}).value().size(), 1U);
    ledger = moved_on(ledger, 1);
    ledger.observed.oldest_unread_at = moment;
    const auto wrote = store_->write({.written_at = written,
                                      .dead_letters = {{.partition = 0, .offset = odd, .at = moment}},
                                      .ledgers = {ledger}});
    EXPECT_TRUE(wrote.has_value()) << wrote.error().text;
    EXPECT_EQ(store_->commit().status, commit::CommitStatus::committed);
  }
  EXPECT_EQ(open().observed.oldest_unread_at, WallTime{std::chrono::milliseconds{-1}});
}

TEST_F(PostgresStore, KeepsTopicsApart) {
  flush(open(), {.windows = {total(Granularity::minute, minute(0), 1)}, .pending_rollups = {{0, minute(0)}}});
  MetricsStoreOptions other = database_.options("another-group");
  other.topic = "another-topic";
  PostgresMetricsStore second(other);
  const tally::LedgerRow ledger = second.open_ledger(0, 7, written).value();
  EXPECT_EQ(ledger.next_offset, 7);
  EXPECT_TRUE(second.find_pending_rollups(0).value().empty());
  ASSERT_EQ(second.begin(std::array{fence_of(ledger)}).value().size(), 1U);
  EXPECT_TRUE(
      second.read_windows(std::array{total(Granularity::minute, minute(0), 1).key}, limits::step_bytes_max)
          .value()
          ->empty());
  EXPECT_TRUE(second.read_pending_rows(0, std::array{minute(0)}, {}).value().rows.empty());
}

// An update of a row stays on its page and writes no index.
TEST_F(PostgresStore, UpdatesRowsInPlace) {
  tally::LedgerRow ledger = open();
  for (int round = 1; round <= 20; ++round) {
    std::vector<tally::WindowRow> windows;
    for (int page = 0; page < 50; ++page) {
      windows.push_back(commit::store_contract::row(Granularity::minute, minute(0), tally::Dimension::page,
                                                    "/page-" + std::to_string(page), round));
    }
    ledger = flush(ledger, {.windows = windows});
  }
  store_.reset();  // the server publishes the statistics of a session when it ends
  TestConnection look = database_.connect();
  while (look.number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weir' AND "
                     "datname = current_database() AND pid <> pg_backend_pid()") > 0) {
  }
  const Rows figures = look.run(
      "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname IN ('activity_windows', "
      "'activity_ledger') ORDER BY relname DESC");
  EXPECT_EQ(figures.number(0, 0), 19 * 50);
  EXPECT_GE(figures.number(0, 1), 19 * 50 * 9 / 10);
  EXPECT_GE(figures.number(1, 1), figures.number(1, 0) * 9 / 10);
}

// With plans that are made while the tables are empty, and with plans that know their size.
TEST_F(PostgresStore, FindsRowsOfTablesThatGrowByTheirWholeKey) {
  TestConnection session = database_.connect();
  for (const auto& [name, value] : writer_session()) session.script("SET " + name + " = " + value);
  expect_good_plans(session);
  session.script(
      "INSERT INTO activity_windows SELECT to_timestamp(n * 60), 1, 1, 0, 0, now(), p, 0, 0, 0, 0, 0, 0, "
      "'the-topic', '', '' FROM generate_series(1, 5000) n, generate_series(0, 3) p;"
      "INSERT INTO activity_unrolled SELECT 'the-topic', to_timestamp(n * 60), 0 FROM generate_series(1, "
      "5000) n;"
      "INSERT INTO activity_dead_letters SELECT 'the-topic', 0, n, '', '', '', '', now() "
      "FROM generate_series(1, 5000) n; ANALYZE; DEALLOCATE ALL");
  expect_good_plans(session);
}

}  // namespace
}  // namespace weir::postgres
