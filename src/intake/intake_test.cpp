#include "intake/intake.hpp"

#include <gtest/gtest.h>

#include "activity/decoder.hpp"
#include "intake/testing/fake_event_log.hpp"
#include "telemetry/exposition.hpp"
#include "telemetry/testing/exposition_reader.hpp"
#include "telemetry/testing/fake_logger.hpp"

namespace weir::intake {
namespace {

constexpr WallTime now{std::chrono::sys_days{std::chrono::January / 15 / 2024}};

std::string activity(std::string_view user, std::string_view timestamp = "2024-01-15T00:00:00Z") {
  return R"({"user_id":")" + std::string(user) + R"(","activity_type":"click","timestamp":")" +
         std::string(timestamp) + R"("})";
}

// A body with readable bytes after it, as in the memory of a connection.
struct Body {
  explicit Body(std::string body) : text(std::move(body) + std::string(limits::json_slack_bytes, '\0')) {}
  [[nodiscard]] std::string_view view() const {
    return std::string_view(text).substr(0, text.size() - limits::json_slack_bytes);
  }
  std::string text;
};

// An Intake in front of a fake log.
class IntakeTest : public testing::Test {
 protected:
  IntakeTest() { open({}); }

  // Sends a request. Returns its outcome, if that is known when the call returns.
  std::optional<Outcome> one(std::string body) {
    // Shared, because an outcome may also come later.
    const auto outcome = std::make_shared<std::optional<Outcome>>();
    intake_->accept_one(decoder_, Body(std::move(body)).view(), now,
                        [outcome](Outcome its) { *outcome = std::move(its); });
    return std::move(*outcome);
  }
  std::optional<Outcome> batch(std::string body) {
    const auto outcome = std::make_shared<std::optional<Outcome>>();
    const Body kept(std::move(body));
    JsonItems items(kept.view());
    intake_->accept_batch(decoder_, items, now, [outcome](Outcome its) { *outcome = std::move(its); });
    return std::move(*outcome);
  }
  // Sends a good activity whose outcome is reported later.
  void send_one() {
    intake_->accept_one(decoder_, Body(activity("u")).view(), now,
                        [this](const Outcome& outcome) { accepted_later_ += outcome.accepted; });
  }
  void open(IntakeSettings settings) {
    intake_ = std::make_unique<Intake>(log_, std::move(settings), [this] { return mono_; }, logger_);
  }

  activity::Decoder decoder_;
  FakeEventLog log_;
  std::size_t accepted_later_ = 0;
  MonoTime mono_{std::chrono::hours{1}};
  telemetry::FakeLogger logger_;
  std::unique_ptr<Intake> intake_;
};

TEST_F(IntakeTest, AppendsTheBytesUnchangedWithTheUserIdAsKey) {
  const std::string body =
      R"({ "user_id" : "\u00e4nne", "activity_type":"click","timestamp":"2024-01-15T00:00:00Z","x":[1, 2] })";
  const auto outcome = one(body);
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->refused);
  EXPECT_EQ(outcome->accepted, 1u);
  EXPECT_EQ(outcome->receipt, Receipt::kept);
  ASSERT_EQ(log_.kept().size(), 1u);
  EXPECT_EQ(log_.kept()[0].key, "änne");
  EXPECT_EQ(log_.kept()[0].value, body);
}

// A format whose items are words: each becomes an activity of that user. It keeps what it translates in one
// buffer, as formats that do not consist of activities do.
class Words final : public ItemReader {
 public:
  explicit Words(std::vector<std::string> words, std::optional<std::string> refused_at = {})
      : words_(std::move(words)), refused_at_(std::move(refused_at)) {}

  Result<std::optional<Item>> next() override {
    if (at_ == words_.size()) return std::nullopt;
    const std::string& word = words_[at_];
    if (word == refused_at_) return fail(ErrorKind::invalid, "bad_words", "the body is not a list of words");
    if (word.find(' ') != std::string::npos) {
      rejection_ = {ErrorKind::invalid, "not_a_word", "'" + word + "' is not a word"};
      return Item{.index = 10 * at_++, .event = {}, .rejection = &rejection_};
    }
    event_.emplace(activity(word));
    return Item{.index = 10 * at_++, .event = event_->view()};
  }
  [[nodiscard]] std::size_t bytes_expected() const override { return 100 * words_.size(); }

