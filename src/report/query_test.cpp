#include "report/query.hpp"

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
constexpr WallTime june_1 = std::chrono::sys_days(std::chrono::June / 1 / 2026);

TEST(Question, AsksForTheLastDayUnlessToldOtherwise) {
  const auto query = parse_summary_query({}, now);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->range.from, now - 24h);
  EXPECT_EQ(query->range.to, now);
  EXPECT_EQ(query->filter, std::nullopt);
  EXPECT_FALSE(query->compare_previous);
}

TEST(Question, TakesItsRangeFromFromAndTo) {
  struct Case {
    const char* claim;
    Pairs parameters;
    WallTime from;
    WallTime to;
  };
  const Case cases[] = {
      {"both", {{"from", "2026-06-01T00:00:00Z"}, {"to", "2026-06-01T01:00:00Z"}}, june_1, june_1 + 1h},
      {"with an offset", {{"from", "2026-06-01T02:00:00+02:00"}}, june_1, now},
      {"a plus that became a space", {{"from", "2026-06-01T02:00:00 02:00"}}, june_1, now},
      {"to alone is the end of a day", {{"to", "2026-06-02T00:00:00Z"}}, june_1, june_1 + 24h},
      {"outward to milliseconds",
       {{"from", "2026-06-01T00:00:00.0009Z"}, {"to", "2026-06-01T00:59:59.9991Z"}},
       june_1,
       june_1 + 1h},
      {"any year of four digits",
       {{"from", "0001-01-01T00:00:00Z"}, {"to", "9999-12-31T00:00:00Z"}},
       std::chrono::sys_days(std::chrono::year(1) / 1 / 1),
       std::chrono::sys_days(std::chrono::year(9999) / 12 / 31)},
  };
  for (const auto& [claim, parameters, from, to] : cases) {
    const auto query = parse_summary_query(parameters, now);
    ASSERT_TRUE(query) << claim << ": " << query.error().text;
    EXPECT_EQ(query->range.from, from) << claim;
    EXPECT_EQ(query->range.to, to) << claim;
  }
}

struct Refusal {
  Pairs parameters;
  std::string_view code;
  std::vector<std::string_view> words;  // that its text must hold: the name,
                                        // what was found, what was expected
};

