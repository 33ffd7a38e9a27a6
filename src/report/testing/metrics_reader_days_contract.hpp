// The part of metrics_reader_contract.hpp about the marks of days, and about answers from kept days.
#pragma once

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <tuple>
#include <vector>

#include "report/report.hpp"
#include "report/testing/metrics_reader_fixture.hpp"

namespace weir::report {

TEST_P(MetricsReaderContract, ShowsTheMarksOfDays) {
  using namespace reader_contract;
  fixture_->given(
      {.windows = {total(Granularity::day, midnight, {5, 1}),
                   of_partition(1, total(Granularity::day, midnight, {6, 2})),
                   total(Granularity::day, at(24), {7, 3}), total(Granularity::day, at(48), {8, 4}),
                   total(Granularity::day, at(-24), {9, 5}),
                   row(Granularity::day, midnight, Dimension::page, "/", {5, 1}),
                   total(Granularity::hour, midnight, {5, 1}),
                   total(Granularity::minute, at(25, 30), {1, 1})},
       .pending_rollups = {{0, at(25, 30)}, {2, at(48)}}});
  std::vector<std::tuple<WindowStart, int, bool, std::int64_t>> marks;
  auto taken = snapshot();
  auto done = taken->scan_day_marks(midnight, at(48), [&](const DayMark& mark) {
    marks.emplace_back(mark.day, mark.partition, mark.is_pending, mark.events);
  });
  ASSERT_TRUE(done.has_value()) << done.error().text;
  std::ranges::sort(marks);
  EXPECT_EQ(
      marks,
      (decltype(marks){
          {midnight, 0, false, 5}, {midnight, 1, false, 6}, {at(24), 0, false, 7}, {at(24), 0, true, 0}}));
  EXPECT_EQ(sums(*taken, query(Granularity::hour)).size(), 1U) << "the snapshot stays usable";
}

TEST_P(MetricsReaderContract, HidesTheMarksOfDaysBelowTheHorizon) {
  using namespace reader_contract;
  fixture_->given(
      {.windows = {total(Granularity::day, midnight, {5, 1}), total(Granularity::day, at(24), {7, 3})},
       .pending_rollups = {{0, at(1)}},
       .horizons = Horizons{{WallTime{}, WallTime{}, WallTime{at(24)}}}});
  std::vector<std::int64_t> events;
  auto done = snapshot()->scan_day_marks(midnight, at(48),
                                         [&](const DayMark& mark) { events.push_back(mark.events); });
  ASSERT_TRUE(done.has_value()) << done.error().text;
  EXPECT_EQ(events, (std::vector<std::int64_t>{7}));
}

// The rows are written by another connection than the one that answers, as by another process.
TEST_P(MetricsReaderContract, KeptDaysAreReadAgainAfterAWrite) {
  using namespace reader_contract;
  constexpr auto knows_every_lag = [](std::int32_t) { return true; };
  Report kept(*reader_, {"the-topic", "weir"}, knows_every_lag);
  Report plain(*reader_, {"the-topic", "weir"}, knows_every_lag, 0);
  const AskedRange range{midnight, at(24 * 20)};
  const auto expect_equal = [&](Numbers numbers) {
    for (int time = 0; time < 2; ++time) {
      const auto summary = kept.summary({.range = range});
      ASSERT_TRUE(summary.has_value()) << summary.error().text;
      EXPECT_EQ(summary->summary.numbers, numbers);
      for (const Sort sort : {Sort::page_views, Sort::unique_users}) {
        const auto top = kept.top({.range = range, .sort = sort});
        const auto expected = plain.top({.range = range, .sort = sort});
        ASSERT_TRUE(top.has_value() && expected.has_value());
        EXPECT_EQ(top->rows, expected->rows);
        EXPECT_EQ(top->other_events, expected->other_events);
      }
    }
  };
  const auto page = [](int day, Counts counts, char user) {
    tally::WindowRow made = row(Granularity::day, at(24 * day), Dimension::page, "/a", counts);
    made.users = one_user(user);
    return made;
  };
  Stored stored;
  for (int day = 0; day < 20; ++day) {
    stored.windows.push_back(total(Granularity::day, at(24 * day), {2, 1}));
    stored.windows.push_back(page(day, {2, 1}, 1));
  }
  fixture_->given(stored);
  expect_equal({40, 20, 1});

  // A late event of another user, in its day.
  tally::WindowRow day_5 = total(Granularity::day, at(24 * 5), {3, 2});
  day_5.users = one_user(2);
  fixture_->given({.windows = {day_5, page(5, {3, 2}, 2)}});
  expect_equal({41, 21, 2});

  // One that is pending roll-up.
  tally::WindowRow minute = total(Granularity::minute, at(24 * 9, 30), {1, 1});
  minute.users = one_user(3);
  tally::WindowRow page_of_minute = row(Granularity::minute, at(24 * 9, 30), Dimension::page, "/b", {1, 1});
  page_of_minute.users = one_user(3);
  fixture_->given({.windows = {minute, page_of_minute}, .pending_rollups = {{0, at(24 * 9, 30)}}});
  expect_equal({42, 22, 3});

  // Then a partition's first event of a day.
  fixture_->given({.windows = {of_partition(1, total(Granularity::day, at(24 * 2), {1, 0}))}});
  expect_equal({43, 22, 3});
}

}  // namespace weir::report
