#include "report/export.hpp"

#include <gtest/gtest.h>

#include "report/testing/counted_events.hpp"

namespace weir::report {
namespace {

using namespace std::chrono_literals;

constexpr WindowStart june_1{std::chrono::sys_days(std::chrono::June / 1 / 2026)};
constexpr WallTime now = june_1 + 48h;
using Pairs = std::vector<std::pair<std::string, std::string>>;

class Export : public ::testing::Test {
 protected:
  Export() {
    testing::fill(store_,
                  {{.at = june_1 + 1h, .user = "ann", .page = "/a"},
                   {.at = june_1 + 2h, .user = "ben", .page = "/a"},
                   {.at = june_1 + 3h, .user = "ann", .page = "=b"},
                   {.at = june_1 + 30h, .user = "ann", .type = "click", .page = "/a"}},
                  2);
  }
  std::string exported(Pairs parameters, std::size_t rows_max = 1000) {
    parameters.emplace_back("from", "2026-06-01T00:00:00Z");
    const auto query = parse_export_query(parameters, now);
    EXPECT_TRUE(query) << query.error().text;
    std::string text = export_head(*query);
    std::size_t rows = 0;
    const auto done = report_.export_rows(*query, [&](const ExportRow& row) {
      append_export_row(text, *query, row);
      return ++rows < rows_max;
    });
    EXPECT_TRUE(done) << done.error().text;
    return text;
  }

  FakeMetricsReader store_;
  Report report_{store_, {"clicks", "weir"}};
};

TEST_F(Export, WritesOneRowWithoutIntervalAndDimension) {
  EXPECT_EQ(exported({}), "time,events,page_views,unique_users\r\n2026-06-01T00:00:00Z,4,3,2\r\n");
}

TEST_F(Export, WritesARowForEachInterval) {
  EXPECT_EQ(exported({{"interval", "day"}, {"format", "ndjson"}}),
            R"({"time":"2026-06-01T00:00:00Z","events":3,"page_views":3,"unique_users":2})"
            "\n"
            R"({"time":"2026-06-02T00:00:00Z","events":1,"page_views":0,"unique_users":1})"
            "\n");
}

TEST_F(Export, WritesARowForEachValueAndProtectsCells) {
  EXPECT_EQ(exported({{"dimension", "page"}}),
            "time,page,events,page_views,unique_users\r\n"
            "2026-06-01T00:00:00Z,/a,3,2,2\r\n"
            "2026-06-01T00:00:00Z,'=b,1,1,1\r\n");
}

TEST_F(Export, WritesARowForEachIntervalAndValue) {
  EXPECT_EQ(exported({{"dimension", "page"}, {"interval", "month"}, {"tz", "Europe/Berlin"}}),
            "time,page,events,page_views,unique_users\r\n"
            "2026-05-31T22:00:00Z,/a,3,2,2\r\n"
            "2026-05-31T22:00:00Z,'=b,1,1,1\r\n");
}

// A total row whose events have no value: their window was full, or the dimension was not counted yet.
TEST_F(Export, WritesWhatTheValuesLackAsOther) {
  tally::Sketch users;
  users.add(1);
  store_.put(tally::WindowRow{.key = {.granularity = tally::Granularity::day, .start = june_1},
                              .events = 12,
                              .page_views = 2,
                              .users = users.encode()});
  const std::string text = exported({{"dimension", "page"}, {"format", "ndjson"}});
  EXPECT_TRUE(
      text.ends_with(R"json({"time":"2026-06-01T00:00:00Z","value":"(other)","events":10,"page_views":0,)json"
                     R"json("unique_users":null})json"
                     "\n"))
      << text;
}

TEST_F(Export, EndsWhenNoMoreRowsAreWanted) {
  EXPECT_EQ(exported({{"dimension", "page"}}, 1),
            "time,page,events,page_views,unique_users\r\n2026-06-01T00:00:00Z,/a,3,2,2\r\n");
}

TEST(ExportQuery, NamesWhatIsWrong) {
  const std::pair<Pairs, const char*> cases[] = {
      {{{"format", "json"}}, "format is 'json'; expected csv or ndjson"},
      {{{"interval", "year"}}, "interval is 'year'; expected minute, hour, day, week or month"},
      {{{"page", "/a"}}, "page filters summary and timeseries only"},
      {{{"limit", "1"}}, "'limit' is not a parameter"},
      {{{"dimension", "total"}}, "dimension is 'total'"}};
  for (const auto& [parameters, words] : cases) {
    const auto query = parse_export_query(parameters, now);
    ASSERT_FALSE(query) << words;
    EXPECT_TRUE(query.error().text.starts_with(words)) << query.error().text;
  }
}

TEST_F(Export, RefusesTooManyIntervals) {
  const auto query = parse_export_query(Pairs{{"from", "1990-01-01T00:00:00Z"}, {"interval", "minute"}}, now);
  const auto done = report_.export_rows(*query, [](const ExportRow&) { return true; });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, "too_many_points");
}

}  // namespace
}  // namespace weir::report
