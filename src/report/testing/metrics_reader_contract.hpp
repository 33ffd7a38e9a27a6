// The contract of the MetricsReader interface: one suite for the fake, SQLite and PostgreSQL. To run it on an
// implementation, include it in one test file, derive a ReaderFixture, and write
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, MetricsReaderContract, testing::Values(&make_sqlite_fixture));
#pragma once

#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

#include "report/testing/metrics_reader_days_contract.hpp"
#include "report/testing/metrics_reader_dead_letters_contract.hpp"
#include "report/testing/metrics_reader_fixture.hpp"
#include "report/testing/metrics_reader_values_contract.hpp"

namespace weir::report {

// Rows.

TEST_P(MetricsReaderContract, ReturnsNoRowsOfAnEmptyStore) {
  auto empty = snapshot();
  EXPECT_EQ(empty->horizons().value().pruned_to, (std::array<WallTime, 3>{}));
  EXPECT_TRUE(empty->ledger().value().empty());
  for (const auto granularity : tally::all_granularities)
    EXPECT_TRUE(sums(*empty, query(granularity)).empty());
}

TEST_P(MetricsReaderContract, ShowsARowUnchanged) {
  using namespace reader_contract;
  tally::WindowRow page =
      row(Granularity::hour, at(9), Dimension::page, "/straße/\"'%_\\", {5'000'000'000, 7});
  page.key.partition = 3;
  page.users = one_user('\0') + std::string(8, '\x7f');
  fixture_->given({.windows = {of_partition(3, total(Granularity::hour, at(9), {5'000'000'000, 7})), page}});
  int rows = 0;
  auto scanned = snapshot()->scan(query(Granularity::hour, Dimension::page), [&](const ViewRow& shown) {
    ++rows;
    EXPECT_EQ(shown.start, at(9));
    EXPECT_EQ(shown.partition, 3);
    EXPECT_EQ(shown.value, page.key.value);
    EXPECT_EQ(shown.events, 5'000'000'000);
    EXPECT_EQ(shown.page_views, 7);
    EXPECT_EQ(shown.users, page.users);
  });
  EXPECT_TRUE(scanned.has_value());
  EXPECT_EQ(rows, 1);
}

TEST_P(MetricsReaderContract, ShowsUsersOnlyIfTheQueryHasThem) {
  using namespace reader_contract;
  fixture_->given(
      {.windows = {total(Granularity::hour, at(9), {2, 1}), total(Granularity::minute, at(10), {2, 1})},
       .pending_rollups = {{0, at(10)}}});
  WindowQuery without = query(Granularity::hour);
  without.with_users = false;
  const Sum ranked{2, 1, {""}};
  EXPECT_EQ(sums(without), (Sums{{{at(9), ""}, ranked}, {{at(10), ""}, ranked}}));
}

TEST_P(MetricsReaderContract, IncludesTheStartOfARangeAndExcludesItsEnd) {
  using namespace reader_contract;
  Stored stored;
  for (const int hour : {8, 9, 10, 11}) stored.windows.push_back(total(Granularity::hour, at(hour), {1, 1}));
  for (const int hour : {8, 9, 10, 11}) {
    stored.windows.push_back(total(Granularity::minute, at(hour, 59), {1, 1}));
    stored.pending_rollups.push_back({0, at(hour, 59)});
  }
  fixture_->given(stored);
  WindowQuery two_hours = query(Granularity::hour);
  two_hours.from = at(9);
  two_hours.to = at(11);
  const Sum both{2, 2, {one_user()}};  // the row and the pending counts
  EXPECT_EQ(sums(two_hours), (Sums{{{at(9), ""}, both}, {{at(10), ""}, both}}));
}

TEST_P(MetricsReaderContract, ReadsOneGranularityAndOneDimension) {
  using namespace reader_contract;
  Stored stored;
  std::int64_t events = 1;
  for (const auto granularity : tally::all_granularities) {
    for (const auto dimension : tally::all_dimensions) {
      stored.windows.push_back(row(granularity, midnight, dimension, "", {events++, 0}));
    }
  }
  fixture_->given(stored);
  std::int64_t expected = 1;
  auto taken = snapshot();
  for (const auto granularity : tally::all_granularities) {
    for (const auto dimension : tally::all_dimensions) {
      const Sums found = sums(*taken, query(granularity, dimension));
      EXPECT_EQ(found, (Sums{{{midnight, ""}, Sum{expected++, 0, {one_user()}}}}));
    }
  }
}

TEST_P(MetricsReaderContract, ShowsEachPartitionsRow) {
  using namespace reader_contract;
  fixture_->given({.windows = {total(Granularity::hour, at(9), {1, 1}),
                               of_partition(1, total(Granularity::hour, at(9), {2, 1})),
                               of_partition(11, total(Granularity::hour, at(9), {3, 1}))}});
  EXPECT_EQ(sums(query(Granularity::hour)), (Sums{{{at(9), ""}, Sum{6, 3, {one_user()}}}}));
}

TEST_P(MetricsReaderContract, ReadsOnlyTheValuesOfTheQuery) {
  using namespace reader_contract;
  Stored stored;
  stored.windows = {total(Granularity::hour, at(9), {9, 9}), total(Granularity::hour, at(10), {9, 9}),
                    of_partition(1, total(Granularity::hour, at(9), {9, 9})),
                    total(Granularity::minute, at(9, 30), {9, 9})};
  for (const char* value : {"/", "/A", "/a", "/a/", "(other)"}) {
    for (const int hour : {9, 10}) {
      stored.windows.push_back(row(Granularity::hour, at(hour), Dimension::page, value, {1, 0}));
    }
    stored.windows.push_back(of_partition(1, row(Granularity::hour, at(9), Dimension::page, value, {10, 0})));
    stored.windows.push_back(row(Granularity::minute, at(9, 30), Dimension::page, value, {100, 0}));
  }
  stored.pending_rollups = {{0, at(9, 30)}};
  fixture_->given(stored);

  WindowQuery some = query(Granularity::hour, Dimension::page);
  some.values = {"/a", "/nowhere", "(other)"};
  const Sum nine{111, 0, {one_user()}};
  const Sum ten{1, 0, {one_user()}};
  EXPECT_EQ(sums(some), (Sums{{{at(9), "/a"}, nine},
                              {{at(10), "/a"}, ten},
                              {{at(9), "(other)"}, nine},
                              {{at(10), "(other)"}, ten}}));
  some.values->clear();
  EXPECT_TRUE(sums(some).empty());
}

TEST_P(MetricsReaderContract, ReadsAnyNumberOfValues) {
  using namespace reader_contract;
  Stored stored{
      .windows = {total(Granularity::hour, at(9), {1, 1}), total(Granularity::minute, at(9, 30), {1, 1})},
      .pending_rollups = {{0, at(9, 30)}}};
  std::vector<std::string> pages;
  Sums expected;
  for (int number = 0; number < 1000; ++number) {
    const std::string page = "/" + std::to_string(number);
    stored.windows.push_back(row(Granularity::hour, at(9), Dimension::page, page, {2, 1}));
    stored.windows.push_back(row(Granularity::minute, at(9, 30), Dimension::page, page, {3, 1}));
    if (number % 2 == 0) pages.push_back(page);
    if (number % 2 == 0) expected[{at(9), page}] = {5, 2, {one_user()}};
  }
  fixture_->given(stored);
  WindowQuery even = query(Granularity::hour, Dimension::page);
  even.values = std::vector<std::string_view>(pages.begin(), pages.end());
  EXPECT_EQ(sums(even), expected);
}

// Counts that are pending roll-up.

TEST_P(MetricsReaderContract, ShowsCompleteHoursAndDaysBeforeAndAfterARollUp) {
  using namespace reader_contract;
  const auto expect_everywhere = [this](const Sum& sum, const char* when) {
    auto taken = snapshot();
    EXPECT_EQ(sums(*taken, query(Granularity::minute)), (Sums{{{at(9, 5), ""}, sum}})) << when;
    EXPECT_EQ(sums(*taken, query(Granularity::hour)), (Sums{{{at(9), ""}, sum}})) << when;
    EXPECT_EQ(sums(*taken, query(Granularity::day)), (Sums{{{midnight, ""}, sum}})) << when;
  };
  const StoredMinute minute{0, at(9, 5)};
  fixture_->given({.windows = {total(Granularity::minute, at(9, 5), {10, 4})}, .pending_rollups = {minute}});
  expect_everywhere({10, 4, {one_user()}}, "before");

  fixture_->given(
      {.windows = {total(Granularity::minute, at(9, 5), {10, 4, 10, 4}),
                   total(Granularity::hour, at(9), {10, 4}), total(Granularity::day, midnight, {10, 4})},
       .rolled_up = {minute}});
  expect_everywhere({10, 4, {one_user()}}, "after");

  fixture_->given(
      {.windows = {total(Granularity::minute, at(9, 5), {13, 5, 10, 4})}, .pending_rollups = {minute}});
  expect_everywhere({13, 5, {one_user()}}, "after a late event");

  fixture_->given(
      {.windows = {total(Granularity::minute, at(9, 5), {13, 5, 13, 5}),
                   total(Granularity::hour, at(9), {13, 5}), total(Granularity::day, midnight, {13, 5})},
       .rolled_up = {minute}});
  expect_everywhere({13, 5, {one_user()}}, "after the late event's roll-up");
}

TEST_P(MetricsReaderContract, AddsThePendingCountsOfEachPartitionMinuteAndDimension) {
  using namespace reader_contract;
  Stored stored;
  for (const std::int32_t partition : {0, 1}) {
    for (const int minute : {0, 59}) {
      for (const auto dimension : tally::all_dimensions) {
        const char* value = dimension == Dimension::total ? "" : "a";
        stored.windows.push_back(
            of_partition(partition, row(Granularity::minute, at(9, minute), dimension, value, {5, 3, 2, 1})));
      }
      stored.pending_rollups.push_back({partition, at(9, minute)});
    }
  }
  fixture_->given(stored);
  const Sum remainders{12, 8, {one_user()}};
  auto taken = snapshot();
  EXPECT_EQ(sums(*taken, query(Granularity::hour)), (Sums{{{at(9), ""}, remainders}}));
  EXPECT_EQ(sums(*taken, query(Granularity::day, Dimension::page)), (Sums{{{midnight, "a"}, remainders}}));
  EXPECT_EQ(sums(*taken, query(Granularity::day, Dimension::referrer)),
            (Sums{{{midnight, "a"}, remainders}}));
}

TEST_P(MetricsReaderContract, UnitesAllUsersOfAMinuteWithPendingCounts) {
  using namespace reader_contract;
  tally::WindowRow minute = total(Granularity::minute, at(9), {2, 2, 1, 1});
  minute.users = one_user(2);
  fixture_->given(
      {.windows = {minute, total(Granularity::hour, at(9), {1, 1})}, .pending_rollups = {{0, at(9)}}});
  EXPECT_EQ(sums(query(Granularity::hour)), (Sums{{{at(9), ""}, Sum{2, 2, {one_user(1), one_user(2)}}}}));
}

// Horizons.

TEST_P(MetricsReaderContract, HidesWindowsThatBeginBelowTheirGranularitysHorizon) {
  using namespace reader_contract;
  fixture_->given(
      {.windows = {total(Granularity::hour, at(9), {1, 1}), total(Granularity::hour, at(10), {1, 1}),
                   total(Granularity::hour, at(11), {1, 1}), total(Granularity::day, midnight, {3, 3})}});
  const Sum one{1, 1, {one_user()}};
  const auto hours_left = [&] { return sums(query(Granularity::hour)); };
  const auto raise = [this](WallTime hours) {
    fixture_->given({.horizons = Horizons{{WallTime{}, hours, WallTime{}}}});
  };
  raise(WallTime{at(10)});
  EXPECT_EQ(hours_left(), (Sums{{{at(10), ""}, one}, {{at(11), ""}, one}}));
  raise(WallTime{at(10)} + std::chrono::milliseconds{1});
  EXPECT_EQ(hours_left(), (Sums{{{at(11), ""}, one}}));
  EXPECT_EQ(snapshot()->horizons().value().of(Granularity::hour),
            WallTime{at(10)} + std::chrono::milliseconds{1});
  EXPECT_EQ(sums(query(Granularity::day)).size(), 1U);
}

TEST_P(MetricsReaderContract, CountsMinutesBelowTheirHorizonInHoursAndDays) {
  using namespace reader_contract;
  fixture_->given({.windows = {total(Granularity::minute, at(9, 1), {4, 2})},
                   .pending_rollups = {{0, at(9, 1)}},
                   .horizons = Horizons{{WallTime{at(10)}, WallTime{}, WallTime{}}}});
  const Sum sum{4, 2, {one_user()}};
  EXPECT_TRUE(sums(query(Granularity::minute)).empty());
  EXPECT_EQ(sums(query(Granularity::hour)), (Sums{{{at(9), ""}, sum}}));
  EXPECT_EQ(sums(query(Granularity::day)), (Sums{{{midnight, ""}, sum}}));
}

TEST_P(MetricsReaderContract, HidesPendingCountsOfWindowsBelowTheHorizon) {
  using namespace reader_contract;
  fixture_->given({.windows = {total(Granularity::minute, at(9, 59), {4, 2})},
                   .pending_rollups = {{0, at(9, 59)}},
                   .horizons = Horizons{{WallTime{}, WallTime{at(9, 30)}, WallTime{}}}});
  EXPECT_TRUE(sums(query(Granularity::hour)).empty()) << "the hour begins before the horizon";
  EXPECT_EQ(sums(query(Granularity::day)).size(), 1U);
}

// Dimensions.

TEST_P(MetricsReaderContract, ListsEachRegisteredDimensionByNumber) {
  using namespace reader_contract;
  const auto own = [](const std::string& name, const std::string& source) {
    return tally::OwnDimension{name, tally::parse_dimension_source(source).value()};
  };
  fixture_->given({.dimensions = {own("plan", "metadata.plan"), own("country", "query.country")}});
  fixture_->given(
      {.dimensions = {own("country", "query.country")}});  // plan is absent here and stays registered
  auto expected = tally::built_in_known_dimensions();
  std::ranges::sort(expected, {}, &tally::KnownDimension::dimension);
  const auto first = tally::first_own_dimension;
  expected.push_back({first, "plan", "metadata.plan", since});
  expected.push_back({tally::Dimension{tally::index_of(first) + 1}, "country", "query.country", since});
  auto known = snapshot()->dimensions();
  ASSERT_TRUE(known.has_value()) << known.error().text;
  EXPECT_EQ(*known, expected);
}

TEST_P(MetricsReaderContract, ReadsOwnDimensionsAsBuiltInOnes) {
  using namespace reader_contract;
  const auto country = tally::first_own_dimension;
  fixture_->given({.windows = {row(Granularity::day, midnight, country, "DE", {7, 2}),
                               row(Granularity::day, midnight, Dimension::page, "DE", {100, 100}),
                               row(Granularity::minute, at(9), country, "DE", {5, 3, 4, 3}),
                               total(Granularity::minute, at(9), {5, 3, 4, 3})},
                   .pending_rollups = {{0, at(9)}},
                   .dimensions = {{"country", tally::parse_dimension_source("metadata.country").value()}}});
  EXPECT_EQ(sums(query(Granularity::day, country)), (Sums{{{midnight, "DE"}, Sum{8, 2, {one_user()}}}}));
  const std::array runs{WindowRun{Granularity::day, midnight, at(24)}};
  std::vector<std::string> counted;
  auto passed = snapshot()->count_by_value({country, runs}, [&](const ValueRow& shown) {
    counted.push_back(std::string(shown.value) + " " + std::to_string(shown.events));
  });
  ASSERT_TRUE(passed.has_value()) << passed.error().text;
  EXPECT_EQ(counted, std::vector<std::string>{"DE 8"});
}

// The ledger, and snapshots.

TEST_P(MetricsReaderContract, ShowsTheLedgerByPartition) {
  const WallTime then{reader_contract::at(9)};
  const tally::LedgerRow three{.partition = 3, .updated_at = then};
  const tally::LedgerRow zero{.partition = 0,
                              .start_offset = 5,
                              .next_offset = 15,
                              .version = 7,
                              .read = 9,
                              .tallied = 6,
                              .duplicate = 2,
                              .dead_lettered = 1,
                              .skipped = 1,
                              .last_record_hash = -5,
                              .observed = {20, then, then + std::chrono::milliseconds{1}},
                              .updated_at = then};
  fixture_->given({.ledgers = {three, zero}});
  EXPECT_EQ(snapshot()->ledger().value(), (std::vector{zero, three}));
}

TEST_P(MetricsReaderContract, ReadsOneStateOfTheStoreInASnapshot) {
  using namespace reader_contract;
  fixture_->given({.windows = {total(Granularity::minute, at(9), {1, 1})}, .pending_rollups = {{0, at(9)}}});
  auto before = snapshot();
  const Sums hour = sums(*before, query(Granularity::hour));  // the first read fixes the state at the latest
  fixture_->given(
      {.windows = {total(Granularity::minute, at(9), {2, 2, 2, 2}), total(Granularity::hour, at(9), {2, 2})},
       .rolled_up = {{0, at(9)}},
       .horizons = Horizons{{WallTime{at(11)}, WallTime{at(11)}, WallTime{at(11)}}},
       .ledgers = {tally::LedgerRow{}}});
  EXPECT_EQ(sums(*before, query(Granularity::hour)), hour);
  EXPECT_EQ(before->horizons().value().pruned_to, (std::array<WallTime, 3>{}));
  EXPECT_TRUE(before->ledger().value().empty());

  auto after = snapshot();  // while the first one is open
  EXPECT_TRUE(sums(*after, query(Granularity::hour)).empty());
  EXPECT_EQ(after->ledger().value().size(), 1U);
}

TEST_P(MetricsReaderContract, ReadsOnlyWholeTransactionsDuringWrites) {
  using namespace reader_contract;
  constexpr int flushes = 200;
  fixture_->given({.ledgers = {tally::LedgerRow{}}});
  std::atomic<bool> wrong = false;
  const auto read = [&] {
    for (std::int64_t tallied = 0; tallied < flushes && !wrong;) {
      auto taken = reader_->snapshot().value();
      std::int64_t events = 0;
      const auto add = [&events](const ViewRow& row) { events += row.events; };
      wrong = wrong || !taken->scan(query(Granularity::day), add).has_value();
      tallied = taken->ledger().value().at(0).tallied;
      wrong = wrong || events != tallied;
    }
  };
  std::thread first(read);
  std::thread second(read);
  for (int number = 1; number <= flushes; ++number) {
    // Every second flush rolls up all counts.
    const bool rolls_up = number % 2 == 0;
    const Counts counts{number, 0, rolls_up ? number : number - 1, 0};
    Stored flush{.windows = {total(Granularity::minute, at(9), counts)},
                 .ledgers = {{.next_offset = number, .version = number, .read = number, .tallied = number}}};
    (rolls_up ? flush.rolled_up : flush.pending_rollups) = {{0, at(9)}};
    if (rolls_up) flush.windows.push_back(total(Granularity::day, midnight, {.events = number}));
    fixture_->given(flush);
    if (HasFatalFailure()) wrong = true;  // ends the reading threads
  }
  first.join();
  second.join();
  EXPECT_FALSE(wrong);
}

TEST_P(MetricsReaderContract, ReturnsAnyNumberOfSnapshotsInSequence) {
  using namespace reader_contract;
  for (std::int64_t round = 1; round <= 20; ++round) {
    fixture_->given({.windows = {total(Granularity::hour, at(9), {round, round})}});
    EXPECT_EQ(sums(query(Granularity::hour)), (Sums{{{at(9), ""}, Sum{round, round, {one_user()}}}}));
  }
}

}  // namespace weir::report
