#include "sqlite/metrics_reader.hpp"

#include <atomic>
#include <thread>

#include "report/metrics_reader_contract.hpp"
#include "sqlite/store_test_world.hpp"

namespace weir::report {
namespace {

class SqliteReaderWorld final : public ReaderWorld {
 public:
  // By the store, but for the ledgers, whose versions are the suite's own.
  void given(const Stored& stored) override {
    ASSERT_TRUE(store_->begin({}).has_value());
    rollup::Changes changes{.windows = stored.windows};
    for (const StoredMinute& minute : stored.unrolled)
      changes.unrolled.push_back({minute.partition, minute.start});
    for (const StoredMinute& minute : stored.rolled)
      changes.rolled.push_back({minute.partition, minute.start});
    for (const auto granularity : tally::all_granularities) {
      if (stored.horizons) changes.horizons.push_back({granularity, stored.horizons->of(granularity)});
    }
    ASSERT_TRUE(store_->write(changes).has_value());
    ASSERT_EQ(store_->commit().end, rollup::CommitEnd::committed);
    for (const tally::LedgerRow& ledger : stored.ledgers) put(ledger);
  }

  std::unique_ptr<MetricsReader> reader() override {
    return sqlite::SqliteMetricsReader::open({.data_dir = folder_.path(), .topic = sqlite::test_topic})
        .value();
  }

 private:
  void put(const tally::LedgerRow& row) {
    ASSERT_TRUE(store_->open_ledger(row.partition, row.start_offset, WallTime{}).has_value());
    sqlite::Database database = sqlite::look_into(folder_);
    ASSERT_TRUE(database
                    .run("UPDATE activity_ledger SET version = " + std::to_string(row.version - 1) +
                         " WHERE partition = " + std::to_string(row.partition))
                    .has_value());
    auto held = store_->begin(std::array{rollup::Fence{row.partition, row.start_offset, row.version - 1}});
    ASSERT_EQ(held.value().size(), 1U);
    ASSERT_TRUE(store_->write({.ledgers = {row}}).has_value());
    ASSERT_EQ(store_->commit().end, rollup::CommitEnd::committed);
  }

  sqlite::TestFolder folder_;
  std::unique_ptr<sqlite::SqliteMetricsStore> store_ =
      sqlite::SqliteMetricsStore::open(sqlite::store_options(folder_)).value();
};

std::unique_ptr<ReaderWorld> make_sqlite_world() { return std::make_unique<SqliteReaderWorld>(); }

INSTANTIATE_TEST_SUITE_P(Sqlite, MetricsReaderContract, testing::Values(&make_sqlite_world));

}  // namespace
}  // namespace weir::report

namespace weir::sqlite {
namespace {

using report::reader_contract::at;
using report::reader_contract::Counts;
using report::reader_contract::midnight;
using report::reader_contract::row;
using report::reader_contract::total;
using tally::Dimension;
using tally::Granularity;

class MetricsReader : public testing::Test {
 protected:
  void given(rollup::Changes changes) {
    ASSERT_TRUE(store_->begin({}).has_value());
    ASSERT_TRUE(store_->write(changes).has_value());
    ASSERT_EQ(store_->commit().end, rollup::CommitEnd::committed);
  }
  std::unique_ptr<SqliteMetricsReader> reader(std::size_t connections) {
    return SqliteMetricsReader::open(
               {.data_dir = folder_.path(), .topic = test_topic, .connections = connections})
        .value();
  }
  std::int64_t number(const std::string& sql) { return look_into(folder_).number(sql).value(); }
  std::string text(const std::string& sql) {
    Database database = look_into(folder_);
    return first_text(database, sql);
  }

