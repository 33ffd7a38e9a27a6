#include "tally/tally.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

#include "base/hash.hpp"
#include "tally/testing/four_dimensions.hpp"

namespace weir::tally {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

constexpr EventTime noon = std::chrono::sys_days(std::chrono::year{2015} / 5 / 19) + 12h;

RecordTime record_at(EventTime moment) { return std::chrono::floor<std::chrono::milliseconds>(moment); }

activity::UserActivity activity_at(EventTime moment) {
  return {.user_id = "u",
          .activity_type = "page_view",
          .timestamp = moment,
          .metadata = {.page_url = "https://example.org/a?b", .referrer = "https://Other.org/"}};
}

// Counts an event in four dimensions.
void add(Tally& tally, const activity::UserActivity& activity, std::uint64_t user_hash,
         RecordTime record_time) {
  FourDimensions reader;
  tally.add({activity.timestamp, activity.is_page_view(), reader.read(activity)}, user_hash, record_time);
}

// Counts an event whose record has the time of the event.
void add(Tally& tally, const activity::UserActivity& activity) {
  add(tally, activity, murmur3(activity.user_id).low, record_at(activity.timestamp));
}

std::vector<std::string> names_of(const Tally& tally) {
  std::vector<std::string> names;
  for (const WindowDelta& delta : tally.deltas())
    names.push_back(std::string(name_of(delta.granularity)) + " " + std::string(name_of(delta.dimension)) +
                    " " + delta.value);
  return names;
}

TEST(Tally, IsEmptyAtFirst) {
  const Tally tally(days{7});
  EXPECT_TRUE(tally.empty());
  EXPECT_TRUE(tally.deltas().empty());
  EXPECT_EQ(tally.minute_horizon(), std::nullopt);
}

TEST(Tally, CountsAnEventInEachDimensionOfItsMinuteOnly) {
  Tally tally(days{7});
  add(tally, activity_at(noon + 59s));
  EXPECT_EQ(names_of(tally),
            (std::vector<std::string>{"minute total ", "minute page /a", "minute referrer other.org",
                                      "minute activity_type page_view"}));
  for (const WindowDelta& delta : tally.deltas()) {
    EXPECT_EQ(delta.start, WindowStart(std::chrono::floor<std::chrono::seconds>(noon)));
    EXPECT_EQ(delta.events, 1);
    EXPECT_EQ(delta.page_views, 1);
    EXPECT_EQ(delta.users.estimate(), 1);
  }
  EXPECT_EQ(tally.events(), 1);
  EXPECT_EQ(tally.page_views(), 1);
  EXPECT_EQ(tally.users().size(), 1U);
  EXPECT_EQ(tally.minute_horizon(), std::nullopt);
}

TEST(Tally, CountsAUserOnceForManyEvents) {
  Tally tally(days{7});
  for (int i = 0; i < 5; ++i) add(tally, activity_at(noon + i * 1s));
  ASSERT_EQ(tally.deltas().size(), 4U);
  for (const WindowDelta& delta : tally.deltas()) {
    EXPECT_EQ(delta.events, 5);
    EXPECT_EQ(delta.users.estimate(), 1);
  }
  EXPECT_EQ(tally.users().size(), 1U);
}

TEST(Tally, CountsOnlyPageViewsAsPageViews) {
  Tally tally(days{7});
  activity::UserActivity activity = activity_at(noon);
  activity.activity_type = "request";
  add(tally, activity);
  add(tally, activity_at(noon));
  EXPECT_EQ(tally.deltas()[0].events, 2);
  EXPECT_EQ(tally.deltas()[0].page_views, 1);
  EXPECT_EQ(tally.page_views(), 1);
}

TEST(Tally, CountsAMissingPageAndReferrerAsNoneAndDirect) {
  Tally tally(days{7});
  activity::UserActivity activity = activity_at(noon);
  activity.metadata = {};
  add(tally, activity);
  EXPECT_EQ(names_of(tally),
            (std::vector<std::string>{"minute total ", "minute page (none)", "minute referrer (direct)",
                                      "minute activity_type page_view"}));
}

TEST(Tally, KeepsValuesInTheOrderOfTheirFirstEvents) {
  Tally tally(days{7});
  std::vector<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    const std::string page = "/" + std::to_string(i * 7919 % 500);
    activity::UserActivity activity = activity_at(noon);
    activity.metadata.page_url = page;
    add(tally, activity);
    add(tally, activity);
    expected.push_back(page);
  }
  std::vector<std::string> pages;
  for (const WindowDelta& delta : tally.deltas())
    if (delta.dimension == Dimension::page) pages.push_back(delta.value);
  EXPECT_EQ(pages, expected);
}

