#include "report/report.hpp"

#include <gtest/gtest.h>

#include "report/testing/counted_events.hpp"
#include "report/testing/fake_metrics_reader.hpp"

namespace weir::report {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using tally::Dimension;
using tally::Granularity;
using testing::Event;
using testing::fill;

constexpr WindowStart june_1 = sys_days(std::chrono::June / 1 / 2026);
constexpr AskedRange first_day{june_1, june_1 + 24h};

constexpr auto knows_every_lag = [](std::int32_t) { return true; };

class ReportTest : public ::testing::Test {
 protected:
  FakeMetricsReader store_;
  Report report_{store_, {"clicks", "weir"}};
};

TEST_F(ReportTest, SumsCountsAndUnitesUsers) {
  const std::vector<Event> events{{.at = june_1, .user = "ann"},
                                  {.at = june_1 + 5h, .user = "bob", .partition = 1},
                                  {.at = june_1 + 9h, .user = "ann", .type = "click", .partition = 1}};
  fill(store_, events, 2);
  const auto answer = report_.summary({.range = first_day});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->summary.numbers, (Numbers{3, 2, 2}));
  EXPECT_EQ(answer->summary.unique_users_error, 0);
  EXPECT_EQ(answer->previous, std::nullopt);
}

TEST_F(ReportTest, AnswersAnEmptyStoreWithZeros) {
  const auto summary = report_.summary({.range = first_day, .compare_previous = true});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->summary.numbers, Numbers{});
  ASSERT_TRUE(summary->previous);
  EXPECT_EQ(summary->previous->numbers, Numbers{});
  const auto top = report_.top({.range = first_day});
  ASSERT_TRUE(top);
  EXPECT_TRUE(top->rows.empty());
  EXPECT_EQ(top->other_events, 0);
}

TEST_F(ReportTest, ComparesWithTheRangeOfEqualLengthBefore) {
  fill(store_, {{.at = june_1 - 1min}, {.at = june_1 - 61min}, {.at = june_1 + 30min}}, 0);
  const auto answer = report_.summary({.range = {june_1, june_1 + 1h}, .compare_previous = true});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->summary.numbers.events, 1);
  ASSERT_TRUE(answer->previous);
  EXPECT_EQ(answer->previous->numbers.events, 1);
  EXPECT_EQ(answer->previous->range.from, june_1 - 1h);
  EXPECT_EQ(answer->previous->range.to, june_1);
}

TEST_F(ReportTest, ComparesFiveCenturiesWithTheFiveBefore) {
  const auto answer = report_.summary(
      {.range = {sys_days(std::chrono::year(1700) / 1 / 1), sys_days(std::chrono::year(2200) / 1 / 1)},
       .compare_previous = true});
  ASSERT_TRUE(answer && answer->previous);
  EXPECT_EQ(answer->previous->range.to, answer->summary.range.from);
  EXPECT_LT(answer->previous->range.from, answer->previous->range.to);
}

TEST_F(ReportTest, CountsOnlyWhatTheFilterNames) {
  fill(store_,
       {{.at = june_1, .user = "ann", .type = "click", .page = "/a", .referrer = "x.org"},
        {.at = june_1, .user = "bob", .page = "/a"},
        {.at = june_1, .user = "ann", .page = "/b"}},
       1);
  struct Case {
    Filter filter;
    Numbers numbers;
  };
  const Case cases[] = {{{Dimension::page, "/a"}, {2, 1, 2}},
                        {{Dimension::activity_type, "page_view"}, {2, 2, 2}},
                        {{Dimension::referrer, "x.org"}, {1, 0, 1}},
                        {{Dimension::page, "/c"}, {0, 0, 0}}};
  for (const auto& [filter, numbers] : cases) {
    const auto summary = report_.summary({.range = first_day, .filter = filter});
    ASSERT_TRUE(summary);
    EXPECT_EQ(summary->summary.numbers, numbers) << filter.value;
    const auto series = report_.series({.range = first_day, .filter = filter, .interval = Interval::day});
    ASSERT_TRUE(series);
    EXPECT_EQ(series->points.at(0).numbers, numbers) << filter.value;
  }
}