template <class Read>
void expect_refusals(const std::vector<Refusal>& refusals, Read read) {
  for (const auto& [parameters, code, words] : refusals) {
    const auto query = read(parameters);
    ASSERT_FALSE(query) << words.front();
    EXPECT_EQ(query.error().kind, ErrorKind::invalid);
    EXPECT_EQ(query.error().code, code);
    for (const auto word : words) EXPECT_TRUE(query.error().text.contains(word)) << query.error().text;
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
  expect_refusals(refusals, [](const Pairs& pairs) { return parse_summary_query(pairs, now); });
  expect_refusals(refusals, [](const Pairs& pairs) { return parse_series_query(pairs, now); });
}

TEST(Question, QuotesATimeAsItWasSent) {
  const auto query = parse_summary_query(Pairs{{"from", "2026-06-01T02:00:00 25:00"}}, now);
  ASSERT_FALSE(query);
  EXPECT_TRUE(query.error().text.contains("\"2026-06-01T02:00:00 25:00\"")) << query.error().text;
  EXPECT_FALSE(query.error().text.contains("+25:00")) << query.error().text;
}

TEST(Question, QuotesOnlyTheBeginningOfALongBadValue) {
  const Pairs parameters{{"from", std::string(5000, 'x')}};
  const auto query = parse_summary_query(parameters, now);
  ASSERT_FALSE(query);
  EXPECT_LT(query.error().text.size(), 400u);
}

TEST(Question, FiltersByOneDimension) {
  for (const auto dimension : {Dimension::activity_type, Dimension::page, Dimension::referrer}) {
    const Pairs parameters{{std::string(name_of(dimension)), "/a b"}};
    const auto summary = parse_summary_query(parameters, now);
    ASSERT_TRUE(summary);
    EXPECT_EQ(summary->filter, (Filter{dimension, "/a b"}));
    const auto series = parse_series_query(parameters, now);
    ASSERT_TRUE(series);
    EXPECT_EQ(series->filter, (Filter{dimension, "/a b"}));
  }
}

TEST(Question, NormalisesAFilterAsStoredValuesAre) {
  struct Case {
    Dimension dimension;
    std::string asked;
    std::string stored;
  };
  const Case cases[] = {{Dimension::page, "/a", "/a"},
                        {Dimension::page, "/a?utm_source=x#top", "/a"},
                        {Dimension::page, "https://example.org/a?b", "/a"},
                        {Dimension::page, "https://example.org", "/"},
                        {Dimension::page, "(none)", "(none)"},
                        {Dimension::page, "//a/b?c", "//a/b"},
                        {Dimension::page, "/" + std::string(3000, 'x'), "/" + std::string(2047, 'x')},
                        {Dimension::referrer, "example.org", "example.org"},
                        {Dimension::referrer, "Example.ORG", "example.org"},
                        {Dimension::referrer, "https://user@Example.org:8080/a", "example.org"},
                        {Dimension::referrer, "example.org:8080", "example.org"},
                        {Dimension::referrer, "[::1]", "[::1]"},
                        {Dimension::referrer, "(direct)", "(direct)"},
                        {Dimension::referrer, "(unknown)", "(unknown)"},
                        {Dimension::referrer, "(other)", "(other)"},
                        {Dimension::referrer, "no host", "no host"},
                        {Dimension::activity_type, "Click", "Click"}};
  for (const auto& [dimension, asked, stored] : cases) {
    const auto query = parse_summary_query(Pairs{{std::string(name_of(dimension)), asked}}, now);
    ASSERT_TRUE(query) << asked;
    EXPECT_EQ(query->filter, (Filter{dimension, stored})) << asked;
  }
}

TEST(Question, RefusesTwoFiltersAndEmptyOnes) {
  const std::vector<Refusal> refusals{
      {{{"page", "/"}, {"referrer", "a.org"}}, "two_filters", {"page", "referrer", "pairs"}},
      {{{"activity_type", "click"}, {"page", "/"}}, "two_filters", {"activity_type", "page"}},
      {{{"page", ""}}, "bad_parameter", {"page", "a value"}},
      {{{"page", std::string("/a\0", 3)}}, "bad_parameter", {"page", "U+0000"}},
      {{{"referrer", "\xff"}}, "bad_parameter", {"referrer", "UTF-8"}},
      {{{"page", "/a"}, {"page", "/b"}}, "repeated_parameter", {"page", "more than once"}},
      {{{"page", "/a"}, {"page", "/a"}}, "repeated_parameter", {"page", "more than once"}},
  };
  expect_refusals(refusals, [](const Pairs& pairs) { return parse_summary_query(pairs, now); });
  expect_refusals(refusals, [](const Pairs& pairs) { return parse_series_query(pairs, now); });
}

TEST(Question, RefusesFiltersWhereTheyDoNotBelong) {
  const std::vector<Refusal> refusals{
      {{{"dimension", "page"}, {"page", "/"}}, "filter_not_here", {"page", "summary and timeseries"}},
      {{{"dimension", "page"}, {"activity_type", "x"}}, "filter_not_here", {"activity_type", "dimension"}},
      {{{"dimension", "page"}, {"referrer", "x"}}, "filter_not_here", {"referrer"}},
  };
  expect_refusals(refusals, [](const Pairs& pairs) { return parse_top_query(pairs, now); });
  expect_refusals({{{{"page", "/"}}, "filter_not_here", {"page", "ledger"}}},
                  [](const Pairs& pairs) { return check_ledger_query(pairs); });
  EXPECT_TRUE(check_ledger_query({}));
}

TEST(Question, ComparesWithThePreviousRangeOnly) {
  const auto query = parse_summary_query(Pairs{{"compare", "previous"}}, now);
  ASSERT_TRUE(query);
  EXPECT_TRUE(query->compare_previous);
  expect_refusals({{{{"compare", "next"}}, "bad_parameter", {"compare", "'next'", "previous"}}},
                  [](const Pairs& pairs) { return parse_summary_query(pairs, now); });
}

TEST(Question, ChoosesAnIntervalThatSuitsTheRange) {
  struct Case {
    const char* from;
    Interval interval;
  };
  const Case cases[] = {{"2026-06-15T06:34:56.789Z", Interval::minute},
                        {"2026-06-15T06:34:00Z", Interval::hour},
                        {"2026-06-02T00:00:00Z", Interval::hour},
                        {"2026-06-01T00:00:00Z", Interval::day}};
  for (const auto& [from, interval] : cases) {
    const auto query = parse_series_query(Pairs{{"from", from}}, now);
    ASSERT_TRUE(query);
    EXPECT_EQ(query->interval, interval) << from;
  }
}

TEST(Question, TakesTheIntervalItIsTold) {
  for (const std::string_view name : interval_names) {
    const auto query = parse_series_query(Pairs{{"interval", std::string(name)}}, now);
    ASSERT_TRUE(query);
    EXPECT_EQ(name_of(query->interval), name);
    EXPECT_TRUE(query->zone.is_utc());
  }
  EXPECT_EQ(parse_series_query(Pairs{{"tz", "Europe/Berlin"}}, now)->zone.name(), "Europe/Berlin");
  EXPECT_TRUE(parse_series_query(Pairs{{"tz", "UTC"}}, now));
  expect_refusals(
      {{{{"interval", "year"}}, "bad_parameter", {"interval", "'year'", "minute, hour, day, week or month"}},
       {{{"tz", "Berlin"}}, "unknown_time_zone", {"tz", "'Berlin'", "UTC"}}},
      [](const Pairs& pairs) { return parse_series_query(pairs, now); });
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
    const auto query = parse_top_query(parameters, now);
    ASSERT_TRUE(query);
    EXPECT_EQ(query->sort, sort);
    EXPECT_EQ(query->limit, 10u);
  }
}