 private:
  const std::vector<std::string> words_;
  const std::optional<std::string> refused_at_;
  std::size_t at_ = 0;
  std::optional<Body> event_;
  Error rejection_;
};

TEST_F(IntakeTest, AcceptsItemsOfAnyFormatAndRejectsThemForTheReasonsOfTheFormat) {
  Words words({"ada", "two words", "", "bob"});
  std::optional<Outcome> outcome;
  intake_->accept_batch(decoder_, words, now, [&](Outcome its) { outcome = std::move(its); });
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->accepted, 2u);
  ASSERT_EQ(outcome->rejected.size(), 2u);
  EXPECT_EQ(outcome->rejected[0].index, 10u);
  EXPECT_EQ(outcome->rejected[0].error, "'two words' is not a word");
  EXPECT_EQ(outcome->rejected[1].index, 20u);
  EXPECT_TRUE(outcome->rejected[1].error.starts_with("user_id must be")) << outcome->rejected[1].error;
  ASSERT_EQ(log_.kept().size(), 2u);
  EXPECT_EQ(log_.kept()[0].key, "ada");
  EXPECT_EQ(log_.kept()[0].value, activity("ada"));
  EXPECT_EQ(log_.kept()[1].value, activity("bob"));
  EXPECT_EQ(intake_->counts().rejected.all().at("not_a_word"), 1u);
}

TEST_F(IntakeTest, AcceptsNothingOfARequestThatItsFormatRefusesAsAWhole) {
  Words words({"ada", "broken"}, "broken");
  std::optional<Outcome> outcome;
  intake_->accept_batch(decoder_, words, now, [&](Outcome its) { outcome = std::move(its); });
  ASSERT_TRUE(outcome && outcome->refused);
  EXPECT_EQ(outcome->refused->code, "bad_words");
  EXPECT_TRUE(log_.appends().empty());
}

TEST_F(IntakeTest, ReportsNoOutcomeBeforeTheReceipts) {
  log_.hold();
  send_one();
  EXPECT_EQ(accepted_later_, 0u);
  EXPECT_GT(intake_->counts().in_flight_bytes, 0u);
  log_.release();
  EXPECT_EQ(accepted_later_, 1u);
  EXPECT_EQ(intake_->counts().in_flight_bytes, 0u);
}