TEST_F(ReportTest, StatesTheErrorOfUniqueUsers) {
  std::vector<Event> events;
  for (int i = 0; i < 5000; ++i) events.push_back({.at = june_1, .user = "user-" + std::to_string(i)});
  fill(store_, events, events.size());
  const auto answer = report_.summary({.range = first_day});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->summary.unique_users_error, 0.0081);
  EXPECT_NEAR(static_cast<double>(answer->summary.numbers.unique_users), 5000, 3 * 0.0081 * 5000);
}

TEST_F(ReportTest, ReadsALongRangeMostlyByDay) {
  Report keeps_nothing(store_, {"clicks", "weir"}, knows_every_lag, 0);
  ASSERT_TRUE(keeps_nothing.summary({.range = {june_1 + 90min, june_1 + 400 * 24h}}));
  const auto scans = store_.scans();
  ASSERT_EQ(scans.size(), 3u);
  EXPECT_EQ(scans.at(2).granularity, Granularity::day);
  EXPECT_EQ(scans.at(2).to - scans.at(2).from, 399 * 24h);
}

TEST_F(ReportTest, AnswersEachQuestionInOneSnapshot) {
  ASSERT_TRUE(report_.summary({.range = first_day, .compare_previous = true}));
  EXPECT_EQ(store_.snapshots(), 1);
  ASSERT_TRUE(report_.top({.range = first_day, .sort = Sort::unique_users}));
  EXPECT_EQ(store_.snapshots(), 2);
  ASSERT_TRUE(report_.series({.range = {june_1, june_1 + 4000min}, .interval = Interval::minute}));
  EXPECT_EQ(store_.snapshots(), 3);
}

TEST_F(ReportTest, ShowsEveryIntervalOfASeries) {
  fill(store_, {{.at = june_1 + 90min}, {.at = june_1 + 150min, .user = "bob"}}, 1);
  const auto answer = report_.series({.range = {june_1, june_1 + 4h}, .interval = Interval::hour});
  ASSERT_TRUE(answer);
  const std::vector<Point> points{
      {june_1, {}}, {june_1 + 1h, {1, 1, 1}}, {june_1 + 2h, {1, 1, 1}}, {june_1 + 3h, {}}};
  EXPECT_EQ(answer->points, points);
}

TEST_F(ReportTest, CutsTheFirstAndTheLastPointToTheRange) {
  fill(store_, {{.at = june_1}, {.at = june_1 + 40min}, {.at = june_1 + 95min}, {.at = june_1 + 110min}}, 2);
  const AskedRange asked{june_1 + 30min, june_1 + 100min};
  const auto answer = report_.series({.range = asked, .interval = Interval::hour});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->points, (std::vector<Point>{{june_1, {1, 1, 1}}, {june_1 + 1h, {1, 1, 1}}}));
}

TEST_F(ReportTest, ComesInCoarserPointsWhereMinutesAreGone) {
  fill(store_, {{.at = june_1 + 90min}}, 1);
  store_.set_horizon(Granularity::minute, june_1 + 24h);
  const auto answer =
      report_.series({.range = {june_1 + 80min, june_1 + 100min}, .interval = Interval::minute});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->interval, Interval::hour);
  EXPECT_EQ(answer->range.resolution(), Granularity::hour);
  EXPECT_EQ(answer->points, (std::vector<Point>{{june_1 + 1h, {1, 1, 1}}}));
}

