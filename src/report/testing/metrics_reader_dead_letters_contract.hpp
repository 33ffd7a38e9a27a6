// The part of metrics_reader_contract.hpp about dead letters.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "report/testing/metrics_reader_fixture.hpp"

namespace weir::report {

namespace reader_contract {

inline WallTime second(int number) { return since + std::chrono::seconds{number}; }

inline DeadLetterRow dead_letter(std::int32_t partition, std::int64_t offset, std::string reason, int at) {
  return {.partition = partition,
          .offset = offset,
          .reason = std::move(reason),
          .detail = "the value is no JSON object",
          .key = "user",
          .value = "value " + std::to_string(offset),
          .at = second(at),
          .attempts = 1,
          .replayed_at = std::nullopt};
}

// Four rows in two partitions, of two reasons. One is replayed, one has three attempts.
inline Stored four_dead_letters() {
  Stored stored;
  DeadLetterRow empty = dead_letter(0, 7, "not_json", 10);
  empty.key = std::nullopt;
  empty.value = std::nullopt;
  DeadLetterRow replayed = dead_letter(1, 2, "not_json", 30);
  replayed.value = std::string("\0\xff'\"", 4);
  replayed.replayed_at = second(100);
  DeadLetterRow failed = dead_letter(1, 9, "timestamp_ahead", 20);
  failed.attempts = 3;
  stored.dead_letters = {empty, replayed, failed, dead_letter(11, 0, "not_json", 15)};
  return stored;
}

inline std::vector<DeadLetterRow> matching(MetricsSnapshot& snapshot, const DeadLetterFilter& filter,
                                           std::size_t rows_max = 1000) {
  std::vector<DeadLetterRow> found;
  auto scanned = snapshot.scan_dead_letters(filter, [&](DeadLetterRow row) {
    found.push_back(std::move(row));
    return found.size() < rows_max;
  });
  EXPECT_TRUE(scanned.has_value()) << scanned.error().text;
  return found;
}

}  // namespace reader_contract

TEST_P(MetricsReaderContract, HasNoDeadLettersInAnEmptyStore) {
  auto empty = snapshot();
  EXPECT_TRUE(reader_contract::matching(*empty, {}).empty());
  EXPECT_TRUE(empty->dead_letter_groups({}).value().empty());
}

TEST_P(MetricsReaderContract, ShowsDeadLettersInTheOrderOfTheLogAsTheyStand) {
  using namespace reader_contract;
  const Stored stored = four_dead_letters();
  fixture_->given(stored);
  EXPECT_EQ(matching(*snapshot(), {}), stored.dead_letters);
}

TEST_P(MetricsReaderContract, ShowsTheDeadLettersThatAllMembersOfTheFilterMatch) {
  using namespace reader_contract;
  const Stored stored = four_dead_letters();
  fixture_->given(stored);
  struct Case {
    const char* what;
    DeadLetterFilter filter;
    std::vector<std::size_t> rows;
  };
  const std::vector<Case> cases{
      {"reason", {.reason = "not_json"}, {0, 1, 3}},
      {"unknown reason", {.reason = "NOT_JSON"}, {}},
      {"from is inclusive", {.from = second(20)}, {1, 2}},
      {"to is exclusive", {.to = second(20)}, {0, 3}},
      {"partition", {.partition = 1}, {1, 2}},
      {"offset", {.offset = 0}, {3}},
      {"partition and offset", {.partition = 1, .offset = 0}, {}},
      {"waiting", {.waiting_only = true}, {0, 2, 3}},
      {"all of them", {.reason = "not_json", .from = second(12), .partition = 11, .waiting_only = true}, {3}},
      {"after one in its partition", {.after_partition = 1, .after_offset = 2}, {2, 3}},
      {"after the last of a partition", {.after_partition = 1, .after_offset = 9}, {3}},
  };
  auto taken = snapshot();
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    std::vector<DeadLetterRow> expected;
    for (const std::size_t at : each.rows) expected.push_back(stored.dead_letters[at]);
    EXPECT_EQ(matching(*taken, each.filter), expected);
  }
}

TEST_P(MetricsReaderContract, EndsTheScanOfDeadLettersWhereItsTakerWantsAndGoesOnBehindIt) {
  using namespace reader_contract;
  Stored stored;
  for (int offset = 0; offset < 40; ++offset)
    stored.dead_letters.push_back(dead_letter(0, offset, "not_json", offset));
  fixture_->given(stored);
  auto taken = snapshot();
  EXPECT_EQ(matching(*taken, {}).size(), 40U);
  EXPECT_EQ(matching(*taken, {}, 18).size(), 18U);
  const auto rest = matching(*taken, {.after_partition = 0, .after_offset = 17}, 5);
  ASSERT_EQ(rest.size(), 5U);
  EXPECT_EQ(rest.front().offset, 18);
}

TEST_P(MetricsReaderContract, CountsDeadLettersByReasonAndShowsTheNewest) {
  using namespace reader_contract;
  const Stored stored = four_dead_letters();
  fixture_->given(stored);
  const auto groups = snapshot()->dead_letter_groups({}).value();
  EXPECT_EQ(groups, (std::vector<DeadLetterGroup>{
                        {.count = 3, .attempts = 3, .replayed = 1, .newest = stored.dead_letters[1]},
                        {.count = 1, .attempts = 3, .replayed = 0, .newest = stored.dead_letters[2]}}));
  const auto waiting = snapshot()->dead_letter_groups({.reason = "not_json", .waiting_only = true}).value();
  EXPECT_EQ(waiting, (std::vector<DeadLetterGroup>{
                         {.count = 2, .attempts = 2, .replayed = 0, .newest = stored.dead_letters[3]}}));
}

}  // namespace weir::report