TEST_F(IntakeTest, RefusesAWrongActivityWithoutAnAppend) {
  struct Case {
    std::string body;
    std::string_view code;
  };
  const std::vector<Case> cases{
      {"", "not_json"},
      {"null", "not_an_object"},
      {"[]", "not_an_object"},
      {"\xEF\xBB\xBF" + activity("u"), "not_json"},
      {R"({"activity_type":"click","timestamp":"2024-01-15T00:00:00Z"})", "user_id_missing"},
      {activity("u", "2024-01-16T00:00:00.001Z"), "timestamp_ahead"},
      {activity("u") + std::string(limits::event_bytes_default, ' '), "event_too_large"},
      {std::string(100'000, '[') + std::string(100'000, ']'), "not_an_object"},
      {std::string(500'000, '['), "event_too_large"},
  };
  for (const Case& wrong : cases) {
    SCOPED_TRACE(wrong.body.substr(0, 80));
    const auto outcome = one(wrong.body);
    ASSERT_TRUE(outcome && outcome->refused);
    EXPECT_EQ(outcome->refused->kind, ErrorKind::invalid);
    EXPECT_EQ(outcome->refused->code, wrong.code);
  }
  EXPECT_TRUE(log_.appends().empty());
  std::uint64_t counted = 0;
  for (const auto& [code, times] : intake_->counts().rejected.all()) counted += times;
  EXPECT_EQ(counted, cases.size());
  EXPECT_EQ(intake_->counts().rejected.of("event_too_large"), 2u);
}

TEST_F(IntakeTest, AcceptsAnEventOneDayAheadOfTheClock) {
  EXPECT_EQ(one(activity("u", "2024-01-16T00:00:00Z"))->accepted, 1u);
}

TEST_F(IntakeTest, AppendsTheGoodItemsOfABatchTogetherAndNamesTheOthers) {
  for (const bool as_array : {true, false}) {
    SCOPED_TRACE(as_array);
    std::string body = as_array ? "[" : "";
    for (int item = 0; item < 100; ++item) {
      if (item > 0) body += as_array ? "," : "\n";
      body += item == 42 ? R"({"user_id":""})" : activity("user" + std::to_string(item));
    }
    if (as_array) body += "]";
    const std::size_t appends_before = log_.appends().size();
    const auto outcome = batch(body);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->accepted, 99u);
    ASSERT_EQ(outcome->rejected.size(), 1u);
    EXPECT_EQ(outcome->rejected[0].index, 42u);
    EXPECT_NE(outcome->rejected[0].error.find("user_id"), std::string::npos);
    ASSERT_EQ(log_.appends().size(), appends_before + 1);
    EXPECT_EQ(log_.appends().back().records.size(), 99u);
  }
}

TEST_F(IntakeTest, AcceptsAnEmptyBatch) {
  const auto outcome = batch("[]");
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->refused);
  EXPECT_EQ(outcome->accepted, 0u);
  EXPECT_TRUE(outcome->rejected.empty());
  EXPECT_TRUE(log_.appends().empty());
}

TEST_F(IntakeTest, AppendsNothingOfABatchThatIsNotJson) {
  const std::vector<std::string> bodies{"", "  \n ", "\xEF\xBB\xBF[]", "[" + activity("u"),
                                        "[" + activity("u") + "]]"};
  for (const std::string& body : bodies) {
    SCOPED_TRACE(body);
    const auto outcome = batch(body);
    ASSERT_TRUE(outcome && outcome->refused);
    EXPECT_EQ(outcome->refused->code, "not_json");
  }
  EXPECT_TRUE(log_.appends().empty());
}

TEST_F(IntakeTest, BoundsEachItemOfABatchBySize) {
  open({.event_bytes_max = 100});
  const auto outcome = batch("[" + activity("u") + "," + activity(std::string(50, 'u')) + "," +
                             activity(std::string(999, 'u')) + "]");
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->accepted, 1u);
  ASSERT_EQ(outcome->rejected.size(), 2u);
  EXPECT_EQ(outcome->rejected[0].index, 1u);
  EXPECT_EQ(outcome->rejected[0].error, outcome->rejected[1].error);
}

TEST_F(IntakeTest, RefusesABatchWithTooManyWrongItems) {
  std::string body;
  for (std::size_t line = 0; line <= limits::rejected_items_max; ++line) body += "1\n";
  const auto outcome = batch(body + activity("u"));
  ASSERT_TRUE(outcome && outcome->refused);
  EXPECT_EQ(outcome->refused->code, "too_many_rejected");
  EXPECT_TRUE(log_.appends().empty());
}

TEST_F(IntakeTest, ReportsTheReceiptsOfTheLog) {
  struct Case {
    std::vector<Receipt> receipts;
    std::size_t accepted;
    std::vector<std::size_t> failed;
    Receipt worst;
  };
  constexpr auto kept = Receipt::kept;
  constexpr auto not_kept = Receipt::not_kept;
  constexpr auto unknown = Receipt::unknown;
  const std::vector<Case> cases{
      {{kept, kept, kept}, 3, {}, kept},
      {{kept, not_kept, kept}, 2, {2}, not_kept},
      {{not_kept, not_kept, not_kept}, 0, {0, 2, 3}, not_kept},
      {{unknown, kept, not_kept}, 1, {0, 3}, unknown},
      {{unknown, unknown, unknown}, 0, {0, 2, 3}, unknown},
  };
  const std::string body =
      "[" + activity("a") + "," + R"({"wrong":1})" + "," + activity("b") + "," + activity("c") + "]";
  for (const Case& log_reports : cases) {
    log_.answer_next(log_reports.receipts, {ErrorKind::unavailable, "away", "away"});
    const auto outcome = batch(body);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->accepted, log_reports.accepted);
    EXPECT_EQ(outcome->failed, log_reports.failed);
    EXPECT_EQ(outcome->receipt, log_reports.worst);
    EXPECT_EQ(outcome->rejected.size(), 1u);
  }
  EXPECT_EQ(intake_->counts().accepted, 6u);
  EXPECT_EQ(intake_->counts().not_kept.of("away"), 5u);
  EXPECT_EQ(intake_->counts().unknown.of("away"), 4u);
}