TEST_F(ReportTest, CutsDaysInUtcWhereHoursAreGone) {
  fill(store_, {{.at = june_1 + 1h}, {.at = june_1 + 23h}, {.at = june_1 + 25h}}, 3);
  const TimeZone zone = TimeZone::find("Asia/Kolkata").value();
  const SeriesQuery query{
      .range = {june_1 + 2h, june_1 + 40h}, .filter = std::nullopt, .interval = Interval::day, .zone = zone};
  const auto hours = report_.series(query);
  ASSERT_TRUE(hours);
  EXPECT_EQ(hours->zone->name(), "Asia/Kolkata");
  EXPECT_TRUE(hours->rounded);
  EXPECT_EQ(hours->points, (std::vector<Point>{{june_1 - 5h, {}}, {june_1 + 19h, {2, 2, 1}}}));

  store_.set_horizon(Granularity::minute, june_1 + 240h);
  store_.set_horizon(Granularity::hour, june_1 + 240h);
  const auto days = report_.series(query);
  ASSERT_TRUE(days);
  EXPECT_EQ(days->range.resolution(), Granularity::day);
  EXPECT_EQ(days->zone->name(), "UTC");
  EXPECT_FALSE(days->rounded);
  EXPECT_EQ(days->points, (std::vector<Point>{{june_1, {2, 2, 1}}, {june_1 + 24h, {1, 1, 1}}}));
}

TEST_F(ReportTest, ReadsAMonthOfATimeZoneMostlyByDay) {
  const TimeZone zone = TimeZone::find("Europe/Berlin").value();
  ASSERT_TRUE(report_.series({.range = {june_1 - 2h, june_1 + 60 * 24h - 2h},
                              .filter = std::nullopt,
                              .interval = Interval::month,
                              .zone = zone}));
  // 2 h, 29 days, 24 h around the first of July, 29 days, 22 h less the end
  std::size_t hours = 0;
  std::size_t days = 0;
  for (const auto& scan : store_.scans())
    (scan.granularity == Granularity::day ? days : hours) +=
        static_cast<std::size_t>((scan.to - scan.from) / width_of(scan.granularity));
  EXPECT_EQ(days, 58u);
  EXPECT_EQ(hours, 2u + 24u + 22u);
}

TEST_F(ReportTest, RefusesMorePointsThanItSendsAndNamesTheNextInterval) {
  struct Case {
    std::chrono::hours length;
    Interval interval;
    std::string_view advice;
  };
  const Case cases[] = {{84h, Interval::minute, "interval=hour"},
                        {6000h, Interval::minute, "interval=day"},
                        {5001h, Interval::hour, "interval=day"},
                        {24h * 5001, Interval::day, "interval=week"},
                        {24h * 5001, Interval::hour, "interval=week"},
                        {24h * 7 * 5001, Interval::week, "interval=month"},
                        {24h * 31 * 5001, Interval::month, "shorter range"}};
  for (const auto& [length, interval, advice] : cases) {
    const auto answer = report_.series({.range = {june_1, june_1 + length}, .interval = interval});
    ASSERT_FALSE(answer) << advice;
    EXPECT_EQ(answer.error().kind, ErrorKind::invalid);
    EXPECT_EQ(answer.error().code, "too_many_points");
    EXPECT_TRUE(answer.error().text.contains(advice)) << answer.error().text;
  }
  const auto most = report_.series({.range = {june_1, june_1 + 5000h}, .interval = Interval::hour});
  ASSERT_TRUE(most);
  EXPECT_EQ(most->points.size(), 5000u);
}

TEST_F(ReportTest, RanksValuesAndKeepsTheRestInOther) {
  std::vector<Event> events;
  const auto add = [&](const std::string& page, int views, int clicks) {
    for (int i = 0; i < views; ++i)
      events.push_back({.at = june_1 + i * 1h, .user = "u" + std::to_string(i), .page = page});
    for (int i = 0; i < clicks; ++i) events.push_back({.at = june_1, .type = "click", .page = page});
  };
  add("/b", 2, 0);
  add("/a", 2, 9);
  add("/c", 5, 0);
  add("/d", 1, 0);
  add("(other)", 7, 1);
  fill(store_, events, 5);
  const auto answer = report_.top({.range = first_day, .limit = 3});
  ASSERT_TRUE(answer);
  const std::vector<TopRow> rows{{"/c", {5, 5, 5}}, {"/a", {11, 2, 3}}, {"/b", {2, 2, 2}}};
  EXPECT_EQ(answer->rows, rows);
  EXPECT_EQ(answer->other_events, 1 + 8);
  EXPECT_EQ(answer->other_page_views, 1 + 7);
}

