#include "tally/merge.hpp"

#include "tally/testing/merge_fixture.hpp"

namespace weir::tally {
namespace {

using namespace std::chrono_literals;
using namespace merge_test;

// Returns one event for each of `count` pages /first, /first+1, …, each of another user.
std::vector<Event> pages(int first, int count, WindowStart time = noon) {
  std::vector<Event> events;
  for (int i = 0; i < count; ++i)
    events.push_back(
        {.user = "u" + std::to_string(first + i), .page = "/" + std::to_string(first + i), .time = time});
  return events;
}

TEST(Merge, CreatesRowsThatDoNotExist) {
  Rows rows;
  rows.flush(deltas_of({{.user = "a"}, {.user = "b"}, {.user = "a", .page = "/x", .type = "click"}}));
  ASSERT_EQ(rows.all().size(), 6U);
  const WindowRow& total = *rows.minute(Dimension::total, "");
  EXPECT_EQ(total.events, 3);
  EXPECT_EQ(total.page_views, 2);
  EXPECT_EQ(total.rolled_events, 0);
  EXPECT_EQ(total.arrival_rank, 0);
  EXPECT_EQ(total.stored,
            (StoredValues{{Dimension::activity_type, 2}, {Dimension::page, 2}, {Dimension::referrer, 1}}));
  EXPECT_EQ(users_of(total), 2);
  EXPECT_EQ(rows.minute(Dimension::page, "/")->arrival_rank, 1);
  EXPECT_EQ(rows.minute(Dimension::page, "/x")->arrival_rank, 2);
  EXPECT_EQ(rows.minute(Dimension::page, "/x")->events, 1);
  EXPECT_EQ(rows.minute(Dimension::page, "/x")->page_views, 0);
  EXPECT_EQ(rows.minute(Dimension::referrer, "(direct)")->events, 3);
}

TEST(Merge, AddsToExistingRows) {
  Rows rows;
  rows.flush(deltas_of({{.user = "a"}, {.user = "b"}}));
  rows.flush(deltas_of({{.user = "b"}, {.user = "c", .page = "/x"}}));
  EXPECT_EQ(rows.minute(Dimension::total, "")->events, 4);
  EXPECT_EQ(users_of(*rows.minute(Dimension::total, "")), 3);
  EXPECT_EQ(rows.minute(Dimension::page, "/")->events, 3);
  EXPECT_EQ(users_of(*rows.minute(Dimension::page, "/")), 2);
  EXPECT_EQ(rows.minute(Dimension::page, "/x")->arrival_rank, 2);
}

TEST(Merge, AddsTheDeltasOfSeveralTallies) {
  std::vector<WindowDelta> deltas = deltas_of({{.user = "a"}});
  for (const char* user : {"b", "c"})
    for (WindowDelta& delta : deltas_of({{.user = user}})) deltas.push_back(delta);
  Rows rows;
  rows.flush(deltas);
  EXPECT_EQ(rows.minute(Dimension::page, "/")->events, 3);
  EXPECT_EQ(users_of(*rows.minute(Dimension::page, "/")), 3);
}

TEST(Merge, ClearsUsersChangedIfTheUsersAreEqual) {
  Rows rows;
  rows.flush(deltas_of({{.user = "a"}}));
  const auto deltas = deltas_of({{.user = "a"}});
  std::vector<WindowRow> existing;
  for (const auto& [key, row] : rows.all()) existing.push_back(row);
  CappedValues capped;
  const auto written = merge_deltas(deltas, partition, existing, capped);
  ASSERT_TRUE(written);
  for (const WindowRow& row : *written) {
    EXPECT_FALSE(row.users_changed);
    EXPECT_EQ(row.events, 2);
    EXPECT_EQ(users_of(row), 1) << "the row has its users";
  }
}

TEST(Merge, WritesOnlyRowsThatChange) {
  Rows rows;
  rows.flush(deltas_of(pages(0, 5)));
  rows.flush(deltas_of(pages(0, 1)));
  EXPECT_EQ(rows.written(), 4U);
}

TEST(Merge, StoresAThousandValuesAndCountsTheOthersAsOther) {
  Rows rows;
  rows.flush(deltas_of(pages(0, cap + 7)));
  EXPECT_EQ(rows.minute(Dimension::total, "")->stored.count(Dimension::page), cap);
  EXPECT_EQ(rows.minute(Dimension::page, "/" + std::to_string(cap - 1))->arrival_rank, cap);
  EXPECT_EQ(rows.minute(Dimension::page, "/" + std::to_string(cap)), nullptr);
  const WindowRow& other = *rows.minute(Dimension::page, value_other);
  EXPECT_EQ(other.events, 7);
  EXPECT_EQ(other.arrival_rank, 0);
  EXPECT_EQ(users_of(other), 7);
  EXPECT_EQ(rows.capped(), (CappedValues{{Dimension::page, 7}}));

  // Stored values keep their rows, and no other value gets one. The next flush reads this from the rows only.
  std::vector<Event> more = pages(5, 1);
  more.push_back({.user = "new", .page = "/" + std::to_string(cap)});
  more.push_back({.user = "new", .page = "/another page"});
  rows.flush(deltas_of(more));
  EXPECT_EQ(rows.minute(Dimension::page, "/5")->events, 2);
  EXPECT_EQ(other.events, 9);
  EXPECT_EQ(users_of(other), 8);
  EXPECT_EQ(rows.minute(Dimension::total, "")->stored.count(Dimension::page), cap);
  EXPECT_EQ(rows.minute(Dimension::total, "")->events, cap + 7 + 3);
}

TEST(Merge, CountsAValueWithTheTextOfOtherInOther) {
  Rows rows;
  rows.flush(deltas_of({{.user = "a", .page = "(other)"}, {.user = "b", .page = "/"}}));
  EXPECT_EQ(rows.minute(Dimension::page, value_other)->events, 1);
  EXPECT_EQ(rows.minute(Dimension::page, value_other)->arrival_rank, 0);
  EXPECT_EQ(rows.minute(Dimension::page, "/")->arrival_rank, 1);
  EXPECT_EQ(rows.minute(Dimension::total, "")->stored.count(Dimension::page), 1);
}

TEST(Merge, CapsEachWindowAndDimensionSeparately) {
  Rows rows;
  rows.flush(deltas_of(pages(0, cap + 1)));
  rows.flush(deltas_of(pages(cap, 1, noon + 1min)));
  EXPECT_EQ(rows.minute(Dimension::page, "/" + std::to_string(cap), noon + 1min)->arrival_rank, 1);
  EXPECT_EQ(rows.minute(Dimension::activity_type, value_other), nullptr);
}

TEST(Merge, ReadsTheNamedRowsTheTotalAndTheOthers) {
  const auto keys = keys_to_read(deltas_of({{.page = "/x"}, {.page = "/y"}}), partition);
  std::vector<std::string> names;
  for (const WindowKey& key : keys) {
    EXPECT_EQ(key.granularity, Granularity::minute);
    EXPECT_EQ(key.start, noon);
    EXPECT_EQ(key.partition, partition);
    names.push_back(std::string(name_of(key.dimension)) + " " + key.value);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"total ", "activity_type (other)", "activity_type page_view",
                                             "page (other)", "page /x", "page /y", "referrer (direct)",
                                             "referrer (other)"}));
  EXPECT_TRUE(keys_to_read({}, partition).empty());
}