TEST(Tally, CountsAnEventThatIsTooOldForItsMinuteInItsHourAndDay) {
  Tally tally(days{7});
  add(tally, activity_at(noon + 30min), 1, record_at(noon + 30min + days{7} + 1ms));
  std::vector<std::string> granularities;
  for (const WindowDelta& delta : tally.deltas()) {
    granularities.emplace_back(name_of(delta.granularity));
    EXPECT_EQ(delta.start, floor_to(delta.granularity, noon + 30min));
    EXPECT_EQ(delta.events, 1);
  }
  EXPECT_EQ(granularities,
            (std::vector<std::string>{"hour", "hour", "hour", "hour", "day", "day", "day", "day"}));
  EXPECT_EQ(tally.minute_horizon(), WindowStart(std::chrono::floor<std::chrono::seconds>(noon)) + 1h);
  EXPECT_EQ(tally.events(), 1);
  EXPECT_EQ(tally.users().size(), 1U);
}

TEST(Tally, ComparesTheAgeOfAnEventToTheNanosecond) {
  const struct {
    EventTime event;
    bool is_too_old;
  } cases[] = {{noon, false},
               {noon + 1ns, false},
               {noon - 1ns, true},
               {noon - 1h, true},
               {noon + 30 * days{1}, false}};
  for (const auto& [event, is_too_old] : cases) {
    Tally tally(days{7});
    add(tally, activity_at(event), 1, record_at(noon + days{7}));
    EXPECT_EQ(tally.deltas().front().granularity == Granularity::hour, is_too_old);
    EXPECT_EQ(tally.minute_horizon().has_value(), is_too_old);
  }
}

TEST(Tally, CountsInMinutesIfMinutesAreNeverPruned) {
  Tally tally(days{0});
  add(tally, activity_at(noon), 1, RecordTime::max());
  EXPECT_EQ(tally.deltas().front().granularity, Granularity::minute);
  EXPECT_EQ(tally.minute_horizon(), std::nullopt);
}

TEST(Tally, AcceptsAnyRecordTime) {
  Tally tally(days{36'500});
  add(tally, activity_at(noon), 1, RecordTime::min());
  EXPECT_EQ(tally.deltas().front().granularity, Granularity::minute);
  add(tally, activity_at(EventTime::min()), 1, RecordTime::max());
  EXPECT_EQ(tally.deltas().back().granularity, Granularity::day);
}

TEST(Tally, RaisesTheHorizonToTheEndOfTheLatestHourOfOldEvents) {
  Tally tally(days{1});
  for (const auto ahead : {5h, 9h, 2h})
    add(tally, activity_at(noon + ahead), 1, record_at(noon + ahead + 48h));
  EXPECT_EQ(tally.minute_horizon(), WindowStart(std::chrono::floor<std::chrono::seconds>(noon)) + 10h);
}

TEST(Tally, AgreesWithASimpleCount) {
  struct Count {
    std::int64_t events = 0;
    std::int64_t page_views = 0;
    std::set<std::string> users;
  };
  std::mt19937_64 random(6);
  Tally tally(days{7});
  std::map<std::tuple<Granularity, Dimension, WindowStart, std::string>, Count> expected;
  for (int i = 0; i < 20'000; ++i) {
    const std::string user = "user-" + std::to_string(random() % 300);
    const std::string page = "/" + std::to_string(random() % 40);
    const std::string type = random() % 2 == 0 ? "page_view" : "click";
    const EventTime moment = noon + std::chrono::seconds(random() % 7200);
    const bool is_late = random() % 5 == 0;
    add(tally,
        {.user_id = user,
         .activity_type = type,
         .timestamp = moment,
         .metadata = {.page_url = page, .referrer = std::nullopt}},
        murmur3(user).low, record_at(moment + (is_late ? days{8} : days{0})));
    for (const Granularity granularity : all_granularities) {
      if (is_late == (granularity == Granularity::minute)) continue;
      const WindowStart start = floor_to(granularity, moment);
      for (const auto& [dimension, value] :
           std::map<Dimension, std::string>{{Dimension::total, ""},
                                            {Dimension::activity_type, type},
                                            {Dimension::page, page},
                                            {Dimension::referrer, "(direct)"}}) {
        Count& count = expected[{granularity, dimension, start, value}];
        ++count.events;
        count.page_views += type == "page_view" ? 1 : 0;
        count.users.insert(user);
      }
    }
  }
  ASSERT_EQ(tally.deltas().size(), expected.size());
  for (const WindowDelta& delta : tally.deltas()) {
    const Count& count = expected[{delta.granularity, delta.dimension, delta.start, delta.value}];
    EXPECT_EQ(delta.events, count.events);
    EXPECT_EQ(delta.page_views, count.page_views);
    EXPECT_EQ(delta.users.estimate(), static_cast<std::int64_t>(count.users.size()));
  }
  EXPECT_EQ(tally.users().size(), 300U);
}

}  // namespace
}  // namespace weir::tally
