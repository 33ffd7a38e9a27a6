#include "report/answer_text.hpp"

#include <gtest/gtest.h>

namespace weir::report {
namespace {

using namespace std::chrono_literals;
using tally::Dimension;
using tally::Granularity;

constexpr WindowStart june_1 = std::chrono::sys_days(std::chrono::June / 1 / 2026);
constexpr UsedRange an_hour{june_1, june_1 + 1h, Granularity::minute};

TEST(AnswerText, TellsASummary) {
  const SummaryAnswer answer{{an_hour, {12, 7, 5}, 0}, std::nullopt};
  EXPECT_EQ(to_json(answer), R"({"from":"2026-06-01T00:00:00Z","to":"2026-06-01T01:00:00Z",)"
                             R"("events":12,"page_views":7,"unique_users":5,"unique_users_error":0})");
}

TEST(AnswerText, TellsTheResolutionWhereItIsCoarser) {
  const UsedRange range{june_1, june_1 + 1h, Granularity::hour};
  const SummaryAnswer answer{{range, {12, 7, 5}, 0.0081}, Summary{range, {1, 1, 1}, 0}};
  EXPECT_EQ(to_json(answer),
            R"({"from":"2026-06-01T00:00:00Z","to":"2026-06-01T01:00:00Z","resolution":"hour",)"
            R"("events":12,"page_views":7,"unique_users":5,"unique_users_error":0.0081,)"
            R"("previous":{"from":"2026-06-01T00:00:00Z","to":"2026-06-01T01:00:00Z","resolution":"hour",)"
            R"("events":1,"page_views":1,"unique_users":1,"unique_users_error":0}})");
}

TEST(AnswerText, TellsASeries) {
  SeriesAnswer answer{
      .range = an_hour, .interval = Interval::minute, .points = {{june_1, {1, 0, 1}}, {june_1 + 1min, {}}}};
  EXPECT_EQ(to_json(answer),
            R"({"from":"2026-06-01T00:00:00Z","to":"2026-06-01T01:00:00Z","interval":"minute","points":[)"
            R"({"time":"2026-06-01T00:00:00Z","events":1,"page_views":0,"unique_users":1},)"
            R"({"time":"2026-06-01T00:01:00Z","events":0,"page_views":0,"unique_users":0}]})");
  answer.zone = TimeZone::find("Asia/Kolkata").value();
  answer.rounded = true;
  EXPECT_TRUE(to_json(answer).contains(R"(,"tz":"Asia/Kolkata","rounded":true,"interval":"minute",)"));
  EXPECT_EQ(to_csv(answer),
            "time,events,page_views,unique_users\r\n"
            "2026-06-01T00:00:00Z,1,0,1\r\n"
            "2026-06-01T00:01:00Z,0,0,0\r\n");
}

TEST(AnswerText, TellsATopList) {
  const TopAnswer answer{an_hour, "page", {{"/\"<b>", {3, 2, 1}}, {"=cmd|' /C calc'!A0", {1, 1, 1}}}, 9, 8};
  EXPECT_EQ(to_json(answer),
            R"({"from":"2026-06-01T00:00:00Z","to":"2026-06-01T01:00:00Z","dimension":"page","rows":[)"
            R"({"value":"/\"<b>","events":3,"page_views":2,"unique_users":1},)"
            R"({"value":"=cmd|' /C calc'!A0","events":1,"page_views":1,"unique_users":1}],)"
            R"("other":{"events":9,"page_views":8}})");
  EXPECT_EQ(to_csv(answer),
            "page,events,page_views,unique_users\r\n"
            "\"/\"\"<b>\",3,2,1\r\n"
            "'=cmd|' /C calc'!A0,1,1,1\r\n");
}

TEST(AnswerText, TellsTheDimensionsWithoutTheTotal) {
  const DimensionsAnswer answer{{{Dimension::total, "total", "", {}},
                                 {Dimension::page, "page", "metadata.page_url", {}},
                                 {tally::first_own_dimension, "eq", "metadata.a,b",
                                  WallTime{std::chrono::milliseconds{1'764'000'000'123}}}}};
  EXPECT_EQ(to_json(answer), R"({"dimensions":[{"name":"page","source":"metadata.page_url","since":null},)"
                             R"({"name":"eq","source":"metadata.a,b","since":"2025-11-24T16:00:00.123Z"}]})");
  EXPECT_EQ(to_csv(answer),
            "name,source,since\r\n"
            "page,metadata.page_url,\r\n"
            "eq,\"metadata.a,b\",2025-11-24T16:00:00.123Z\r\n");
}