TEST(Question, LimitsATopListTo500Rows) {
  for (const std::size_t limit : {1u, 500u}) {
    const auto query = parse_top_query(Pairs{{"dimension", "page"}, {"limit", std::to_string(limit)}}, now);
    ASSERT_TRUE(query);
    EXPECT_EQ(query->limit, limit);
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
  expect_refusals(refusals, [](const Pairs& pairs) { return parse_top_query(pairs, now); });
}

TEST(Question, RefusesAParameterThatIsNotKnownOrGivenTwice) {
  const std::vector<Refusal> everywhere{
      {{{"utm_source", "x"}}, "unknown_parameter", {"'utm_source'", "expected from, to"}},
      {{{"Page", "/"}}, "unknown_parameter", {"'Page'"}},
      {{{"", ""}}, "unknown_parameter", {"''"}},
      {{{"from", "2026-06-01T00:00:00Z"}, {"from", "2026-06-02T00:00:00Z"}}, "repeated_parameter", {"from"}},
      {{{"format", "json"}, {"format", "json"}}, "repeated_parameter", {"format"}},
  };
  expect_refusals(everywhere, [](const Pairs& pairs) { return parse_summary_query(pairs, now); });
  expect_refusals(everywhere, [](const Pairs& pairs) { return parse_series_query(pairs, now); });
  expect_refusals(everywhere, [](const Pairs& pairs) { return parse_top_query(pairs, now); });
  expect_refusals({{{{"interval", "hour"}}, "unknown_parameter", {"'interval'", "compare"}}},
                  [](const Pairs& pairs) { return parse_summary_query(pairs, now); });
  expect_refusals({{{{"compare", "previous"}}, "unknown_parameter", {"'compare'", "interval"}}},
                  [](const Pairs& pairs) { return parse_series_query(pairs, now); });
  expect_refusals({{{{"from", "2026-06-01T00:00:00Z"}}, "unknown_parameter", {"'from'", "format"}},
                   {{{"format", "json"}, {"format", "json"}}, "repeated_parameter", {"format"}}},
                  [](const Pairs& pairs) { return check_ledger_query(pairs); });
  EXPECT_TRUE(parse_top_query(Pairs{{"dimension", "page"}, {"format", "csv"}}, now));
}

// Dimensions of DIMENSIONS.

constexpr Dimension country = tally::first_own_dimension;

std::vector<tally::KnownDimension> with_country() {
  auto known = tally::built_in_known_dimensions();
  known.push_back({country, "country", "metadata.country", now});
  return known;
}

TEST(Question, NamesAnOwnDimensionAsABuiltInOne) {
  const auto known = with_country();
  const Pairs filter{{"country", "DE"}};
  const auto summary = parse_summary_query(filter, now, known);
  ASSERT_TRUE(summary) << summary.error().text;
  EXPECT_EQ(summary->filter, (Filter{country, "DE"}));
  EXPECT_EQ(parse_series_query(filter, now, known)->filter, (Filter{country, "DE"}));
  EXPECT_EQ(parse_summary_query(Pairs{{"country", std::string(300, 'x')}}, now, known)->filter,
            (Filter{country, std::string(256, 'x')}))
      << "as stored values are";
  const auto top = parse_top_query(Pairs{{"dimension", "country"}}, now, known);
  ASSERT_TRUE(top) << top.error().text;
  EXPECT_EQ(top->dimension, country);
  EXPECT_EQ(top->dimension_name, "country");
  EXPECT_EQ(top->sort, Sort::events);
}

TEST(Question, RefusesAnOwnDimensionAsABuiltInOne) {
  const auto known = with_country();
  expect_refusals({{{{"country", "DE"}, {"page", "/"}}, "two_filters", {"page", "country", "pairs"}},
                   {{{"country", ""}}, "bad_parameter", {"country", "a value"}},
                   {{{"land", "DE"}}, "unknown_parameter", {"'land'", "country"}}},
                  [&](const Pairs& pairs) { return parse_summary_query(pairs, now, known); });
  expect_refusals({{{{"dimension", "land"}}, "bad_parameter", {"'land'", "activity_type or country"}},
                   {{{"dimension", "page"}, {"country", "DE"}}, "filter_not_here", {"country"}}},
                  [&](const Pairs& pairs) { return parse_top_query(pairs, now, known); });
  expect_refusals({{{{"country", "DE"}}, "filter_not_here", {"country", "ledger"}}},
                  [&](const Pairs& pairs) { return check_ledger_query(pairs, known); });
}

TEST(Question, KnowsWhetherTheStoreMustSayWhatItNames) {
  for (const Pairs& parameters :
       {Pairs{{"country", "DE"}}, Pairs{{"from", "x"}, {"plan", ""}}, Pairs{{"dimension", "country"}}})
    EXPECT_TRUE(names_own_dimension(parameters));
  for (const Pairs& parameters :
       {Pairs{}, Pairs{{"from", "x"}, {"page", "country"}}, Pairs{{"dimension", "page"}},
        Pairs{{"dimension", "No Name"}}, Pairs{{"Country", "DE"}}, Pairs{{"tz", "x"}}})
    EXPECT_FALSE(names_own_dimension(parameters));
}

TEST(Question, AboutDimensionsHasNoParameters) {
  EXPECT_TRUE(check_dimensions_query(Pairs{{"format", "csv"}}));
  expect_refusals({{{{"from", "x"}}, "unknown_parameter", {"'from'"}}},
                  [](const Pairs& pairs) { return check_dimensions_query(pairs); });
}

TEST(ApiParameter, IsNoDimension) {
  for (const char* const name :
       {"from", "to", "interval", "tz", "compare", "dimension", "sort", "limit", "format"})
    EXPECT_TRUE(is_api_parameter(name)) << name;
  for (const Dimension dimension : tally::all_dimensions) EXPECT_FALSE(is_api_parameter(name_of(dimension)));
}

}  // namespace
}  // namespace weir::report