TEST_F(IntakeTest, CountsNotKeptAndUnknownEventsOfOneRequestSeparately) {
  log_.answer_next({Receipt::not_kept, Receipt::unknown}, {ErrorKind::unavailable, "away", "away"});
  const auto outcome = batch("[" + activity("a") + "," + activity("b") + "]");
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->code, "away");
  EXPECT_EQ(intake_->counts().not_kept.of("away"), 1u);
  EXPECT_EQ(intake_->counts().unknown.of("away"), 1u);
}

TEST_F(IntakeTest, GivesEachRecordItsPartitionKey) {
  using Kind = PartitionKey::Kind;
  struct Case {
    PartitionKey key;
    std::string metadata;
    std::string expected;
  };
  const std::vector<Case> cases{{{}, R"({"session":"s1"})", "ada"},
                                {{Kind::activity_type, ""}, R"({})", "click"},
                                {{Kind::none, ""}, R"({"none":"x"})", ""},
                                {{Kind::metadata, "session"}, R"({"session":"s1"})", "s1"},
                                {{Kind::metadata, "session"}, R"({"session":17})", "17"},
                                {{Kind::metadata, "session"}, R"({"session":null})", ""},
                                {{Kind::metadata, "session"}, R"({"Session":"s1"})", ""},
                                {{Kind::metadata, "page_url"}, R"({"page_url":"/a"})", "/a"},
                                {{Kind::metadata, "session"},
                                 R"({"session":")" + std::string(1000, 'x') + "\"}",
                                 std::string(256, 'x')}};
  for (const Case& each : cases) {
    SCOPED_TRACE(each.metadata);
    open({.partition_key = each.key});
    const std::string event =
        R"({"user_id":"ada","activity_type":"click","timestamp":"2024-01-15T00:00:00Z","metadata":)" +
        each.metadata + "}";
    ASSERT_EQ(one(event)->accepted, 1u);
    EXPECT_EQ(log_.kept().back().key, each.expected);
    EXPECT_EQ(log_.kept().back().value, event);
    ASSERT_EQ(batch("[" + event + "," + activity("bob") + "]")->accepted, 2u);
    EXPECT_EQ(log_.kept()[log_.kept().size() - 2].key, each.expected);
  }
}

// Dedupe works within one partition: a copy in another partition would be counted.
TEST_F(IntakeTest, Fault45GivesACopyTheKeyOfTheFirstOneSoThatBothAreInOnePartition) {
  using Kind = PartitionKey::Kind;
  struct Case {
    PartitionKey key;
    std::string metadata;
    std::string expected;
  };
  const std::vector<Case> cases{{{}, "{}", "ada"},
                                {{Kind::activity_type, ""}, "{}", "click"},
                                {{Kind::none, ""}, "{}", "m-1"},
                                {{Kind::metadata, "session"}, R"({"session":"s1"})", "s1"},
                                {{Kind::metadata, "session"}, "{}", "m-1"},
                                {{Kind::metadata, "session"}, R"({"session":""})", "m-1"},
                                {{Kind::metadata, "session"}, R"({"session":{"id":1}})", "m-1"}};
  for (const Case& each : cases) {
    SCOPED_TRACE(each.metadata);
    open({.partition_key = each.key});
    const std::string event =
        R"({"user_id":"ada","activity_type":"click","timestamp":"2024-01-15T00:00:00Z","message_id":"m-1",)"
        R"("metadata":)" +
        each.metadata + "}";
    for (int time = 0; time < 2; ++time) {
      ASSERT_EQ(one(event)->accepted, 1u);
      EXPECT_EQ(log_.kept().back().key, each.expected);
      ASSERT_EQ(batch(event + "\n" + event)->accepted, 2u);
      EXPECT_EQ(log_.kept().back().key, each.expected);
    }
  }
}

