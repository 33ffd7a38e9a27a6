// Whatever was counted, rolled up or pruned: each answer is what counting the events by hand gives.
#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <map>
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
using testing::numbers_of;

constexpr WindowStart june_1 = sys_days(std::chrono::June / 1 / 2026);
constexpr int days = 5;

bool is_inside(const UsedRange& range, const Event& event) {
  return event.at >= range.from && event.at < range.to;
}

class World {
 public:
  explicit World(unsigned seed) : random_(seed) {
    const int count = pick(0, 300);
    for (int i = 0; i < count; ++i) events_.push_back(some_event());
    testing::fill(store_, events_, static_cast<std::size_t>(pick(0, count)));
    // Horizons hide rows of the fake, as pruning takes them away.
    const auto hours_from = june_1 + pick(0, days) * 24h;
    if (pick(0, 2) == 0) store_.set_horizon(Granularity::minute, june_1 + pick(0, days * 1440) * 1min);
    if (pick(0, 2) == 0) store_.set_horizon(Granularity::hour, hours_from);
    if (pick(0, 5) == 0) store_.set_horizon(Granularity::day, june_1 + 24h);
  }

  AskedRange some_range() {
    const auto from = june_1 + 24h + pick(0, (days - 1) * 86400 - 1) * 1s;  // days are complete here
    return {from, from + pick(1, 3 * 86400) * 1s};
  }
  int pick(int from, int to) { return std::uniform_int_distribution(from, to)(random_); }

  const std::vector<Event>& events() const { return events_; }
  Report& report() { return report_; }

 private:
  Event some_event() {
    return {.at = june_1 + pick(0, days * 86400 - 1) * 1s,
            .user = "user-" + std::to_string(pick(0, 40)),
            .type = pick(0, 2) == 0 ? "click" : "page_view",
            .page = pick(0, 9) == 0 ? std::string(tally::value_other) : "/" + std::to_string(pick(0, 12)),
            .referrer = "host-" + std::to_string(pick(0, 3)),
            .partition = pick(0, 2)};
  }

  std::mt19937 random_;
  std::vector<Event> events_;
  FakeMetricsReader store_;
  Report report_{store_, {"clicks", "weir"}};
};

class Property : public ::testing::TestWithParam<unsigned> {};

TEST_P(Property, SummaryIsWhatCountingByHandGives) {
  World world(GetParam());
  for (int i = 0; i < 10; ++i) {
    const auto asked = world.some_range();
    const Filter page{Dimension::page, "/" + std::to_string(world.pick(0, 12))};
    const auto all = world.report().summary({.range = asked});
    const auto filtered = world.report().summary({.range = asked, .filter = page});
    ASSERT_TRUE(all && filtered);
    const auto& range = all->summary.range;
    ASSERT_LE(range.from, asked.from);
    ASSERT_GE(range.to, asked.to);
    EXPECT_EQ(all->summary.numbers,
              numbers_of(world.events(), [&](const Event& event) { return is_inside(range, event); }));
    EXPECT_EQ(filtered->summary.numbers, numbers_of(world.events(), [&](const Event& event) {
                return is_inside(range, event) && event.page == page.value;
              }));
  }
}

TEST_P(Property, SeriesIsWhatCountingByHandGives) {
  World world(GetParam());
  for (const auto interval : {Interval::hour, Interval::day}) {
    const auto answer = world.report().series({.range = world.some_range(), .interval = interval});
    ASSERT_TRUE(answer);
    const Granularity windows = windows_of(answer->interval);
    auto expected = floor_to(windows, answer->range.from);
    for (const auto& point : answer->points) {
      ASSERT_EQ(point.time, expected);
      expected += width_of(windows);
      EXPECT_EQ(point.numbers, numbers_of(world.events(), [&](const Event& event) {
                  return is_inside(answer->range, event) && floor_to(windows, event.at) == point.time;
                }));
    }
    EXPECT_EQ(expected, ceil_to(windows, answer->range.to));
  }
}

// Weeks and months, and days that do not begin at midnight in UTC.
TEST_P(Property, SeriesInATimeZoneIsWhatCountingByHandGives) {
  World world(GetParam());
  for (const char* name : {"UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"}) {
    for (const auto interval : {Interval::day, Interval::week, Interval::month}) {
      const auto zone = TimeZone::find(name);
      ASSERT_TRUE(zone) << zone.error().text;
      const auto answer =
          world.report().series({.range = world.some_range(), .interval = interval, .zone = *zone});
      ASSERT_TRUE(answer);
      const bool in_days = answer->range.finest == Granularity::day;
      const auto starts = starts_in(answer->range, interval, in_days ? TimeZone() : *zone).starts;
      ASSERT_EQ(answer->points.size(), starts.size() - 1);
      for (std::size_t i = 0; i < answer->points.size(); ++i) {
        ASSERT_EQ(answer->points[i].time, starts[i]);
        EXPECT_EQ(answer->points[i].numbers, numbers_of(world.events(),
                                                        [&](const Event& event) {
                                                          return is_inside(answer->range, event) &&
                                                                 event.at >= starts[i] &&
                                                                 event.at < starts[i + 1];
                                                        }))
            << name;
      }
    }
  }
}

TEST_P(Property, TopRowsAreExactAndAddUpToTheSummaryWithOther) {
  World world(GetParam());
  for (const auto sort : {Sort::events, Sort::page_views, Sort::unique_users}) {
    const auto asked = world.some_range();
    const auto limit = static_cast<std::size_t>(world.pick(1, 15));
    const auto top = world.report().top({.range = asked, .sort = sort, .limit = limit});
    const auto summary = world.report().summary({.range = asked});
    ASSERT_TRUE(top && summary);
    auto events = top->other_events;
    auto page_views = top->other_page_views;
    for (const auto& row : top->rows) {
      EXPECT_NE(row.value, tally::value_other);
      EXPECT_EQ(row.numbers, numbers_of(world.events(), [&](const Event& event) {
                  return is_inside(top->range, event) && event.page == row.value;
                }));
      events += row.numbers.events;
      page_views += row.numbers.page_views;
    }
    EXPECT_EQ(events, summary->summary.numbers.events);
    EXPECT_EQ(page_views, summary->summary.numbers.page_views);
  }
}

TEST_P(Property, TopRowsAreTheBestAndTiesAreInOrderOfTheirValue) {
  World world(GetParam());
  for (const auto sort : {Sort::events, Sort::page_views, Sort::unique_users}) {
    const auto limit = static_cast<std::size_t>(world.pick(1, 15));
    const auto top = world.report().top({.range = world.some_range(), .sort = sort, .limit = limit});
    ASSERT_TRUE(top);
    std::map<std::string, Numbers> values;
    for (const auto& event : world.events())
      if (is_inside(top->range, event) && event.page != tally::value_other) values[event.page] = {};
    std::vector<TopRow> expected;
    for (const auto& [value, none] : values)
      expected.push_back({value, numbers_of(world.events(), [&](const Event& event) {
                            return is_inside(top->range, event) && event.page == value;
                          })});
    const auto rank = [sort](const TopRow& row) {
      if (sort == Sort::events) return row.numbers.events;
      return sort == Sort::page_views ? row.numbers.page_views : row.numbers.unique_users;
    };
    std::ranges::stable_sort(expected, std::greater<>(),
                             rank);  // values are in order already
    expected.resize(std::min(limit, expected.size()));
    EXPECT_EQ(top->rows, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Property, ::testing::Range(1u, 61u));

}  // namespace
}  // namespace weir::report