TEST_F(ReportTest, CountsInOtherWhatADimensionDidNotCount) {
  constexpr auto country = tally::first_own_dimension;
  fill(store_, {{.at = june_1}, {.at = june_1}, {.at = june_1 + 1h, .type = "click"}}, 0);
  tally::Sketch ann;
  ann.add(murmur3("ann").low);
  for (const auto granularity : tally::coarser_granularities)  // from 01:00 on
    store_.put(tally::WindowRow{.key = {granularity, country, floor_to(granularity, june_1 + 1h), 0, "DE"},
                                .events = 1,
                                .users = ann.encode()});
  const auto answer = report_.top({.range = first_day, .dimension = country, .dimension_name = "country"});
  ASSERT_TRUE(answer) << answer.error().text;
  EXPECT_EQ(answer->dimension, "country");
  EXPECT_EQ(answer->rows, (std::vector<TopRow>{{"DE", {1, 0, 1}}}));
  EXPECT_EQ(answer->other_events, 2);
  EXPECT_EQ(answer->other_page_views, 2);
}

TEST_F(ReportTest, ListsBuiltInDimensionsFirst) {
  store_.put(tally::KnownDimension{tally::Dimension{17}, "plan", "metadata.plan", june_1});
  store_.put(tally::KnownDimension{tally::Dimension{16}, "country", "metadata.country", june_1});
  const auto answer = report_.dimensions();
  ASSERT_TRUE(answer);
  std::vector<std::string> names;
  for (const auto& each : answer->dimensions) names.push_back(each.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"total", "page", "referrer", "activity_type", "country", "plan"}));
}

TEST_F(ReportTest, UnitesOnlyTheWinnersOfATopList) {
  fill(store_, {{.at = june_1, .page = "/a"}, {.at = june_1, .page = "/b"}}, 2);
  ASSERT_TRUE(report_.top({.range = first_day, .limit = 1}));
  const auto scans = store_.scans();
  ASSERT_EQ(scans.size(), 2u);
  EXPECT_TRUE(scans.at(0).with_users);
  EXPECT_EQ(scans.at(1).dimension, tally::Dimension::total);
  EXPECT_FALSE(scans.at(1).with_users) << "the counts of all events, for `other`";
  EXPECT_EQ(store_.passes_over_users(), 0);
}

TEST_F(ReportTest, RanksByUsersRegardlessOfEvents) {
  std::vector<Event> events;
  // More values than are united at a time. Each has three events of one user.
  for (int page = 0; page < 600; ++page)
    for (int i = 0; i < 3; ++i) events.push_back({.at = june_1, .page = "/" + std::to_string(page)});
  events.push_back({.at = june_1, .user = "ann", .page = "/rare"});
  events.push_back({.at = june_1, .user = "bob", .page = "/rare"});
  fill(store_, events, events.size());
  const auto answer = report_.top({.range = first_day, .sort = Sort::unique_users, .limit = 2});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->rows, (std::vector<TopRow>{{"/rare", {2, 2, 2}}, {"/0", {3, 3, 1}}}));
  EXPECT_EQ(answer->other_events, 600 * 3 + 2 - 5);
}

// Each value has one event of one user, so any of them can be among the best (faults 43).
TEST_F(ReportTest, Fault43RanksManyEqualValuesByUsersInOnePassAndByValue) {
  std::vector<Event> events;
  std::vector<std::string> values;
  for (int page = 0; page < 3000; ++page) {
    values.push_back("/" + std::to_string(page));
    events.push_back({.at = june_1 + page * 10s, .page = values.back()});
  }
  events.push_back({.at = june_1, .user = "bob", .page = "(other)"});
  fill(store_, events, 1000);
  const auto answer = report_.top({.range = first_day, .sort = Sort::unique_users, .limit = 500});
  ASSERT_TRUE(answer);
  EXPECT_EQ(store_.passes_over_users(), 1);
  EXPECT_LE(store_.scans().size(), 5u);
  std::ranges::sort(values);
  ASSERT_EQ(answer->rows.size(), 500u);
  for (std::size_t i = 0; i < answer->rows.size(); ++i)
    EXPECT_EQ(answer->rows[i], (TopRow{values[i], {1, 1, 1}}));
  EXPECT_EQ(answer->other_events, 2501);
}