TEST_F(IntakeTest, RejectsAnEventThatTheLogCanNeverStore) {
  const Error too_large{ErrorKind::invalid, "record_too_large", "the record is larger than the broker takes"};
  log_.answer(Receipt::not_kept, too_large);
  for (int time = 0; time < 20; ++time) {
    const auto outcome = one(activity("u"));
    ASSERT_TRUE(outcome && outcome->refused);
    EXPECT_EQ(outcome->refused->code, "record_too_large");
    EXPECT_EQ(outcome->refused->kind, ErrorKind::invalid);
  }
  EXPECT_EQ(log_.appends().size(), 20u) << "each is sent once";
  EXPECT_EQ(intake_->breaker_state(), Breaker::State::closed);

  log_.answer_next({Receipt::kept, Receipt::not_kept}, too_large);
  const auto outcome = batch("[" + activity("a") + ",1," + activity("b") + "]");
  ASSERT_TRUE(outcome && !outcome->refused);
  EXPECT_EQ(outcome->accepted, 1u);
  EXPECT_TRUE(outcome->failed.empty());
  ASSERT_EQ(outcome->rejected.size(), 2u);
  EXPECT_EQ(outcome->rejected[0].index, 1u);
  EXPECT_EQ(outcome->rejected[1].index, 2u);
  EXPECT_EQ(outcome->rejected[1].error, too_large.text);
  EXPECT_EQ(outcome->receipt, Receipt::kept);
}

// The breaker opens, lets one probe pass, and closes. An open breaker appends nothing.
TEST_F(IntakeTest, Fault18StopsAppendsWhileTheyFailAndResumesThem) {
  log_.answer(Receipt::unknown, {ErrorKind::unavailable, "timed_out", "no broker answered"});
  for (int failure = 0; failure < 5; ++failure) EXPECT_EQ(one(activity("u"))->receipt, Receipt::unknown);
  EXPECT_EQ(intake_->breaker_state(), Breaker::State::open);

  const std::size_t sent = log_.appends().size();
  for (const auto& refused : {one(activity("u")), batch("[" + activity("u") + "]")}) {
    ASSERT_TRUE(refused && refused->refused);
    EXPECT_EQ(refused->refused->code, "circuit_open");
    EXPECT_EQ(refused->refused->kind, ErrorKind::unavailable);
    EXPECT_EQ(refused->retry_after, std::chrono::seconds{1});
  }
  EXPECT_EQ(log_.appends().size(), sent) << "an open breaker appends nothing";
  EXPECT_EQ(one("{")->refused->code, "not_json")
      << "a wrong event is rejected also while the breaker is open";
  EXPECT_EQ(intake_->counts().in_flight_bytes, 0u);

  mono_ += std::chrono::seconds{1};
  EXPECT_EQ(one(activity("u"))->receipt, Receipt::unknown) << "this is the probe";
  EXPECT_EQ(one(activity("u"))->retry_after, std::chrono::seconds{2}) << "the pause has doubled";

  mono_ += std::chrono::seconds{2};
  log_.answer(Receipt::kept);
  log_.hold();
  send_one();
  EXPECT_EQ(intake_->breaker_state(), Breaker::State::half_open);
  EXPECT_EQ(one(activity("u"))->refused->code, "circuit_open") << "one probe at a time";
  log_.release();
  EXPECT_EQ(accepted_later_, 1u);
  EXPECT_EQ(intake_->breaker_state(), Breaker::State::closed);
  EXPECT_EQ(one(activity("u"))->accepted, 1u);
  EXPECT_EQ(intake_->counts().refused.of("circuit_open"), 4u);
}

