// The feed without its thread: step() is called with times that the test chooses.
#include "routes/live_feed.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "base/limits.hpp"
#include "report/testing/fake_metrics_reader.hpp"

namespace weir::routes {
namespace {

using namespace std::chrono_literals;
using Progress = http::StreamBody::Progress;
using Admission = LiveFeed::Admission;

constexpr WallTime noon = std::chrono::sys_days(std::chrono::June / 15 / 2026) + 12h;

class LiveFeedTest : public ::testing::Test {
 protected:
  LiveFeedTest() { count(1); }

  // The store has counted this many records.
  void count(std::int64_t records) {
    store_.put(tally::LedgerRow{
        .next_offset = records, .read = records, .tallied = records, .last_record_hash = records * 7});
  }
  void flush(std::int64_t records) {
    count(records);
    feed_.on_flush();
  }
  std::shared_ptr<http::StreamBody> join(std::string seen = "", report::TimeZone zone = {}) {
    http::Stream stream = http::make_stream();
    EXPECT_EQ(feed_.add({std::move(stream.writer), std::move(seen), zone}), Admission::admitted);
    return stream.body;
  }
  void step_after(std::chrono::milliseconds time) {
    now_.wall += time;
    now_.mono += time;
    next_ = feed_.step();
  }
  static std::string id_in(const std::string& event) {
    const std::size_t begin = event.find("id: ");
    return begin == std::string::npos ? "" : event.substr(begin + 4, event.find('\n', begin) - begin - 4);
  }
  static bool is_update(const std::string& text) { return text.contains("event: update\n"); }