  TestFolder folder_;
  std::unique_ptr<SqliteMetricsStore> store_ = SqliteMetricsStore::open(store_options(folder_)).value();
};

TEST_F(MetricsReader, FindsEveryRowByAnIndex) {
  Database database = look_into(folder_);
  for (int kind = 0; kind < 12; ++kind) {
    const Scan scan{(kind & 1) != 0, static_cast<Scan::Values>(kind / 4), (kind & 2) != 0};
    const std::string sql = scan_sql(scan);
    const std::string_view rows = scan.remainders || scan.values == Scan::Values::few
                                      ? "window_start=? AND topic=? AND partition=?"
                                      : "granularity=? AND dimension=? AND window_start>? AND window_start<?";
    for_each_row(database, "EXPLAIN QUERY PLAN " + sql, [&](const Statement& step) {
      const std::string_view plan = step.text(3);
      const bool of_the_question = plan == "SCAN wanted" || plan.starts_with("SCAN json_each ");
      EXPECT_TRUE(of_the_question || !plan.starts_with("SCAN ")) << plan << " in " << sql;
      if (plan.starts_with("SEARCH w ")) {
        EXPECT_NE(plan.find(rows), std::string_view::npos) << plan << " in " << sql;
      }
    });
  }
}

TEST_F(MetricsReader, MakesNobodyWaitForeverForAConnection) {
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

TEST_F(MetricsReader, SeesWholeTransactionsWhileTheyAreWritten) {
  constexpr int flushes = 200;
  tally::LedgerRow ledger = store_->open_ledger(0, 0, WallTime{}).value();
  auto two = reader(2);
  std::atomic<bool> wrong = false;
  const auto read = [&] {
    const report::WindowQuery days{.granularity = Granularity::day, .from = midnight, .to = at(24)};
    for (std::int64_t tallied = 0; tallied < flushes && !wrong;) {
      auto snapshot = two->snapshot().value();
      std::int64_t events = 0;
      wrong = wrong ||
              !snapshot->scan(days, [&](const report::ViewRow& row) { events += row.events; }).has_value();
      tallied = snapshot->ledger().value().at(0).tallied;
      wrong = wrong || events != tallied;
    }
  };
  std::thread first(read);
  std::thread second(read);
  for (int number = 1; number <= flushes; ++number) {
    using rollup::store_contract::fence_of;
    EXPECT_EQ(store_->begin(std::array{fence_of(ledger)}).value().size(), 1U);
    ledger = rollup::store_contract::moved_on(ledger, 1);
    // Every other flush rolls up all there is.
    const Counts counts{number, 0, number % 2 == 0 ? number : number - 1, 0};
    rollup::Changes changes{.windows = {total(Granularity::minute, at(9), counts)}, .ledgers = {ledger}};
    if (number % 2 == 0) {
      changes.windows.push_back(total(Granularity::day, midnight, {.events = number}));
      changes.rolled = {{0, at(9)}};
    } else {
      changes.unrolled = {{0, at(9)}};
    }
    EXPECT_TRUE(store_->write(changes).has_value());
    EXPECT_EQ(store_->commit().end, rollup::CommitEnd::committed);
    EXPECT_TRUE(number % 20 != 0 || store_->checkpoint().has_value());
  }
  first.join();
  second.join();
  EXPECT_FALSE(wrong);
}

TEST_F(MetricsReader, CannotReadAStoreThatIsNotThere) {
  const TestFolder empty;
  auto refused = SqliteMetricsReader::open({.data_dir = empty.path(), .topic = test_topic});
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().text.find("metrics.db"), std::string::npos) << refused.error().text;
}

// The views, as people read them.

TEST_F(MetricsReader, ShowsPeopleOneViewForEachGranularity) {
  given({.windows = {
             row(Granularity::minute, at(9, 5), Dimension::page, "/a", {.events = 3, .page_views = 2})}});
  const std::string row_text =
      "SELECT topic || ' ' || window_start || ' ' || partition || ' ' || dimension || ' ' || value || ' ' || "
      "events || ' ' || page_views FROM ";
  EXPECT_EQ(text(row_text + "activity_minutes"), "the-topic 2015-05-19T09:05:00Z 0 page /a 3 2");
  given({.unrolled = {{0, at(9, 5)}}});
  EXPECT_EQ(text(row_text + "activity_hours"), "the-topic 2015-05-19T09:00:00Z 0 page /a 3 2");
  EXPECT_EQ(text(row_text + "activity_days"), "the-topic 2015-05-19T00:00:00Z 0 page /a 3 2");
  for (const char* view : {"activity_minutes", "activity_hours", "activity_days"}) {
    EXPECT_EQ(number(std::string("SELECT count(*) FROM ") + view + " WHERE hex(users) LIKE '128E4D%'"), 1)
        << view;
  }
}

TEST_F(MetricsReader, NamesDimensionsInTheViews) {
  for (const auto dimension : tally::all_dimensions) {
    given({.windows = {row(Granularity::day, midnight, dimension, "", {.events = 1})}});
    const std::string name(tally::name_of(dimension));
    EXPECT_EQ(number("SELECT count(*) FROM activity_days WHERE dimension = '" + name + "'"), 1) << name;
  }
}

TEST_F(MetricsReader, LetsPeopleAddUpCompleteDaysAtEveryMoment) {
  const std::string events = "SELECT sum(events) FROM activity_days WHERE dimension = 'total'";
  const std::string page_views = "SELECT sum(page_views) FROM activity_days WHERE dimension = 'total'";
  given({.windows = {total(Granularity::minute, at(9, 5), {.events = 10, .page_views = 4}),
                     total(Granularity::minute, at(23, 59), {.events = 1, .page_views = 1})},
         .unrolled = {{0, at(9, 5)}, {0, at(23, 59)}}});
  EXPECT_EQ(number(events), 11) << "before";
  given({.windows = {total(Granularity::minute, at(9, 5), {10, 4, 10, 4}),
                     total(Granularity::day, midnight, {.events = 10, .page_views = 4})},
         .rolled = {{0, at(9, 5)}}});
  EXPECT_EQ(number(events), 11) << "one minute is rolled up";
  given({.windows = {total(Granularity::minute, at(9, 5), {12, 5, 10, 4})}, .unrolled = {{0, at(9, 5)}}});
  EXPECT_EQ(number(events), 13) << "and has a late event";
  EXPECT_EQ(number(page_views), 6);
}

TEST_F(MetricsReader, HidesWhatIsBelowTheHorizonFromTheViews) {
  given({.windows = {total(Granularity::minute, at(9, 0), {.events = 1}),
                     total(Granularity::minute, at(9, 1), {.events = 1}),
                     total(Granularity::hour, at(9), {.events = 1}),
                     total(Granularity::hour, at(10), {.events = 1})},
         .unrolled = {{0, at(9, 0)}},
         .horizons = {{Granularity::minute, WallTime{at(9, 1)}},
                      {Granularity::hour, WallTime{at(9)} + std::chrono::milliseconds{1}}}});
  EXPECT_EQ(text("SELECT group_concat(window_start) FROM activity_minutes"), "2015-05-19T09:01:00Z");
  EXPECT_EQ(text("SELECT group_concat(window_start) FROM activity_hours"), "2015-05-19T10:00:00Z");
  EXPECT_EQ(number("SELECT count(*) FROM activity_days"), 1) << "the remainder of a minute that is hidden";
}

TEST_F(MetricsReader, NeverMakesAViewReadTheOtherGranularities) {
  Database database = look_into(folder_);
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