TEST_F(ReportTest, UnitesOnlyTheValuesWithTheMostEventsWhereTheyMustBeTheBest) {
  std::vector<Event> events;
  for (int page = 0; page < 600; ++page)
    for (int user = 0; user < (page < 400 ? 3 : 1); ++user)
      events.push_back(
          {.at = june_1, .user = "u" + std::to_string(user), .page = "/" + std::to_string(1000 + page)});
  fill(store_, events, events.size());
  const auto answer = report_.top({.range = first_day, .sort = Sort::unique_users, .limit = 2});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->rows, (std::vector<TopRow>{{"/1000", {3, 3, 3}}, {"/1001", {3, 3, 3}}}));
  EXPECT_EQ(store_.passes_over_users(), 0);
}

TEST_F(ReportTest, Fault43EndsAQuestionAtItsDeadline) {
  fill(store_, {{.at = june_1, .page = "/a"}, {.at = june_1 + 1h, .page = "/b"}}, 1);
  // Each read advances the clock by a second. The query must end at each deadline.
  for (int seconds = 0; seconds < 12; ++seconds) {
    MonoTime clock{};
    const Cancellation cancellation(clock + seconds * 1s, {}, [&] { return clock += 1s; });
    const auto answer = report_.top({.range = first_day, .sort = Sort::unique_users}, cancellation);
    ASSERT_FALSE(answer) << seconds;
    EXPECT_EQ(answer.error().code, code_query_timeout);
    EXPECT_EQ(answer.error().kind, ErrorKind::unavailable);
    EXPECT_TRUE(answer.error().text.contains("limit of 7 s; ask for a shorter range")) << answer.error().text;
    EXPECT_LE(clock, MonoTime{} + (seconds + 1) * 1s) << "nothing is done after the deadline";
  }
}

TEST_F(ReportTest, Fault43EndsAQuestionWhoseClientIsGone) {
  fill(store_, {{.at = june_1}}, 1);
  std::stop_source client;
  const Cancellation cancellation(MonoTime::max(), client.get_token(), [] { return MonoTime{}; });
  EXPECT_TRUE(report_.summary({.range = first_day}, cancellation));
  client.request_stop();
  const auto ended = [](const auto& answer) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, code_client_gone);
  };
  ended(report_.summary({.range = first_day}, cancellation));
  ended(report_.series({.range = first_day}, cancellation));
  ended(report_.top({.range = first_day}, cancellation));
  ended(report_.ledger(june_1, cancellation));
}

TEST_F(ReportTest, ReturnsEachErrorOfTheStore) {
  fill(store_, {{.at = june_1}}, 1);
  const Error away{ErrorKind::unavailable, "store_away", "the store is away"};
  std::size_t kept_bytes = 0;
  const auto ask = [&](auto query, int calls) {
    for (int call = 0; call < calls; ++call) {
      Report report(store_, {"clicks", "weir"}, knows_every_lag, kept_bytes);
      store_.fail_call(call, away);
      const auto answer = query(report);
      ASSERT_FALSE(answer) << "call " << call;
      EXPECT_EQ(answer.error().code, "store_away");
    }
    Report report(store_, {"clicks", "weir"}, knows_every_lag, kept_bytes);
    store_.fail_call(calls, away);
    EXPECT_TRUE(query(report));
    store_.fail_call(0, away);
    EXPECT_FALSE(store_.snapshot());  // consumes the failure
  };
  const auto summary = [](Report& report) {
    return report.summary({.range = first_day, .compare_previous = true});
  };
  const auto top = [](Report& report) { return report.top({.range = first_day}); };
  const auto top_by_users = [](Report& report) {
    return report.top({.range = first_day, .sort = Sort::unique_users});
  };
  ask(summary, 4);
  ask([](Report& report) { return report.series({.range = first_day}); }, 3);
  // snapshot, horizons, counts, users of the best, counts of all
  ask(top, 5);
  ask(top_by_users, 5);
  ask([](Report& report) { return report.dimensions(); }, 2);
  ask([](Report& report) { return report.ledger(june_1); }, 2);
  // The marks of the days are read, too.
  kept_bytes = 1 << 20;
  ask(summary, 5);
  ask(top, 6);
  ask(top_by_users, 6);
}