  report::FakeMetricsReader store_;
  report::Report report_{store_, {"clicks", "weir"}};
  Now now_{noon, MonoTime{} + 1h};
  LiveFeed feed_{report_, [this] { return now_; }};
  MonoTime next_;
};

TEST_F(LiveFeedTest, SendsAnUpdateAtOnce) {
  const auto body = join();
  step_after(0ms);
  const std::string text = body->take().bytes;
  EXPECT_TRUE(text.starts_with("id: 1-")) << text;
  EXPECT_TRUE(is_update(text));
  EXPECT_TRUE(text.ends_with("}\n\n"));
  EXPECT_TRUE(text.contains(R"("visitors":0,"interval":"minute","points":[)")) << text;
  EXPECT_TRUE(text.contains(R"("sums":{"read":1,"tallied":1)")) << text;
}

TEST_F(LiveFeedTest, SendsAnUpdateAfterAFlushButNoneWithoutAChange) {
  const auto body = join();
  step_after(0ms);
  (void)body->take();
  step_after(1500ms);
  feed_.on_flush();  // of what was there
  step_after(0ms);
  EXPECT_EQ(body->take().bytes, "");
  flush(2);
  step_after(0ms);
  EXPECT_TRUE(is_update(body->take().bytes));
}

TEST_F(LiveFeedTest, SendsOneUpdateASecondAtTheMost) {
  const auto body = join();
  step_after(0ms);
  (void)body->take();
  flush(2);
  step_after(100ms);
  EXPECT_EQ(body->take().bytes, "");
  EXPECT_EQ(next_, now_.mono + 900ms);
  flush(3);
  step_after(500ms);
  EXPECT_EQ(body->take().bytes, "");
  step_after(400ms);
  EXPECT_TRUE(body->take().bytes.contains(R"("read":3)"));
}

TEST_F(LiveFeedTest, NoticesTheFlushesOfOtherProcesses) {
  const auto body = join();
  step_after(0ms);
  (void)body->take();
  count(2);  // without on_flush()
  EXPECT_EQ(next_, now_.mono + 1s);
  step_after(1s);
  EXPECT_TRUE(is_update(body->take().bytes));
}

TEST_F(LiveFeedTest, ResumesAfterTheNewestUpdate) {
  const auto first = join();
  step_after(0ms);
  const std::string id = id_in(first->take().bytes);
  const auto resumed = join(id);
  const auto other = join("0-0");
  step_after(2s);
  EXPECT_EQ(resumed->take().bytes, "");
  EXPECT_TRUE(is_update(other->take().bytes));
  flush(2);
  step_after(2s);
  EXPECT_TRUE(is_update(resumed->take().bytes));
}

TEST_F(LiveFeedTest, ReadsTheStoreOnceForAllReaders) {
  std::vector<std::shared_ptr<http::StreamBody>> bodies;
  for (int reader = 0; reader < 100; ++reader) bodies.push_back(join());
  step_after(0ms);
  EXPECT_EQ(store_.snapshots(), 2);  // the id, and the figures
  for (int reader = 0; reader < 100; ++reader) bodies.push_back(join());
  step_after(500ms);
  EXPECT_EQ(store_.snapshots(), 2);
  for (const auto& body : bodies) EXPECT_TRUE(is_update(body->take().bytes));
}

TEST_F(LiveFeedTest, TodayBeginsInTheZoneOfTheReader) {
  const auto utc = join();
  const auto berlin = join("", *report::TimeZone::find("Europe/Berlin"));
  step_after(0ms);
  EXPECT_TRUE(utc->take().bytes.contains(R"("summary":{"from":"2026-06-15T00:00:00Z")"));
  EXPECT_TRUE(berlin->take().bytes.contains(R"("summary":{"from":"2026-06-14T22:00:00Z")"));
  const int snapshots = store_.snapshots();
  const auto other = join("", *report::TimeZone::find("Asia/Kolkata"));
  step_after(100ms);
  EXPECT_TRUE(other->take().bytes.contains(R"("summary":{"from":"2026-06-14T18:30:00Z")")) << "at once";
  EXPECT_EQ(berlin->take().bytes, "");
  EXPECT_EQ(store_.snapshots(), snapshots + 1);
}

TEST_F(LiveFeedTest, ReadsNothingWithoutReaders) {
  feed_.on_flush();
  step_after(0ms);
  EXPECT_EQ(next_, MonoTime::max());
  auto body = join();
  step_after(0ms);
  body->close();
  const int snapshots = store_.snapshots();
  step_after(5s);
  EXPECT_EQ(next_, MonoTime::max());
  EXPECT_EQ(store_.snapshots(), snapshots);
}

TEST_F(LiveFeedTest, SendsACommentEvery15Seconds) {
  const auto body = join();
  step_after(0ms);
  (void)body->take();
  step_after(14900ms);
  EXPECT_EQ(body->take().bytes, "");
  step_after(100ms);
  EXPECT_EQ(body->take().bytes, ":\n\n");
  step_after(15s);
  EXPECT_EQ(body->take().bytes, ":\n\n");
}

TEST_F(LiveFeedTest, SaysOnceThatTheStoreFailsAndContinuesWhenItAnswers) {
  const auto body = join();
  store_.fail_call(0, {ErrorKind::unavailable, "store_down", "secret"});
  step_after(0ms);
  EXPECT_EQ(body->take().bytes, ": the metrics store cannot answer now (store_down)\n\n");
  store_.fail_call(0, {ErrorKind::unavailable, "store_down", "secret"});
  step_after(1s);
  EXPECT_EQ(body->take().bytes, "");
  step_after(1s);
  EXPECT_TRUE(is_update(body->take().bytes));
}

TEST_F(LiveFeedTest, TriesAgainASecondAfterTheFiguresCouldNotBeRead) {
  const auto body = join();
  store_.fail_call(2, {ErrorKind::unavailable, "store_down", "secret"});  // the id is read by two calls
  step_after(0ms);
  EXPECT_FALSE(is_update(body->take().bytes));
  step_after(1s);
  EXPECT_TRUE(is_update(body->take().bytes));
}

TEST_F(LiveFeedTest, DropsAReaderThatReadsTooSlowly) {
  http::Stream stream = http::make_stream(100);
  feed_.add({std::move(stream.writer), "", {}});
  step_after(0ms);
  EXPECT_EQ(stream.body->take().progress, Progress::overflowed);
  stream.body->close();  // as the connection does
  step_after(1s);
  EXPECT_EQ(next_, MonoTime::max());
}

TEST_F(LiveFeedTest, RefusesReadersBeyondTheLimitUntilOneLeaves) {
  std::vector<std::shared_ptr<http::StreamBody>> bodies;
  for (std::size_t reader = 0; reader < limits::live_readers_max; ++reader) bodies.push_back(join());
  EXPECT_EQ(feed_.admission(), Admission::full);
  http::Stream late = http::make_stream();
  EXPECT_EQ(feed_.add({std::move(late.writer), "", {}}), Admission::full);
  EXPECT_EQ(late.body->take().progress, Progress::ended);
  step_after(0ms);
  bodies.front()->close();
  step_after(1s);
  EXPECT_EQ(feed_.admission(), Admission::admitted);
}

TEST_F(LiveFeedTest, EndsAllStreamsWhenItStops) {
  const auto connected = join();
  step_after(0ms);
  (void)connected->take();
  const auto joining = join();
  feed_.stop();
  feed_.run();  // returns
  EXPECT_EQ(connected->take().progress, Progress::ended);
  EXPECT_EQ(joining->take().progress, Progress::ended);
  EXPECT_EQ(feed_.admission(), Admission::stopping);
}

// The server asks each stream to stop; the feed's thread may see that before or after stop().
TEST_F(LiveFeedTest, EndsAStreamThatTheServerStops) {
  const auto body = join();
  step_after(0ms);
  (void)body->take();
  body->request_stop();
  step_after(0ms);
  EXPECT_EQ(body->take().progress, Progress::ended);
}

// The route.

http::Reply answer_of(LiveFeed& feed, std::string_view method, std::string_view query) {
  http::Reply made;
  const http::Request request{.method = method, .path = "/api/v1/live", .query = query};
  live_route(feed).handle(request, [&](http::Reply reply) { made = std::move(reply); });
  return made;
}

TEST_F(LiveFeedTest, TheRouteStreamsAndRefuses) {
  const http::Reply streamed = answer_of(feed_, "GET", "");
  EXPECT_EQ(streamed.status, 200);
  EXPECT_EQ(streamed.content_type, "text/event-stream");
  ASSERT_TRUE(streamed.stream);
  step_after(0ms);
  EXPECT_TRUE(is_update(streamed.stream->take().bytes));

  EXPECT_EQ(answer_of(feed_, "GET", "no=1").status, 400);
  EXPECT_EQ(answer_of(feed_, "GET", "tz=UTC&tz=UTC").status, 400);
  feed_.stop();
  const http::Reply refused = answer_of(feed_, "GET", "");
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.body.contains("shutting down"));
}

TEST_F(LiveFeedTest, AHeadRequestTakesNoPlace) {
  const http::Reply head = answer_of(feed_, "HEAD", "");
  EXPECT_EQ(head.content_type, "text/event-stream");
  step_after(0ms);
  EXPECT_EQ(next_, MonoTime::max());
}

}  // namespace
}  // namespace weir::routes
