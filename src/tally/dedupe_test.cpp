#include "tally/dedupe.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <optional>

namespace weir::tally {
namespace {

using namespace std::chrono_literals;

RecordTime at(std::chrono::milliseconds since_epoch) { return RecordTime(since_epoch); }

struct Record {
  std::int64_t offset = 0;
  std::chrono::milliseconds time{};
  std::optional<int> id;  // absent: no message_id, or a dead letter
  bool again = false;
};

Hash128 id_of(int id) { return fingerprint("user", "message " + std::to_string(id)); }

std::optional<Verdict> feed(Dedupe& dedupe, const Record& record) {
  dedupe.advance(record.offset, at(record.time));
  if (!record.id) return std::nullopt;
  return dedupe.check_and_remember(id_of(*record.id));
}

TEST(Fingerprint, DiffersForDifferentPairs) {
  const std::pair<std::string_view, std::string_view> pairs[] = {
      {"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"", "abc"}, {"c", "ab"}, {"a", "b"}, {"b", "a"}};
  for (const auto& left : pairs)
    for (const auto& right : pairs)
      EXPECT_EQ(fingerprint(left.first, left.second) == fingerprint(right.first, right.second),
                left == right);
}

// Each case has a window of 10 s and 100 offsets.
TEST(Dedupe, ComparesARecordWithItsLastOccurrence) {
  const struct {
    const char* why;
    std::vector<Record> records;
  } cases[] = {
      {"two ids are independent", {{0, 0s, 1}, {1, 0s, 2}, {2, 0s, 1, true}, {3, 0s, 2, true}}},
      {"a record without an id is no occurrence", {{0, 0s, 1}, {1, 0s, {}}, {2, 0s, 1, true}}},
      {"the last millisecond is inside", {{0, 0s, 1}, {1, 10s, 1, true}}},
      {"the next millisecond is outside", {{0, 0s, 1}, {1, 10'001ms, 1}}},
      {"the last offset is inside", {{5, 0s, 1}, {105, 0s, 1, true}}},
      {"the next offset is outside", {{5, 0s, 1}, {106, 0s, 1}}},
      {"a duplicate refreshes the time", {{0, 0s, 1}, {1, 9s, 1, true}, {2, 18s, 1, true}, {3, 29s, 1}}},
      {"a duplicate refreshes the offset", {{0, 0s, 1}, {90, 0s, 1, true}, {180, 0s, 1, true}, {281, 0s, 1}}},
      {"a fresh record starts a new window", {{0, 0s, 1}, {1, 11s, 1}, {2, 12s, 1, true}}},
      {"the times of other records do not matter",
       {{0, 100s, {}}, {1, 0s, 1}, {2, 100s, {}}, {3, 10s, 1, true}, {4, 20'001ms, 1}}},
      {"a record earlier than its occurrence is a duplicate",
       {{0, 100s, 1}, {1, 0s, 1, true}, {2, 5s, 1, true}}},
      {"an earlier record is remembered with its own time", {{0, 100s, 1}, {1, 0s, 1, true}, {2, 11s, 1}}},
  };
  for (const auto& [why, records] : cases) {
    Dedupe dedupe(10s, 100);
    for (const Record& record : records) {
      const auto verdict = feed(dedupe, record);
      if (!verdict) continue;
      EXPECT_EQ(*verdict, record.again ? Verdict::duplicate : Verdict::fresh)
          << why << ", at " << record.offset;
    }
  }
}

constexpr auto ten_days = std::chrono::milliseconds{std::chrono::days{10}};
constexpr auto four_years = std::chrono::milliseconds{std::chrono::days{1461}};

TEST(Dedupe, ReportsTheTimeThatItsMemorySpans) {
  Dedupe dedupe(600s, 2);
  EXPECT_EQ(dedupe.span(), 0ms);
  feed(dedupe, {.offset = 0, .time = 1s, .id = 1});
  EXPECT_EQ(dedupe.span(), 0ms);
  feed(dedupe, {.offset = 1, .time = 4s, .id = 2});
  EXPECT_EQ(dedupe.span(), 3s);
  feed(dedupe, {.offset = 3, .time = 9s, .id = 3});
  EXPECT_EQ(dedupe.span(), 5s) << "offset 0 is forgotten";
  feed(dedupe, {.offset = 4, .time = 2s, .id = 4});
  EXPECT_EQ(dedupe.span(), 0ms) << "times may jump back";
}

TEST(Dedupe, Fault41ARecordWithATimeInTheFutureExpiresNothing) {
  for (const auto ahead : {ten_days, four_years}) {
    Dedupe dedupe(10s, 100);
    EXPECT_EQ(feed(dedupe, {0, 0s, 1}), Verdict::fresh);
    for (int offset = 1; offset < 50; ++offset) feed(dedupe, {offset, ahead, 1000 + offset});
    EXPECT_EQ(feed(dedupe, {50, 5s, 1}), Verdict::duplicate);
  }
}

TEST(Dedupe, Fault41RemembersAnIdFromATimeWhenTheClockWasAhead) {
  for (const auto ahead : {ten_days, four_years}) {
    Dedupe dedupe(10s, 100);
    EXPECT_EQ(feed(dedupe, {0, ahead, 1}), Verdict::fresh);
    EXPECT_EQ(feed(dedupe, {1, 1s, 1}), Verdict::duplicate);
    EXPECT_EQ(feed(dedupe, {2, 11s, 1}), Verdict::duplicate);
    EXPECT_EQ(feed(dedupe, {3, 22s, 1}), Verdict::fresh) << "the window is as long as before";
  }
}

TEST(Dedupe, Fault41ARecordWithAnEarlyTimeExpiresNothing) {
  Dedupe dedupe(10s, 100);
  EXPECT_EQ(feed(dedupe, {0, ten_days, 1}), Verdict::fresh);
  EXPECT_EQ(feed(dedupe, {1, 0s, 2}), Verdict::fresh);
  EXPECT_EQ(feed(dedupe, {2, ten_days + 1s, 1}), Verdict::duplicate);
}

TEST(Dedupe, ReturnsNoDuplicateIfItsWindowIsEmpty) {
  Dedupe none(10s, 0);
  EXPECT_EQ(feed(none, {0, 0s, 1}), Verdict::fresh);
  EXPECT_EQ(feed(none, {1, 0s, 1}), Verdict::fresh);
  Dedupe negative(-1s, -1);
  EXPECT_EQ(feed(negative, {0, 0s, 1}), Verdict::fresh);
  EXPECT_EQ(feed(negative, {1, 0s, 1}), Verdict::fresh);
}

TEST(Dedupe, AcceptsAnyRecordTimeAndAnyWindow) {
  constexpr auto lowest = std::chrono::milliseconds::min();
  constexpr auto highest = std::chrono::milliseconds::max();
  Dedupe dedupe(std::chrono::seconds::max(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(feed(dedupe, {0, lowest, 1}), Verdict::fresh);
  EXPECT_EQ(feed(dedupe, {1, lowest, 1}), Verdict::duplicate);
  EXPECT_EQ(feed(dedupe, {2, highest, 1}), Verdict::fresh);
  EXPECT_EQ(feed(dedupe, {3, lowest, 1}), Verdict::duplicate);
}

TEST(Dedupe, HoldsAtMostOneOccurrenceForEachOffsetOfItsWindow) {
  Dedupe dedupe(1'000'000s, 1000);
  for (int i = 0; i < 50'000; ++i) {
    EXPECT_EQ(feed(dedupe, {i, 0s, i % 7 == 0 ? i / 7 % 3 : 100 + i}),
              i % 7 == 0 && i >= 21 ? Verdict::duplicate : Verdict::fresh);
    ASSERT_LE(dedupe.size(), 1001U);
  }
  feed(dedupe, {100'000, 0s, {}});
  EXPECT_EQ(dedupe.size(), 0U);
}

}  // namespace
}  // namespace weir::tally
