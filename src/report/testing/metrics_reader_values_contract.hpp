// The part of metrics_reader_contract.hpp about rows by value and about cancellation.
#pragma once

#include <array>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "report/testing/metrics_reader_fixture.hpp"

namespace weir::report {

// Rows by value.

TEST_P(MetricsReaderContract, CountsTheValuesOfSeveralRunsInOrderOfTheirBytes) {
  using namespace reader_contract;
  Stored stored;
  for (const char* value : {"/b", "/B", "/\u00e9", "/", "/a/", "/a"}) {
    stored.windows.push_back(row(Granularity::day, midnight, Dimension::page, value, {100, 10}));
    stored.windows.push_back(row(Granularity::hour, at(25), Dimension::page, value, {20, 2}));
    stored.windows.push_back(of_partition(1, row(Granularity::hour, at(25), Dimension::page, value, {7, 1})));
    stored.windows.push_back(row(Granularity::minute, at(26), Dimension::page, value, {3, 1}));
    stored.windows.push_back(
        row(Granularity::hour, at(26), Dimension::page, value, {900, 900}));  // in no run
    stored.windows.push_back(row(Granularity::day, midnight, Dimension::referrer, value, {900, 900}));
  }
  stored.windows.push_back(row(Granularity::minute, at(25, 30), Dimension::page, "/late", {5, 4, 2, 2}));
  stored.pending_rollups = {{0, at(25, 30)}};
  fixture_->given(stored);
  const std::array runs{WindowRun{Granularity::day, midnight, at(24)},
                        WindowRun{Granularity::hour, at(24), at(26)},
                        WindowRun{Granularity::minute, at(26), at(26, 30)}};
  std::vector<std::string> rows;
  auto taken = snapshot();
  auto counted = taken->count_by_value({Dimension::page, runs}, [&](const ValueRow& shown) {
    rows.push_back(std::string(shown.value) + ' ' + std::to_string(shown.events) + ' ' +
                   std::to_string(shown.page_views) + std::string(shown.users));
  });
  ASSERT_TRUE(counted.has_value()) << counted.error().text;
  EXPECT_EQ(rows, (std::vector<std::string>{"/ 130 14", "/B 130 14", "/a 130 14", "/a/ 130 14", "/b 130 14",
                                            "/late 3 2", "/\u00e9 130 14"}));
  EXPECT_EQ(sums(*taken, query(Granularity::day, Dimension::referrer)).size(), 6U)
      << "the snapshot stays usable";
}

// SQLite reads a large sketch by a separate statement, so the test has small and large ones.
TEST_P(MetricsReaderContract, ShowsTheUsersOfEachRowInOrderOfValues) {
  using namespace reader_contract;
  std::string large = {'\x12', '\x8e', '\x4d'};
  for (int user = 0; user < 1000; ++user)
    large += std::string(6, '\0') + static_cast<char>(user / 256) + static_cast<char>(user % 256);
  Stored stored;
  for (const char* value : {"/b", "/a"}) {
    stored.windows.push_back(row(Granularity::day, midnight, Dimension::page, value, {100, 10}));
    stored.windows.push_back(
        of_partition(1, row(Granularity::day, midnight, Dimension::page, value, {1000, 1})));
    stored.windows.back().users = large;
    stored.windows.push_back(row(Granularity::minute, at(25, 30), Dimension::page, value, {5, 4, 2, 2}));
    stored.windows.back().users = one_user(2);
  }
  stored.pending_rollups = {{0, at(25, 30)}};
  fixture_->given(stored);
  const std::array runs{WindowRun{Granularity::day, midnight, at(24)},
                        WindowRun{Granularity::hour, at(24), at(26)}};
  std::vector<std::string> order;
  std::map<std::string, Sum> found;
  auto shown = snapshot()->users_by_value({Dimension::page, runs}, [&](const ValueRow& one) {
    order.emplace_back(one.value);
    auto& sum = found[order.back()];
    sum.events += one.events;
    sum.page_views += one.page_views;
    sum.users.emplace(one.users);
  });
  ASSERT_TRUE(shown.has_value()) << shown.error().text;
  EXPECT_EQ(order, (std::vector<std::string>{"/a", "/a", "/a", "/b", "/b", "/b"}));
  const Sum sum{1103, 13, {one_user(1), one_user(2), large}};
  EXPECT_EQ(found, (std::map<std::string, Sum>{{"/a", sum}, {"/b", sum}}));
}

TEST_P(MetricsReaderContract, HidesValuesOfWindowsBelowTheHorizon) {
  using namespace reader_contract;
  fixture_->given({.windows = {row(Granularity::hour, at(9), Dimension::page, "/", {1, 1}),
                               row(Granularity::hour, at(10), Dimension::page, "/", {2, 2}),
                               row(Granularity::minute, at(9, 59), Dimension::page, "/", {4, 4})},
                   .pending_rollups = {{0, at(9, 59)}},
                   .horizons = Horizons{{WallTime{}, WallTime{at(9, 30)}, WallTime{}}}});
  const std::array runs{WindowRun{Granularity::hour, midnight, at(24)}};
  std::int64_t events = 0;
  auto counted = snapshot()->count_by_value({Dimension::page, runs},
                                            [&](const ValueRow& shown) { events += shown.events; });
  ASSERT_TRUE(counted.has_value()) << counted.error().text;
  EXPECT_EQ(events, 2);
}

// Cancellation.

TEST_P(MetricsReaderContract, Fault43EndsEachCallAtItsDeadlineAndTheNextSnapshotWorks) {
  using namespace reader_contract;
  Stored stored;
  for (int number = 0; number < 1000; ++number)
    stored.windows.push_back(
        row(Granularity::day, midnight, Dimension::page, "/" + std::to_string(number), {1, 1}));
  stored.windows.push_back(total(Granularity::day, midnight, {1000, 1000}));
  fixture_->given(stored);
  const std::array runs{WindowRun{Granularity::day, midnight, at(24)}};
  const ValueQuery by_value{Dimension::page, runs};
  using Call = std::function<Result<void>(MetricsSnapshot&)>;
  int rows = 0;
  const auto count = [&rows](const auto&) { ++rows; };
  const Call calls[] = {
      [&](MetricsSnapshot& all) { return all.scan(query(Granularity::day, Dimension::page), count); },
      [&](MetricsSnapshot& all) { return all.count_by_value(by_value, count); },
      [&](MetricsSnapshot& all) { return all.users_by_value(by_value, count); }};
  for (const Call& call : calls) {
    // The clock does not advance until the first row. From then on it is at the deadline.
    rows = 0;
    const MonoTime deadline{std::chrono::hours(1)};
    const Cancellation cancellation(deadline, {}, [&] { return rows == 0 ? MonoTime{} : deadline; });
    auto taken = reader_->snapshot(cancellation);
    ASSERT_TRUE(taken.has_value()) << taken.error().text;
    auto ended = call(**taken);
    ASSERT_FALSE(ended.has_value());
    EXPECT_EQ(ended.error().code, code_query_timeout);
    EXPECT_LT(rows, 1000);
    taken->reset();
    EXPECT_EQ(sums(query(Granularity::day)), (Sums{{{midnight, ""}, Sum{1000, 1000, {one_user()}}}}));
  }
}

TEST_P(MetricsReaderContract, RefusesASnapshotForAClosedConnection) {
  std::stop_source client;
  client.request_stop();
  auto refused =
      reader_->snapshot(Cancellation(MonoTime::max(), client.get_token(), [] { return MonoTime{}; }));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, code_client_gone);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_TRUE(snapshot()->ledger().has_value());
}

}  // namespace weir::report
