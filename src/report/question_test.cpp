#include "report/question.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace weir::report {
namespace {

using namespace std::chrono_literals;
using tally::Dimension;
using tally::Granularity;
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr WallTime now = std::chrono::sys_days(std::chrono::June / 15 / 2026) + 12h + 34min + 56s + 789ms;
constexpr EventTime june_1 = std::chrono::sys_days(std::chrono::June / 1 / 2026);

TEST(Question, AsksForTheLastDayUnlessToldOtherwise) {
  const auto question = read_summary_question({}, now);
  ASSERT_TRUE(question);
  EXPECT_EQ(question->range.from, EventTime(now - 24h));
  EXPECT_EQ(question->range.to, EventTime(now));
  EXPECT_EQ(question->filter, std::nullopt);
  EXPECT_FALSE(question->compare_previous);
}

TEST(Question, TakesItsRangeFromFromAndTo) {
  struct Case {
    const char* claim;
    Pairs parameters;
    EventTime from;
    EventTime to;
  };
  const Case cases[] = {
      {"both", {{"from", "2026-06-01T00:00:00Z"}, {"to", "2026-06-01T01:00:00Z"}}, june_1, june_1 + 1h},
      {"with an offset", {{"from", "2026-06-01T02:00:00+02:00"}}, june_1, now},
      {"a plus that became a space", {{"from", "2026-06-01T02:00:00 02:00"}}, june_1, now},
      {"to alone is the end of a day", {{"to", "2026-06-02T00:00:00Z"}}, june_1, june_1 + 24h},
      {"the last of two counts",
       {{"from", "yesterday"}, {"from", "2026-06-01T00:00:00Z"}, {"to", "2026-06-01T01:00:00Z"}},
       june_1,
       june_1 + 1h},
  };
  for (const auto& [claim, parameters, from, to] : cases) {
    const auto question = read_summary_question(parameters, now);
    ASSERT_TRUE(question) << claim << ": " << question.error().text;
    EXPECT_EQ(question->range.from, from) << claim;
    EXPECT_EQ(question->range.to, to) << claim;
  }
}

struct Refusal {
  Pairs parameters;
  std::string_view code;
  std::vector<std::string_view>
      words;  // that its text must hold: the name, what was found, what was expected
};

template <class Read>
void expect_refusals(const std::vector<Refusal>& refusals, Read read) {
  for (const auto& [parameters, code, words] : refusals) {
    const auto question = read(parameters);
    ASSERT_FALSE(question) << words.front();
    EXPECT_EQ(question.error().move, Move::caller);
    EXPECT_EQ(question.error().code, code);
    for (const auto word : words) EXPECT_TRUE(question.error().text.contains(word)) << question.error().text;
  }
}

TEST(Question, RefusesABadRangeByName) {
  const std::vector<Refusal> refusals{
      {{{"from", "yesterday"}}, "bad_parameter", {"from", "\"yesterday\"", "RFC 3339"}},
      {{{"from", ""}}, "bad_parameter", {"from", "\"\"", "RFC 3339"}},
      {{{"to", "2026-06-01"}}, "bad_parameter", {"to", "\"2026-06-01\"", "RFC 3339"}},
      {{{"from", "2026-06-01T00:00:00Z"}, {"to", "2026-06-01T00:00:00Z"}},
       "bad_parameter",
       {"from", "before to"}},
      {{{"from", "2026-06-02T00:00:00Z"}, {"to", "2026-06-01T00:00:00Z"}},
       "bad_parameter",
       {"from", "before to"}},
      {{{"from", "2027-01-01T00:00:00Z"}}, "bad_parameter", {"from", "2027-01-01", "before now"}},
  };
  expect_refusals(refusals, [](const Pairs& pairs) { return read_summary_question(pairs, now); });
  expect_refusals(refusals, [](const Pairs& pairs) { return read_series_question(pairs, now); });
}

TEST(Question, QuotesOnlyTheBeginningOfALongBadValue) {
  const Pairs parameters{{"from", std::string(5000, 'x')}};
  const auto question = read_summary_question(parameters, now);
  ASSERT_FALSE(question);
  EXPECT_LT(question.error().text.size(), 400u);
}

TEST(Question, FiltersByOneDimension) {
  for (const auto dimension : {Dimension::activity_type, Dimension::page, Dimension::referrer}) {
    const Pairs parameters{{std::string(name_of(dimension)), "/a b"}};
    const auto summary = read_summary_question(parameters, now);
    ASSERT_TRUE(summary);
    EXPECT_EQ(summary->filter, (Filter{dimension, "/a b"}));
    const auto series = read_series_question(parameters, now);
    ASSERT_TRUE(series);
    EXPECT_EQ(series->filter, (Filter{dimension, "/a b"}));
  }
}

TEST(Question, RefusesTwoFiltersAndEmptyOnes) {
  const std::vector<Refusal> refusals{
      {{{"page", "/"}, {"referrer", "a.org"}}, "two_filters", {"page", "referrer", "pairs"}},
      {{{"activity_type", "click"}, {"page", "/"}}, "two_filters", {"activity_type", "page"}},
      {{{"page", ""}}, "bad_parameter", {"page", "a value"}},
  };
  expect_refusals(refusals, [](const Pairs& pairs) { return read_summary_question(pairs, now); });
  expect_refusals(refusals, [](const Pairs& pairs) { return read_series_question(pairs, now); });
}

TEST(Question, RefusesFiltersWhereTheyDoNotBelong) {
  const std::vector<Refusal> refusals{
      {{{"dimension", "page"}, {"page", "/"}}, "filter_not_here", {"page", "summary and timeseries"}},
      {{{"dimension", "page"}, {"activity_type", "x"}}, "filter_not_here", {"activity_type", "dimension"}},
      {{{"dimension", "page"}, {"referrer", "x"}}, "filter_not_here", {"referrer"}},
  };
  expect_refusals(refusals, [](const Pairs& pairs) { return read_top_question(pairs, now); });
  expect_refusals({{{{"page", "/"}}, "filter_not_here", {"page", "ledger"}}}, check_ledger_question);
  EXPECT_TRUE(check_ledger_question({}));
}

TEST(Question, ComparesWithThePreviousRangeOnly) {
  const auto question = read_summary_question(Pairs{{"compare", "previous"}}, now);
  ASSERT_TRUE(question);
  EXPECT_TRUE(question->compare_previous);
  expect_refusals({{{{"compare", "next"}}, "bad_parameter", {"compare", "'next'", "previous"}}},
                  [](const Pairs& pairs) { return read_summary_question(pairs, now); });
}

TEST(Question, ChoosesAnIntervalThatSuitsTheRange) {
  struct Case {
    const char* from;
    Granularity interval;
  };
  const Case cases[] = {{"2026-06-15T06:34:56.789Z", Granularity::minute},
                        {"2026-06-15T06:34:00Z", Granularity::hour},
                        {"2026-06-02T00:00:00Z", Granularity::hour},
                        {"2026-06-01T00:00:00Z", Granularity::day}};
  for (const auto& [from, interval] : cases) {
    const auto question = read_series_question(Pairs{{"from", from}}, now);
    ASSERT_TRUE(question);
    EXPECT_EQ(question->interval, interval) << from;
  }
}

TEST(Question, TakesTheIntervalItIsTold) {
  for (const auto interval : tally::all_granularities) {
    const auto question = read_series_question(Pairs{{"interval", std::string(name_of(interval))}}, now);
    ASSERT_TRUE(question);
    EXPECT_EQ(question->interval, interval);
  }
  EXPECT_TRUE(read_series_question(Pairs{{"tz", "UTC"}}, now));
  expect_refusals({{{{"interval", "week"}}, "bad_parameter", {"interval", "'week'", "minute, hour or day"}},
                   {{{"tz", "Europe/Berlin"}}, "bad_parameter", {"tz", "'Europe/Berlin'", "UTC"}}},
                  [](const Pairs& pairs) { return read_series_question(pairs, now); });
}

TEST(Question, SortsATopListAsItsDimensionAsks) {
  struct Case {
    Pairs parameters;
    Sort sort;
  };
  const Case cases[] = {{{{"dimension", "page"}}, Sort::page_views},
                        {{{"dimension", "referrer"}}, Sort::page_views},
                        {{{"dimension", "activity_type"}}, Sort::events},
                        {{{"dimension", "page"}, {"sort", "events"}}, Sort::events},
                        {{{"dimension", "activity_type"}, {"sort", "page_views"}}, Sort::page_views},
                        {{{"dimension", "page"}, {"sort", "unique_users"}}, Sort::unique_users}};
  for (const auto& [parameters, sort] : cases) {
    const auto question = read_top_question(parameters, now);
    ASSERT_TRUE(question);
    EXPECT_EQ(question->sort, sort);
    EXPECT_EQ(question->limit, 10u);
  }
}

TEST(Question, LimitsATopListTo500Rows) {
  for (const std::size_t limit : {1u, 500u}) {
    const auto question =
        read_top_question(Pairs{{"dimension", "page"}, {"limit", std::to_string(limit)}}, now);
    ASSERT_TRUE(question);
    EXPECT_EQ(question->limit, limit);
  }
  std::vector<Refusal> refusals{
      {{}, "bad_parameter", {"dimension", "missing"}},
      {{{"dimension", "total"}},
       "bad_parameter",
       {"dimension", "'total'", "page, referrer or activity_type"}},
      {{{"dimension", "page"}, {"sort", "name"}}, "bad_parameter", {"sort", "'name'", "page_views"}},
  };
  for (const auto* limit : {"0", "501", "-1", "+5", "1e2", "", " 5", "5 ", "99999999999999999999999"})
    refusals.push_back({{{"dimension", "page"}, {"limit", limit}}, "bad_parameter", {"limit", "1 to 500"}});
  expect_refusals(refusals, [](const Pairs& pairs) { return read_top_question(pairs, now); });
}

TEST(Question, PassesOverWhatItDoesNotKnow) {
  EXPECT_TRUE(read_summary_question(Pairs{{"utm_source", "x"}, {"interval", "week"}}, now));
}

}  // namespace
}  // namespace weir::report