TEST_F(IntakeTest, Fault18KeepsTheBreakerClosedForRefusalsThatTheLogReportsAtOnce) {
  log_.waiting_bytes_max(0);
  for (int time = 0; time < 20; ++time) EXPECT_EQ(one(activity("u"))->code, "log_full");
  log_.waiting_bytes_max(SIZE_MAX);
  log_.answer(Receipt::not_kept, {ErrorKind::unavailable, "log_away", "the topic cannot be reached"});
  for (int time = 0; time < 20; ++time) EXPECT_EQ(one(activity("u"))->code, "log_away");
  EXPECT_EQ(intake_->breaker_state(), Breaker::State::closed);
  log_.answer(Receipt::kept);
  EXPECT_EQ(one(activity("u"))->accepted, 1u) << "without a pause";
}

TEST_F(IntakeTest, ExportsItsCounters) {
  one(activity("u"));
  one("{");
  telemetry::Exposition exposition;
  intake_->collect(exposition);
  const auto series = telemetry::read_exposition(exposition.text());
  ASSERT_TRUE(series) << series.error();
  const auto value = [&](std::string_view name, const std::map<std::string, std::string>& labels = {}) {
    const telemetry::Series* found = telemetry::find_series(*series, name, labels);
    return found ? found->value : -1;
  };
  EXPECT_EQ(value("weir_intake_accepted_total"), 1);
  EXPECT_EQ(value("weir_intake_rejected_total", {{"code", "not_json"}}), 1);
  EXPECT_EQ(value("weir_intake_refused_total", {{"code", "circuit_open"}}), 0);
  EXPECT_EQ(value("weir_intake_in_flight_bytes"), 0);
  EXPECT_EQ(value("weir_intake_breaker_state", {{"state", "closed"}}), 1);
  EXPECT_EQ(value("weir_intake_breaker_state", {{"state", "open"}}), 0);
  EXPECT_EQ(value("weir_intake_breaker_state", {{"state", "half_open"}}), 0);
}

TEST_F(IntakeTest, MeasuresAppendsInSeconds) {
  log_.hold();
  send_one();
  mono_ += std::chrono::milliseconds{30};
  log_.release();
  telemetry::Exposition exposition;
  intake_->collect(exposition);
  const auto series = telemetry::read_exposition(exposition.text());
  ASSERT_TRUE(series) << series.error();
  const auto value = [&](std::string_view name, const std::map<std::string, std::string>& labels = {}) {
    const telemetry::Series* found = telemetry::find_series(*series, name, labels);
    return found ? found->value : -1;
  };
  EXPECT_EQ(value("weir_intake_append_duration_seconds_bucket", {{"le", "0.025"}}), 0);
  EXPECT_EQ(value("weir_intake_append_duration_seconds_bucket", {{"le", "0.05"}}), 1);
  EXPECT_DOUBLE_EQ(value("weir_intake_append_duration_seconds_sum"), 0.03);
}

