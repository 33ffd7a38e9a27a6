// Kept days change the time of an answer only: each answer is compared with the one of a report that keeps
// nothing.
#include "report/kept_days.hpp"

#include <gtest/gtest.h>
#include <random>

#include "report/report.hpp"
#include "report/testing/counted_events.hpp"
#include "report/testing/fake_metrics_reader.hpp"

namespace weir::report {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using tally::Dimension;
using tally::Granularity;
using testing::Event;

constexpr WindowStart june_1 = sys_days(std::chrono::June / 1 / 2026);
constexpr auto knows_every_lag = [](std::int32_t) { return true; };

constexpr DayBlock block{june_1, june_1 + 24h, {1, 2}};

std::shared_ptr<const BlockOfValue> block_of(std::int64_t events, std::size_t bytes = 0) {
  return std::make_shared<BlockOfValue>(BlockOfValue{events, 0, std::string(bytes, 'x')});
}

TEST(KeptBlocks, FindsABlockByDimensionValueDaysAndMark) {
  KeptBlocks<BlockOfValue> kept(10'000);
  kept.keep(Dimension::page, "/a", block, block_of(7));
  ASSERT_NE(kept.find(Dimension::page, "/a", block), nullptr);
  EXPECT_EQ(kept.find(Dimension::page, "/a", block)->events, 7);
  EXPECT_EQ(kept.find(Dimension::referrer, "/a", block), nullptr);
  EXPECT_EQ(kept.find(Dimension::page, "/b", block), nullptr);
  EXPECT_EQ(kept.find(Dimension::page, "/a", {block.from, block.to + 24h, block.mark}), nullptr);
  EXPECT_EQ(kept.find(Dimension::page, "/a", {block.from, block.to, {1, 3}}), nullptr) << "other rows";
}

TEST(KeptBlocks, ReplacesABlockOfTheSameDays) {
  KeptBlocks<BlockOfValue> kept(10'000);
  kept.keep(Dimension::page, "/a", block, block_of(7));
  const std::size_t bytes = kept.bytes();
  const DayBlock changed{block.from, block.to, {1, 3}};
  kept.keep(Dimension::page, "/a", changed, block_of(8));
  EXPECT_EQ(kept.find(Dimension::page, "/a", changed)->events, 8);
  EXPECT_EQ(kept.find(Dimension::page, "/a", block), nullptr);
  EXPECT_EQ(kept.bytes(), bytes);
}

TEST(KeptBlocks, DropsTheBlockWhoseLastUseIsLongestAgo) {
  KeptBlocks<BlockOfValue> kept(10'000);
  kept.keep(Dimension::page, "/a", block, block_of(1, 4'000));
  kept.keep(Dimension::page, "/b", block, block_of(2, 4'000));
  ASSERT_NE(kept.find(Dimension::page, "/a", block), nullptr);
  kept.keep(Dimension::page, "/c", block, block_of(3, 4'000));
  EXPECT_NE(kept.find(Dimension::page, "/a", block), nullptr);
  EXPECT_EQ(kept.find(Dimension::page, "/b", block), nullptr);
  EXPECT_NE(kept.find(Dimension::page, "/c", block), nullptr);
  EXPECT_LE(kept.bytes(), 10'000U);
  kept.keep(Dimension::page, "/d", block, block_of(4, 20'000));
  EXPECT_EQ(kept.find(Dimension::page, "/d", block), nullptr) << "larger than the limit";
  EXPECT_EQ(kept.bytes(), 0U);
}

TEST(BlockOfCounts, ReturnsItsValuesInOrder) {
  BlockOfCounts counts;
  counts.add("", 1, 2);
  counts.add("/a", 3, 4);
  counts.add("/bcd", 5, 6);
  ASSERT_EQ(counts.size(), 3U);
  EXPECT_EQ(counts.value(0), "");
  EXPECT_EQ(counts.value(1), "/a");
  EXPECT_EQ(counts.value(2), "/bcd");
  EXPECT_EQ(counts.counts(2).events, 5);
  counts.give_up();
  EXPECT_TRUE(counts.is_too_large());
  EXPECT_EQ(counts.size(), 0U);
}

class KeptDaysTest : public ::testing::Test {
 protected:
  std::int64_t users(Report& report) {
    const auto answer = report.summary({.range = {june_1, june_1 + 40 * 24h}});
    EXPECT_TRUE(answer);
    return answer->summary.numbers.unique_users;
  }

  std::vector<Event> events_;
  FakeMetricsReader store_;
  Report report_{store_, {"clicks", "weir"}};
};

TEST_F(KeptDaysTest, ReadsOnlyTheDaysThatChanged) {
  for (int day = 0; day < 40; ++day)
    events_.push_back({.at = june_1 + day * 24h, .user = "user-" + std::to_string(day)});
  fill(store_, events_, events_.size());
  EXPECT_EQ(users(report_), 40);
  const auto before = store_.scans().size();
  EXPECT_EQ(users(report_), 40);
  EXPECT_EQ(store_.scans().size(), before) << "nothing is read again";
  events_.push_back({.at = june_1 + 17 * 24h + 5h, .user = "late"});
  fill(store_, events_, events_.size());
  EXPECT_EQ(users(report_), 41);
  const auto scans = store_.scans();
  ASSERT_EQ(scans.size(), before + 1);
  EXPECT_LE(scans.back().to - scans.back().from, 8 * 24h);
  EXPECT_LE(scans.back().from, june_1 + 17 * 24h);
  EXPECT_GT(scans.back().to, june_1 + 17 * 24h);
}

// A roll-up may add the total row of a minute to the day in an earlier transaction than its other rows.
TEST_F(KeptDaysTest, KeepsNoDayWithAMinuteThatIsNotWhollyRolledUp) {
  events_ = {{.at = june_1, .page = "/a"}, {.at = june_1 + 24h, .page = "/b"}};
  fill(store_, events_, events_.size());
  store_.set_pending_rollup(0, june_1, true);
  const auto top = [&] { return report_.top({.range = {june_1, june_1 + 48h}})->rows; };
  const auto rows = top();
  ASSERT_EQ(rows.size(), 2U);
  // Now the page is rolled up into (other), because its hour was full. The total row does not change.
  tally::WindowRow other{.key = {Granularity::day, Dimension::page, june_1, 0, "/a"}, .events = 1};
  other.page_views = 1;
  other.users = tally::Sketch().encode();
  other.events = 0;
  other.page_views = 0;
  store_.put(other);
  store_.set_pending_rollup(0, june_1, false);
  Report plain(store_, {"clicks", "weir"}, knows_every_lag, 0);
  EXPECT_EQ(top(), plain.top({.range = {june_1, june_1 + 48h}})->rows);
}

// Random questions between random writes: late events, roll-ups, pruned days.
class KeptDaysProperty : public ::testing::TestWithParam<unsigned> {
 protected:
  static constexpr int days = 50;

  int pick(int from, int to) { return std::uniform_int_distribution(from, to)(random_); }

  void write_something() {
    const int count = events_.empty() ? pick(1, 400) : pick(0, 4);
    for (int i = 0; i < count; ++i)
      events_.push_back({.at = june_1 + pick(0, days * 86400 - 1) * 1s,
                         .user = "user-" + std::to_string(pick(0, 60)),
                         .type = pick(0, 2) == 0 ? "click" : "page_view",
                         .page = pick(0, 19) == 0 ? std::string(tally::value_other)
                                                  : "/" + std::to_string(pick(0, pick(1, 60))),
                         .referrer = "host-" + std::to_string(pick(0, 3)),
                         .partition = pick(0, 2)});
    if (pick(0, 2) > 0) rolled_up_ = static_cast<std::size_t>(pick(0, static_cast<int>(events_.size())));
    fill(store_, events_, rolled_up_);
    if (pick(0, 9) == 0) store_.set_horizon(Granularity::hour, june_1 + pick(0, days) * 24h);
    if (pick(0, 19) == 0) store_.set_horizon(Granularity::day, june_1 + pick(0, 9) * 24h);
  }
  AskedRange some_range() {
    const auto from = june_1 + pick(-3 * 86400, (days - 1) * 86400) * 1s;
    return {from, from + pick(1, days * 86400) * 1s};
  }

  std::mt19937 random_{GetParam()};
  std::vector<Event> events_;
  std::size_t rolled_up_ = 0;
  FakeMetricsReader store_;
};

TEST_P(KeptDaysProperty, EachAnswerIsTheOneWithoutKeptDays) {
  // Some reports drop most of what they keep, and some keep everything.
  Report kept(store_, {"clicks", "weir"}, knows_every_lag,
              pick(0, 1) == 0 ? 20'000 : limits::kept_days_bytes_max);
  Report plain(store_, {"clicks", "weir"}, knows_every_lag, 0);
  constexpr std::array dimensions{Dimension::page, Dimension::referrer, Dimension::activity_type};
  constexpr std::array sorts{Sort::events, Sort::page_views, Sort::unique_users};
  for (int round = 0; round < 12; ++round) {
    write_something();
    for (int question = 0; question < 3; ++question) {
      const AskedRange range = some_range();
      SummaryQuery summary{.range = range, .compare_previous = pick(0, 1) == 0};
      if (pick(0, 1) == 0) summary.filter = Filter{Dimension::page, "/" + std::to_string(pick(0, 60))};
      const auto one = kept.summary(summary);
      const auto other = plain.summary(summary);
      ASSERT_TRUE(one && other);
      EXPECT_EQ(one->summary.range, other->summary.range);
      EXPECT_EQ(one->summary.numbers, other->summary.numbers);
      EXPECT_EQ(one->summary.unique_users_error, other->summary.unique_users_error);
      ASSERT_EQ(one->previous.has_value(), other->previous.has_value());
      if (one->previous) {
        EXPECT_EQ(one->previous->numbers, other->previous->numbers);
      }

      const TopQuery query{.range = range,
                           .dimension = dimensions.at(static_cast<std::size_t>(pick(0, 2))),
                           .sort = sorts.at(static_cast<std::size_t>(pick(0, 2))),
                           .limit = static_cast<std::size_t>(pick(1, pick(1, 100)))};
      const auto top = kept.top(query);
      const auto expected = plain.top(query);
      ASSERT_TRUE(top && expected);
      EXPECT_EQ(top->rows, expected->rows);
      EXPECT_EQ(top->other_events, expected->other_events);
      EXPECT_EQ(top->other_page_views, expected->other_page_views);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, KeptDaysProperty, ::testing::Range(1u, 41u));

}  // namespace
}  // namespace weir::report