TEST(Merge, NamesTheRowWhoseSketchCannotBeRead) {
  Rows rows;
  rows.flush(deltas_of({{}}));
  std::vector<WindowRow> existing{*rows.minute(Dimension::page, "/")};
  existing[0].users = "?";
  CappedValues capped;
  const auto merged = merge_deltas(deltas_of({{}}), partition, existing, capped);
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code, "sketch_broken");
  EXPECT_NE(merged.error().text.find("minute 2015-05-19T12:00:00Z, partition 3, page \"/\""),
            std::string::npos)
      << merged.error().text;
  const auto rolled = roll_up(existing, {}, capped);
  ASSERT_FALSE(rolled);
  EXPECT_NE(rolled.error().text.find("page \"/\""), std::string::npos);
}

TEST(RollUp, AddsMinutesToTheirHourAndDayOnce) {
  Rows rows;
  rows.flush(deltas_of({{.user = "a"}, {.user = "b"}}));
  EXPECT_TRUE(rows.roll_up_minutes({noon}));
  for (const Granularity granularity : {Granularity::hour, Granularity::day}) {
    const WindowRow& total = *rows.find(granularity, Dimension::total, floor_to(granularity, noon), "");
    EXPECT_EQ(total.events, 2);
    EXPECT_EQ(total.rolled_events, 0) << "minute rows only";
    EXPECT_EQ(total.stored,
              (StoredValues{{Dimension::activity_type, 1}, {Dimension::page, 1}, {Dimension::referrer, 1}}));
    EXPECT_EQ(users_of(total), 2);
  }
  EXPECT_EQ(rows.minute(Dimension::page, "/")->rolled_events, 2);
  EXPECT_EQ(rows.minute(Dimension::page, "/")->rolled_page_views, 2);
  EXPECT_FALSE(rows.roll_up_minutes({noon})) << "no counts are pending";
}