TEST_F(ReportTest, ReturnsAnInternalErrorForABrokenSketch) {
  store_.put(
      tally::WindowRow{.key = {.granularity = Granularity::day, .start = june_1}, .events = 1, .users = "?"});
  const auto answer = report_.summary({.range = first_day});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::internal);
}

TEST_F(ReportTest, ReturnsTheLagOfEachPartition) {
  tally::LedgerRow row{.partition = 1, .start_offset = 5, .next_offset = 15, .read = 10, .tallied = 10};
  row.observed = {.log_end_offset = 18, .oldest_unread_at = june_1 + 2s, .observed_at = june_1 + 4s};
  store_.put(row);
  row.partition = 0;
  row.observed = {.log_end_offset = 15, .oldest_unread_at = std::nullopt, .observed_at = june_1 + 6s};
  store_.put(row);
  const auto answer = report_.ledger(june_1 + 5s);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->topic, "clicks");
  EXPECT_EQ(answer->group_id, "weir");
  ASSERT_EQ(answer->lines.size(), 2u);
  EXPECT_EQ(answer->lines[0].lag, 0);
  EXPECT_EQ(answer->lines[0].oldest_unread_age, 0ms);
  EXPECT_EQ(answer->lines[0].observed_age, 0ms);
  EXPECT_EQ(answer->lines[1].row.partition, 1);
  EXPECT_EQ(answer->lines[1].lag, 3);
  EXPECT_EQ(answer->lines[1].oldest_unread_age, 3s);
  EXPECT_EQ(answer->lines[1].observed_age, 1s);
}

TEST_F(ReportTest, ReturnsNoLagIfTheObservationIsTooOld) {
  tally::LedgerRow row{.partition = 0, .next_offset = 10};
  row.observed = {.log_end_offset = 10, .oldest_unread_at = std::nullopt, .observed_at = june_1};
  store_.put(row);
  row.partition = 1;
  row.observed = {.log_end_offset = 12, .oldest_unread_at = june_1 - 1s, .observed_at = june_1};
  store_.put(row);
  const auto fresh = report_.ledger(june_1 + observation_age_max);
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->lines[0].lag, 0);
  EXPECT_EQ(fresh->lines[0].oldest_unread_age, 0ms);
  const auto stale = report_.ledger(june_1 + observation_age_max + 1ms);
  ASSERT_TRUE(stale);
  EXPECT_EQ(stale->lines[0].lag, std::nullopt);
  EXPECT_EQ(stale->lines[0].oldest_unread_age, std::nullopt);
  EXPECT_EQ(stale->lines[1].lag, std::nullopt);
  EXPECT_EQ(stale->lines[1].oldest_unread_age, observation_age_max + 1001ms) << "that record still waits";
}

TEST_F(ReportTest, ReturnsNoLagOfAnAssignedPartitionThatIsNotCounted) {
  tally::LedgerRow row{.partition = 0, .next_offset = 10};
  row.observed = {.log_end_offset = 10, .oldest_unread_at = std::nullopt, .observed_at = june_1};
  store_.put(row);
  row.partition = 1;
  store_.put(row);
  Report report(store_, {"clicks", "weir"}, [](std::int32_t partition) { return partition != 1; });
  const auto answer = report.ledger(june_1);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->lines[0].lag, 0);
  EXPECT_EQ(answer->lines[1].lag, std::nullopt);
  EXPECT_EQ(answer->lines[1].oldest_unread_age, std::nullopt);
}

}  // namespace
}  // namespace weir::report
