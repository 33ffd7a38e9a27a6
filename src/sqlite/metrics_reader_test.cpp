#include "sqlite/metrics_reader.hpp"

#include <thread>

#include "report/testing/metrics_reader_contract.hpp"
#include "report/testing/metrics_views_contract.hpp"
#include "sqlite/reader_sql.hpp"
#include "sqlite/testing/store_fixture.hpp"

namespace weir::report {
namespace {

class SqliteReaderFixture final : public ViewsFixture {
 public:
  void given(const Stored& stored) override {
    commit<commit::Changes>(
        *store_, stored, commit::fence_of, [this](std::int32_t partition, std::int64_t version) {
          sqlite::Database database = sqlite::open_database(folder_);
          ASSERT_TRUE(database
                          .run("UPDATE activity_ledger SET version = " + std::to_string(version) +
                               " WHERE partition = " + std::to_string(partition))
                          .has_value());
        });
    EXPECT_TRUE(++written_ % 20 != 0 || store_->checkpoint().has_value());
  }
  std::unique_ptr<MetricsReader> reader() override {
    return sqlite::SqliteMetricsReader::open({.data_dir = folder_.path(), .topic = sqlite::test_topic})
        .value();
  }
  std::int64_t number(const std::string& sql) override {
    return sqlite::open_database(folder_).number(sql).value();
  }

 private:
  sqlite::TestFolder folder_;
  std::unique_ptr<sqlite::SqliteMetricsStore> store_ =
      sqlite::SqliteMetricsStore::open(sqlite::store_options(folder_)).value();
  int written_ = 0;
};

template <class Fixture>
std::unique_ptr<Fixture> make_sqlite_fixture() {
  return std::make_unique<SqliteReaderFixture>();
}

INSTANTIATE_TEST_SUITE_P(Sqlite, MetricsReaderContract, testing::Values(&make_sqlite_fixture<ReaderFixture>));
INSTANTIATE_TEST_SUITE_P(Sqlite, MetricsViewsContract, testing::Values(&make_sqlite_fixture<ViewsFixture>));

}  // namespace
}  // namespace weir::report

namespace weir::sqlite {
namespace {

using report::Scan;
using report::reader_contract::at;
using report::reader_contract::row;
using tally::Dimension;
using tally::Granularity;

class MetricsReader : public testing::Test {
 protected:
  void given(commit::Changes changes) {
    ASSERT_TRUE(store_->begin({}).has_value());
    ASSERT_TRUE(store_->write(changes).has_value());
    ASSERT_EQ(store_->commit().status, commit::CommitStatus::committed);
  }
  std::unique_ptr<SqliteMetricsReader> reader(std::size_t connections) {
    return SqliteMetricsReader::open(
               {.data_dir = folder_.path(), .topic = test_topic, .connections = connections})
        .value();
  }
  std::int64_t number(const std::string& sql) { return open_database(folder_).number(sql).value(); }
  std::string text(const std::string& sql) {
    Database database = open_database(folder_);
    return first_text(database, sql);
  }

  TestFolder folder_;
  std::unique_ptr<SqliteMetricsStore> store_ = SqliteMetricsStore::open(store_options(folder_)).value();
};

TEST_F(MetricsReader, FindsEveryRowByAnIndex) {
  Database database = open_database(folder_);
  for (std::size_t index = 0; index < Scan::count; ++index) {
    const Scan scan = report::scan_at(index);
    const std::string& sql = reader_sql::scan(scan).sql;
    const std::string_view rows = scan.pending_rollup || scan.values == Scan::Values::few
                                      ? "window_start=? AND topic=? AND partition=?"
                                      : "granularity=? AND dimension=? AND window_start>? AND window_start<?";
    for_each_row(database, "EXPLAIN QUERY PLAN " + sql, [&](const Statement& step) {
      const std::string_view plan = step.text(3);
      const bool is_of_a_parameter = plan == "SCAN wanted" || plan.starts_with("SCAN json_each ");
      EXPECT_TRUE(is_of_a_parameter || !plan.starts_with("SCAN ")) << plan << " in " << sql;
      if (plan.starts_with("SEARCH w ")) {
        EXPECT_NE(plan.find(rows), std::string_view::npos) << plan << " in " << sql;
      }
    });
  }
}

TEST_F(MetricsReader, FindsEveryRowByAnIndexWhenItSortsByValue) {
  Database database = open_database(folder_);
  for (const NamedSql* const each :
       {&reader_sql::count_by_value, &reader_sql::users_by_value, &reader_sql::users_of_row}) {
    const std::string& sql = each->sql;
    for_each_row(database, "EXPLAIN QUERY PLAN " + sql, [&](const Statement& step) {
      const std::string_view plan = step.text(3);
      EXPECT_FALSE(plan.starts_with("SCAN w") || plan.starts_with("SCAN activity")) << plan << " in " << sql;
      if (plan.starts_with("SEARCH w ")) {
        EXPECT_NE(plan.find("window_start"), std::string_view::npos) << plan << " in " << sql;
      }
    });
  }
}

TEST_F(MetricsReader, PassesAReturnedConnectionToAThreadThatWaits) {
  auto one = reader(1);
  auto first = one->snapshot().value();
  bool second_taken = false;
  std::thread waiting([&] {
    auto second = one->snapshot();
    second_taken = second.has_value();
  });
  first.reset();
  waiting.join();
  EXPECT_TRUE(second_taken);
}

TEST_F(MetricsReader, RefusesAStoreThatDoesNotExist) {
  const TestFolder empty;
  auto refused = SqliteMetricsReader::open({.data_dir = empty.path(), .topic = test_topic});
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().text.find("metrics.db"), std::string::npos) << refused.error().text;
}

// The views of the contract.

TEST_F(MetricsReader, HasOneViewForEachGranularity) {
  given({.windows = {
             row(Granularity::minute, at(9, 5), Dimension::page, "/a", {.events = 3, .page_views = 2})}});
  const std::string row_text =
      "SELECT topic || ' ' || window_start || ' ' || partition || ' ' || dimension || ' ' || value || ' ' || "
      "events || ' ' || page_views FROM ";
  EXPECT_EQ(text(row_text + "activity_minutes"), "the-topic 2015-05-19T09:05:00Z 0 page /a 3 2");
  given({.pending_rollups = {{0, at(9, 5)}}});
  EXPECT_EQ(text(row_text + "activity_hours"), "the-topic 2015-05-19T09:00:00Z 0 page /a 3 2");
  EXPECT_EQ(text(row_text + "activity_days"), "the-topic 2015-05-19T00:00:00Z 0 page /a 3 2");
  for (const char* view : {"activity_minutes", "activity_hours", "activity_days"}) {
    EXPECT_EQ(number(std::string("SELECT count(*) FROM ") + view + " WHERE hex(users) LIKE '128E4D%'"), 1)
        << view;
  }
}

TEST_F(MetricsReader, ReadsOnlyTheGranularityOfAView) {
  Database database = open_database(folder_);
  for (const char* view : {"activity_minutes", "activity_hours", "activity_days"}) {
    for (const char* filter : {"", " WHERE dimension = 'total'", " WHERE topic = 'the-topic'"}) {
      for_each_row(database, std::string("EXPLAIN QUERY PLAN SELECT * FROM ") + view + filter,
                   [&](const Statement& step) {
                     EXPECT_FALSE(step.text(3).starts_with("SCAN w"))
                         << step.text(3) << " in " << view << filter;
                   });
    }
  }
}

}  // namespace
}  // namespace weir::sqlite