TEST_F(IntakeTest, ReservesMemoryForSmallRequestsBesideLargeBatches) {
  open({.event_bytes_max = 2000, .in_flight_bytes_max = 100'000});
  const auto lines = [](int events) {
    std::string all;
    for (int event = 0; event < events; ++event) all += activity("u") + "\n";
    return all;
  };
  log_.hold();
  const Body body(lines(650));
  JsonItems items(body.view());
  intake_->accept_batch(decoder_, items, now, [](const Outcome&) {});
  ASSERT_GT(intake_->counts().in_flight_bytes, 75'000u);
  ASSERT_LT(intake_->counts().in_flight_bytes, 87'500u);
  const auto refused = batch(lines(100));
  ASSERT_TRUE(refused && refused->refused);
  EXPECT_EQ(refused->refused->code, "too_much_in_flight");
  for (int request = 0; request < 40; ++request) send_one();
  log_.release();
  EXPECT_EQ(accepted_later_, 40u);
}

TEST_F(IntakeTest, LogsOnceThatAppendsFailAndOnceThatTheySucceedAgain) {
  log_.answer(Receipt::unknown, {ErrorKind::unavailable, "timed_out", "no broker answered"});
  for (int time = 0; time < 1000; ++time) one(activity("u"));
  EXPECT_EQ(logger_.lines(),
            (std::vector<std::string>{
                "warn an append to the event log failed code=timed_out reason=no broker answered "
                "outcome=unknown times=1",
                "warn appends to the event log fail: requests are refused until it accepts events again "
                "code=timed_out reason=no broker answered"}));
  mono_ += std::chrono::seconds{1};
  log_.answer(Receipt::kept);
  one(activity("u"));
  EXPECT_EQ(logger_.lines().back(),
            "info the event log accepts events again requests_refused=995 failures_not_logged=4");
  EXPECT_EQ(logger_.lines().size(), 3u);
}

TEST_F(IntakeTest, BoundsTheBytesInFlight) {
  open({.in_flight_bytes_max = 300});
  log_.hold();
  send_one();
  send_one();
  const auto refused = one(activity("u"));
  ASSERT_TRUE(refused && refused->refused);
  EXPECT_EQ(refused->refused->code, "too_much_in_flight");
  EXPECT_EQ(refused->refused->kind, ErrorKind::unavailable);
  EXPECT_EQ(intake_->counts().refused.of("too_much_in_flight"), 1u);
  log_.release();
  EXPECT_EQ(accepted_later_, 2u);
  EXPECT_EQ(one(activity("u"))->accepted, 1u);
}

TEST_F(IntakeTest, RefusesEveryRequestWhileItDrainsButCompletesThoseInFlight) {
  log_.hold();
  send_one();
  intake_->drain();
  for (const auto& refused : {one(activity("u")), batch("[" + activity("u") + "]")}) {
    ASSERT_TRUE(refused && refused->refused);
    EXPECT_EQ(refused->refused->code, "shutting_down");
    EXPECT_EQ(refused->refused->kind, ErrorKind::unavailable);
  }
  log_.release();
  EXPECT_EQ(accepted_later_, 1u);
  EXPECT_EQ(intake_->counts().refused.of("shutting_down"), 2u);
}

// The identity of IntakeCounts: each item ends in one counter.
std::uint64_t sum_of_ends(const IntakeCounts& counts) {
  std::uint64_t sum = counts.accepted + counts.in_flight_events;
  for (const auto* by_code : {&counts.rejected, &counts.refused_events, &counts.not_kept, &counts.unknown})
    for (const auto& [code, times] : by_code->all()) sum += times;
  return sum;
}

TEST_F(IntakeTest, EndsEachItemInOneCounter) {
  std::uint64_t received = 0;
  const auto expect_received = [&](std::uint64_t more, const std::string& what) {
    received += more;
    EXPECT_EQ(intake_->counts().received, received) << what;
    EXPECT_EQ(sum_of_ends(intake_->counts()), received) << what;
  };
  one(activity("u"));
  one("{}");
  expect_received(2, "single events");
  batch("[" + activity("u") + ",{}," + activity("v") + "]");
  expect_received(3, "a batch with a wrong item");
  batch("[" + activity("u") + ",{}," + activity("v") + "; ");
  expect_received(4, "a body that is wrong after three items: its rest is the fourth");
  batch("nothing");
  expect_received(1, "a body that is wrong from its first byte");
  std::string many = activity("u") + "\n";
  for (std::size_t i = 0; i <= limits::rejected_items_max; ++i) many += "{}\n";
  batch(many + activity("v"));
  expect_received(limits::rejected_items_max + 3, "too many wrong items: what follows them is one item");
  for (const Receipt receipt : {Receipt::not_kept, Receipt::unknown}) {
    log_.answer(receipt);
    batch("[" + activity("u") + "," + activity("v") + ",{}]");
    expect_received(3, "events that the log does not keep");
  }
  log_.answer(Receipt::kept);
  log_.hold();
  batch("[" + activity("u") + "," + activity("v") + "]");
  EXPECT_EQ(intake_->counts().in_flight_events, 2u);
  expect_received(2, "in flight");
  log_.release();
  EXPECT_EQ(intake_->counts().in_flight_events, 0u);
  expect_received(0, "no longer in flight");
  intake_->drain();
  batch("[" + activity("u") + "," + activity("v") + "]");
  expect_received(1, "a body that is not read");
}

TEST_F(IntakeTest, MayBeDestroyedBeforeTheLastReceipt) {
  log_.hold();
  send_one();
  intake_.reset();
  log_.release();
  EXPECT_EQ(accepted_later_, 1u);
}

}  // namespace
}  // namespace weir::intake
