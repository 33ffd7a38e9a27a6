// The contract of the views that users query by SQL: one suite for SQLite and PostgreSQL, in SQL that both
// accept. To run it on a store, include it in one test file of the store, derive a ViewsFixture, and write
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, MetricsViewsContract, testing::Values(&make_sqlite_fixture));
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "report/testing/metrics_reader_fixture.hpp"

namespace weir::report {

class ViewsFixture : public ReaderFixture {
 public:
  // Runs a SELECT that returns one number.
  virtual std::int64_t number(const std::string& sql) = 0;
};
using MakeViewsFixture = std::unique_ptr<ViewsFixture> (*)();

class MetricsViewsContract : public testing::TestWithParam<MakeViewsFixture> {
 protected:
  void given(const Stored& stored) { fixture_->given(stored); }
  std::int64_t number(const std::string& sql) { return fixture_->number(sql); }
  // Returns the sum of a column over the total rows of a view. The cast gives an integer in both stores.
  std::int64_t sum(const std::string& column, const std::string& view) {
    return number("SELECT CAST(sum(" + column + ") AS BIGINT) FROM " + view + " WHERE dimension = 'total'");
  }

  std::unique_ptr<ViewsFixture> fixture_ = GetParam()();
};

TEST_P(MetricsViewsContract, NamesDimensions) {
  using namespace reader_contract;
  for (const auto dimension : tally::all_dimensions) {
    given({.windows = {row(Granularity::day, midnight, dimension, "", {.events = 1})}});
    const std::string name(tally::name_of(dimension));
    EXPECT_EQ(number("SELECT count(*) FROM activity_days WHERE dimension = '" + name + "'"), 1) << name;
  }
}

TEST_P(MetricsViewsContract, NamesOwnDimensionsInEachView) {
  using namespace reader_contract;
  const tally::OwnDimension country{"country", tally::parse_dimension_source("metadata.country").value()};
  given({.windows = {row(Granularity::minute, at(9), tally::first_own_dimension, "DE", {.events = 4}),
                     row(Granularity::day, midnight, tally::first_own_dimension, "DE", {.events = 8})},
         .pending_rollups = {{0, at(9)}},
         .dimensions = {country}});
  const std::string where = " WHERE dimension = 'country' AND value = 'DE'";
  EXPECT_EQ(number("SELECT CAST(sum(events) AS BIGINT) FROM activity_minutes" + where), 4);
  EXPECT_EQ(number("SELECT CAST(sum(events) AS BIGINT) FROM activity_hours" + where), 4) << "pending counts";
  EXPECT_EQ(number("SELECT CAST(sum(events) AS BIGINT) FROM activity_days" + where), 12);
  EXPECT_EQ(number("SELECT count(*) FROM activity_dimensions WHERE name = 'country' AND source = "
                   "'metadata.country' AND since IS NOT NULL"),
            1);
}

TEST_P(MetricsViewsContract, ShowsCompleteDaysBeforeAndAfterARollUp) {
  using namespace reader_contract;
  given({.windows = {total(Granularity::minute, at(9, 5), {.events = 10, .page_views = 4}),
                     total(Granularity::minute, at(23, 59), {.events = 1, .page_views = 1})},
         .pending_rollups = {{0, at(9, 5)}, {0, at(23, 59)}}});
  EXPECT_EQ(sum("events", "activity_days"), 11) << "before";
  given({.windows = {total(Granularity::minute, at(9, 5), {10, 4, 10, 4}),
                     total(Granularity::day, midnight, {.events = 10, .page_views = 4})},
         .rolled_up = {{0, at(9, 5)}}});
  EXPECT_EQ(sum("events", "activity_days"), 11) << "one minute is rolled up";
  given({.windows = {total(Granularity::minute, at(9, 5), {12, 5, 10, 4})},
         .pending_rollups = {{0, at(9, 5)}}});
  EXPECT_EQ(sum("events", "activity_days"), 13) << "the minute has a late event";
  EXPECT_EQ(sum("page_views", "activity_days"), 6);
}

TEST_P(MetricsViewsContract, HidesWindowsBelowTheHorizon) {
  using namespace reader_contract;
  given({.windows = {total(Granularity::minute, at(9, 0), {.events = 1}),
                     total(Granularity::minute, at(9, 1), {.events = 2}),
                     total(Granularity::hour, at(9), {.events = 4}),
                     total(Granularity::hour, at(10), {.events = 8})},
         .pending_rollups = {{0, at(9, 0)}},
         .horizons =
             Horizons{{WallTime{at(9, 1)}, WallTime{at(9)} + std::chrono::milliseconds{1}, WallTime{}}}});
  EXPECT_EQ(sum("events", "activity_minutes"), 2) << "the minute at 09:01";
  EXPECT_EQ(sum("events", "activity_hours"), 8) << "the hour at 10:00";
  EXPECT_EQ(number("SELECT count(*) FROM activity_days"), 1) << "the pending counts of a hidden minute";
  EXPECT_EQ(sum("events", "activity_days"), 1);
}

}  // namespace weir::report