TEST(AnswerText, TellsTheLedgerWithItsSums) {
  tally::LedgerRow row{
      .partition = 0, .start_offset = 2, .next_offset = 12, .version = 3, .read = 9, .tallied = 7};
  row.duplicate = 1;
  row.dead_lettered = 1;
  row.skipped = 1;
  row.observed = {.log_end_offset = 15, .oldest_unread_at = june_1 + 1s, .observed_at = june_1 + 2s};
  row.updated_at = june_1 + 1500ms;
  const LedgerLine waits{row, 3, 1500ms, 500ms};
  row.partition = 1;
  row.last_record_hash = -42;
  row.observed = {.log_end_offset = 12, .oldest_unread_at = std::nullopt, .observed_at = june_1};
  const LedgerLine done{row, 0, 0ms, 0ms};
  EXPECT_EQ(
      to_json(LedgerAnswer{"clicks", "weir", {waits, done}}),
      R"({"partitions":[{"topic":"clicks","partition":0,"group_id":"weir","start_offset":2,"next_offset":12,)"
      R"("version":3,"read":9,"tallied":7,"duplicate":1,"dead_lettered":1,"skipped":1,"last_record_hash":null,)"
      R"("log_end_offset":15,"oldest_unread_at":"2026-06-01T00:00:01.000Z",)"
      R"("observed_at":"2026-06-01T00:00:02.000Z","updated_at":"2026-06-01T00:00:01.500Z","lag":3,)"
      R"("oldest_unread_age_ms":1500,"observed_age_ms":500},)"
      R"({"topic":"clicks","partition":1,"group_id":"weir","start_offset":2,"next_offset":12,)"
      R"("version":3,"read":9,"tallied":7,"duplicate":1,"dead_lettered":1,"skipped":1,"last_record_hash":"-42",)"
      R"("log_end_offset":12,"oldest_unread_at":null,)"
      R"("observed_at":"2026-06-01T00:00:00.000Z","updated_at":"2026-06-01T00:00:01.500Z","lag":0,)"
      R"("oldest_unread_age_ms":0,"observed_age_ms":0}],)"
      R"("sums":{"read":18,"tallied":14,"duplicate":2,"dead_lettered":2,"skipped":2,"lag":3}})");
}

TEST(AnswerText, SaysNullWhereALagIsNotKnownNever0) {
  const LedgerLine known{{}, 3, 1500ms, 500ms};
  const LedgerLine unknown{{}, std::nullopt, std::nullopt, 500ms};
  const std::string text = to_json(LedgerAnswer{"clicks", "weir", {known, unknown}});
  EXPECT_NE(text.find(R"("lag":null,"oldest_unread_age_ms":null,"observed_age_ms":500})"), std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("skipped":0,"lag":null}})"), std::string::npos) << "the sum is not known either";
}

TEST(AnswerText, MakesCellsThatNoSpreadsheetTakesForFormulas) {
  struct Case {
    std::string_view text;
    std::string_view cell;
  };
  const Case cases[] = {{"", ""},
                        {"/plain", "/plain"},
                        {"=1+1", "'=1+1"},
                        {"+1", "'+1"},
                        {"-1", "'-1"},
                        {"@SUM(A1)", "'@SUM(A1)"},
                        {"\t=1", "'\t=1"},
                        {"\r=1", "\"'\r=1\""},
                        {"a=1", "a=1"},
                        {"a,b", "\"a,b\""},
                        {"a\nb", "\"a\nb\""},
                        {"say \"hi\"", "\"say \"\"hi\"\"\""},
                        {"=\"a\"", "\"'=\"\"a\"\"\""}};
  for (const auto& [text, cell] : cases) EXPECT_EQ(csv_cell(text), cell);
}

}  // namespace
}  // namespace weir::report
