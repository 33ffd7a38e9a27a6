#include "cli/dlq.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "cli/dlq_text.hpp"
#include "report/testing/fake_metrics_reader.hpp"

namespace weir::cli {
namespace {

using intake::Receipt;
using intake::Receipts;
using report::DeadLetterRow;

const std::string topic = "the-topic";

DeadLetterRow dead_letter(std::int32_t partition, std::int64_t offset, std::string reason = "not_json") {
  return {.partition = partition,
          .offset = offset,
          .reason = std::move(reason),
          .detail = "the value is no JSON object",
          .key = "user",
          .value = std::string("\x1b[31m\0\xff\xc2\x9b", 9),
          .at = WallTime{std::chrono::seconds{1'764'000'000 + offset}},
          .attempts = 2,
          .replayed_at = std::nullopt};
}

// Records what was sent. The outcome of each send() can be set.
class FakeSender final : public ReplaySender {
 public:
  struct Log {
    std::vector<std::string> sent;
    std::vector<std::size_t> parts;
    Receipts outcome{.all = Receipt::kept, .each = {}, .why = {}};
  };
  explicit FakeSender(Log& log) : log_(log) {}

  Receipts send(std::span<const DeadLetterRow> rows) override {
    log_.parts.push_back(rows.size());
    for (const DeadLetterRow& row : rows) log_.sent.push_back(id_text(row, topic));
    return log_.outcome;
  }

 private:
  Log& log_;
};

class Dlq : public testing::Test {
 protected:
  Dlq() {
    DeadLetterRow replayed = dead_letter(1, 2);
    replayed.replayed_at = WallTime{std::chrono::seconds{1'764'000'100}};
    reader_.put(dead_letter(0, 7));
    reader_.put(replayed);
    reader_.put(dead_letter(1, 9, "timestamp_ahead"));
  }

  int list(const DlqListOptions& options) { return run_dlq_list(options, topic, reader_, out_, err_); }

  int replay(DlqReplayOptions options) {
    options.columns = 0;
    return run_dlq_replay(options, topic,
                          {.reader = reader_,
                           .open_sender = [this]() -> Result<std::unique_ptr<ReplaySender>> {
                             ++opened_;
                             if (open_error_) return std::unexpected(*open_error_);
                             return std::make_unique<FakeSender>(log_);
                           },
                           .clock = read_clock,
                           .out = out_,
                           .err = err_});
  }

  report::FakeMetricsReader reader_;
  FakeSender::Log log_;
  int opened_ = 0;
  std::optional<Error> open_error_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(Dlq, ListCountsByReasonTheLargestFirstWithASample) {
  ASSERT_EQ(list({}), 0);
  const std::string text = out_.str();
  EXPECT_LT(text.find("not_json"), text.find("timestamp_ahead")) << text;
  EXPECT_TRUE(text.contains("           2           4           1\n")) << text;
  EXPECT_TRUE(text.contains("timestamp_ahead, newest: 1/9 at 2025-11-24T16:00:09.000Z\n")) << text;
  EXPECT_TRUE(text.contains("  key     4 bytes: user\n")) << text;
}

TEST_F(Dlq, PrintNoControlCharacterOfAClient) {
  for (const DlqFormat format : {DlqFormat::table, DlqFormat::json, DlqFormat::csv})
    for (const bool rows : {false, true}) ASSERT_EQ(list({.format = format, .rows = rows}), 0);
  for (const DlqFormat format : {DlqFormat::table, DlqFormat::json})
    ASSERT_EQ(run_dlq_show({.partition = 0, .offset = 7, .format = format}, topic, reader_, out_, err_), 0);
  ASSERT_EQ(replay({}), 0);
  const std::string text = out_.str();
  EXPECT_FALSE(text.contains('\x1b'));
  EXPECT_FALSE(text.contains('\0'));
  EXPECT_FALSE(text.contains("\xc2\x9b"));
  EXPECT_FALSE(text.contains('\xff'));
  EXPECT_TRUE(text.contains("\\u001b[31m\\u0000\uFFFD\\u009b"));
}

TEST_F(Dlq, ListShowsOnlyWhatTheFilterMatches) {
  DlqListOptions options{.format = DlqFormat::csv, .rows = true};
  options.filter.partition = 1;
  options.filter.waiting_only = true;
  ASSERT_EQ(list(options), 0);
  EXPECT_TRUE(out_.str().starts_with(
      "topic,partition,offset,reason,detail,key,value,at,attempts,replayed_at\r\nthe-topic,1,9,"))
      << out_.str();
  EXPECT_FALSE(out_.str().contains("the-topic,1,2,"));
}

TEST_F(Dlq, ListGivesAllRowsAsOneJsonArrayHoweverManyTheyAre) {
  for (int offset = 100; offset < 1300; ++offset) reader_.put(dead_letter(3, offset));
  ASSERT_EQ(list({.format = DlqFormat::json, .rows = true}), 0);
  const auto rows = boost::json::parse(out_.str()).as_array();
  EXPECT_EQ(rows.size(), 1203U);
  EXPECT_EQ(rows[0].at("offset").as_int64(), 7);
  EXPECT_EQ(rows[1].at("replayed_at").as_string(), "2025-11-24T16:01:40.000Z");
  EXPECT_TRUE(rows[2].at("replayed_at").is_null());
}

TEST_F(Dlq, ListOfNothingIsSaidInEachFormat) {
  DlqListOptions options;
  options.filter.reason = "no_such";
  for (const bool rows : {false, true}) {
    for (const DlqFormat format : {DlqFormat::table, DlqFormat::json, DlqFormat::csv}) {
      options.rows = rows;
      options.format = format;
      ASSERT_EQ(list(options), 0);
    }
  }
  EXPECT_TRUE(out_.str().starts_with("no dead letters\n{\"reasons\":[],")) << out_.str();
  EXPECT_TRUE(out_.str().contains("no dead letters\n[]\ntopic,")) << out_.str();
}

TEST_F(Dlq, ShowPrintsOneWhole) {
  ASSERT_EQ(run_dlq_show({.partition = 1, .offset = 9}, topic, reader_, out_, err_), 0);
  EXPECT_TRUE(out_.str().contains("reason       timestamp_ahead\n")) << out_.str();
  EXPECT_TRUE(out_.str().contains("attempts     2\n"));
  EXPECT_TRUE(out_.str().contains("replayed at  not replayed\n"));
  EXPECT_EQ(run_dlq_show({.partition = 1, .offset = 10}, topic, reader_, out_, err_), 1);
  EXPECT_EQ(err_.str(), "weir dlq show: the metrics store has no dead letter at the-topic/1/10\n");
}

TEST(DlqId, IsReadWithAndWithoutItsTopic) {
  DlqShowOptions options;
  EXPECT_TRUE(read_dead_letter_id("3/44", topic, options));
  EXPECT_EQ(options.partition, 3);
  EXPECT_EQ(options.offset, 44);
  EXPECT_TRUE(read_dead_letter_id("the-topic/4/45", topic, options));
  EXPECT_EQ(options.offset, 45);
  for (const char* broken : {"", "3", "3/", "/3", "3/x", "other/3/44", "the-topic/3", "-1/2"})
    EXPECT_FALSE(read_dead_letter_id(broken, topic, options)) << broken;
}

TEST_F(Dlq, ReplaySendsWhatWaitsInTheOrderOfTheLog) {
  DlqReplayOptions options;
  options.filter.waiting_only = true;
  ASSERT_EQ(replay(options), 0) << err_.str();
  EXPECT_EQ(log_.sent, (std::vector<std::string>{"the-topic/0/7", "the-topic/1/9"}));
  EXPECT_EQ(out_.str(),
            "sent the-topic/0/7 not_json\nsent the-topic/1/9 timestamp_ahead\n2 dead letters sent\n");
  EXPECT_EQ(opened_, 1);
}

TEST_F(Dlq, ReplayInADryRunOpensNoLog) {
  ASSERT_EQ(replay({.filter = {.reason = "not_json"}, .dry_run = true}), 0);
  EXPECT_EQ(opened_, 0);
  EXPECT_EQ(out_.str(),
            "would send the-topic/0/7 not_json\nwould send the-topic/1/2 not_json\n2 dead letters would be "
            "sent\n");
}

TEST_F(Dlq, ReplaySendsManyInPartsAndEachOnce) {
  for (int offset = 100; offset < 1300; ++offset) reader_.put(dead_letter(3, offset));
  ASSERT_EQ(replay({}), 0);
  EXPECT_EQ(log_.parts, (std::vector<std::size_t>{500, 500, 203}));
  EXPECT_EQ(std::set<std::string>(log_.sent.begin(), log_.sent.end()).size(), 1203U);
}

TEST_F(Dlq, ReplayBoundsTheBytesOfAPart) {
  for (int offset = 100; offset < 110; ++offset) {
    DeadLetterRow large = dead_letter(3, offset);
    large.value = std::string(1'000'000, 'x');
    reader_.put(large);
  }
  ASSERT_EQ(replay({.filter = {.partition = 3}}), 0);
  EXPECT_EQ(log_.parts, (std::vector<std::size_t>{5, 5}));
}

TEST_F(Dlq, ReplayEndsWith1WhereOneIsNotSentOrInDoubt) {
  log_.outcome = {.all = Receipt::unknown,
                  .each = {Receipt::kept, Receipt::not_kept, Receipt::unknown},
                  .why = {ErrorKind::unavailable, "timed_out", "the broker did not respond"}};
  EXPECT_EQ(replay({}), 1);
  EXPECT_EQ(out_.str(),
            "sent the-topic/0/7 not_json\nnot sent the-topic/1/2 not_json\n"
            "outcome unknown the-topic/1/9 timestamp_ahead\n1 dead letter sent\n");
  EXPECT_TRUE(err_.str().contains("counted once: the broker did not respond\n")) << err_.str();
}

TEST_F(Dlq, ReplayEndsAtOnceWhereTheLogRefusesOrCannotBeOpened) {
  for (int offset = 100; offset < 1300; ++offset) reader_.put(dead_letter(3, offset));
  log_.outcome = {
      .all = Receipt::not_kept, .each = {}, .why = {ErrorKind::unavailable, "log_away", "the log is away"}};
  EXPECT_EQ(replay({}), 1);
  EXPECT_EQ(log_.parts.size(), 1U);
  EXPECT_TRUE(err_.str().ends_with("500 dead letters not sent: the log is away\n")) << err_.str();
  open_error_ = Error{ErrorKind::unavailable, "log_away", "no broker"};
  EXPECT_EQ(replay({}), 1);
  EXPECT_TRUE(err_.str().ends_with("weir dlq replay: no broker\n")) << err_.str();
}

TEST_F(Dlq, NameWhyTheStoreCannotBeRead) {
  for (int call = 0; call < 2; ++call) {
    reader_.fail_call(call, {ErrorKind::unavailable, "store_away", "the store is away"});
    EXPECT_EQ(list({}), 1);
    reader_.fail_call(call, {ErrorKind::unavailable, "store_away", "the store is away"});
    EXPECT_EQ(list({.rows = true}), 1);
    reader_.fail_call(call, {ErrorKind::unavailable, "store_away", "the store is away"});
    EXPECT_EQ(replay({}), 1);
    EXPECT_TRUE(err_.str().ends_with("weir dlq replay: the store is away\n")) << err_.str();
  }
}

}  // namespace
}  // namespace weir::cli