TEST(RollUp, AddsOnlyThePendingCountsAfterALateEvent) {
  Rows rows;
  rows.flush(deltas_of({{.user = "a"}, {.user = "a", .page = "/x"}}));
  rows.roll_up_minutes({noon});
  rows.flush(deltas_of({{.user = "b"}}));
  EXPECT_EQ(rows.minute(Dimension::page, "/")->rolled_events, 1) << "a flush does not change it";
  EXPECT_TRUE(rows.roll_up_minutes({noon}));
  EXPECT_EQ(rows.written(), 12U) << "/x has no pending counts";
  EXPECT_EQ(rows.find(Granularity::hour, Dimension::page, noon, "/")->events, 2);
  EXPECT_EQ(users_of(*rows.find(Granularity::hour, Dimension::page, noon, "/")), 2);
}

TEST(RollUp, StoresValuesOfAFullHourByMinuteThenArrivalRank) {
  Rows rows;
  rows.flush(deltas_of(pages(2000, 3, noon + 1min)));
  std::vector<Event> first_minute = pages(0, cap - 2);
  std::ranges::reverse(first_minute);
  rows.flush(deltas_of(first_minute));
  rows.roll_up_minutes({noon, noon + 1min});
  const auto in_hour = [&rows](int page) {
    return rows.find(Granularity::hour, Dimension::page, noon, "/" + std::to_string(page));
  };
  EXPECT_EQ(in_hour(cap - 3)->arrival_rank, 1);
  EXPECT_EQ(in_hour(0)->arrival_rank, cap - 2);
  EXPECT_EQ(in_hour(2000)->arrival_rank, cap - 1);
  EXPECT_EQ(in_hour(2001)->arrival_rank, cap);
  EXPECT_EQ(in_hour(2002), nullptr);
  EXPECT_EQ(rows.find(Granularity::hour, Dimension::page, noon, value_other)->events, 1);
  EXPECT_EQ(rows.find(Granularity::hour, Dimension::total, noon, "")->stored.count(Dimension::page), cap);
}

TEST(RollUp, AddsToAnHourThatHasEventsWithoutAMinute) {
  Rows rows;
  rows.flush(deltas_of({{.user = "a"}, {.user = "b", .page = "/late", .late = true}}));
  rows.roll_up_minutes({noon});
  EXPECT_EQ(rows.find(Granularity::hour, Dimension::total, noon, "")->events, 2);
  EXPECT_EQ(rows.find(Granularity::hour, Dimension::page, noon, "/late")->arrival_rank, 1);
  EXPECT_EQ(rows.find(Granularity::hour, Dimension::page, noon, "/")->arrival_rank, 2);
}

TEST(RollUp, OfNoRowsWritesNoRows) {
  EXPECT_TRUE(keys_to_read_for_roll_up({}).empty());
  CappedValues capped;
  EXPECT_TRUE(roll_up({}, {}, capped)->empty());
}

}  // namespace
}  // namespace weir::tally
