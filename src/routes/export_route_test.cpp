#include "routes/export_route.hpp"

#include <future>
#include <gtest/gtest.h>
#include <string>

#include "base/limits.hpp"
#include "http/stream.hpp"
#include "report/testing/counted_events.hpp"

namespace weir::routes {
namespace {

using namespace std::chrono_literals;
using Progress = http::StreamBody::Progress;

constexpr WindowStart noon{std::chrono::sys_days(std::chrono::June / 15 / 2026) + 12h};

class ExportRoute : public ::testing::Test {
 protected:
  http::Reply get(std::string_view query) {
    const http::Route route =
        export_route(report_, *executor_, [] { return Now{noon, MonoTime{}}; }, stop_.get_token());
    std::promise<http::Reply> reply;
    route.handle({.method = "GET", .path = route.path, .query = query},
                 [&](http::Reply made) { reply.set_value(std::move(made)); });
    return reply.get_future().get();
  }
  // Pages whose names are 1,000 bytes long.
  void add_pages(int pages) {
    std::vector<report::testing::Event> events;
    for (int page = 0; page < pages; ++page)
      events.push_back({.at = noon - 1h, .page = "/" + std::to_string(page) + std::string(1000, 'x')});
    report::testing::fill(store_, events, events.size());
  }
  // Reads the body until it is over. Returns how it ended, and its length.
  static std::pair<Progress, std::size_t> read(http::StreamBody& body) {
    for (std::size_t bytes = 0;;) {
      const auto taken = body.take();
      bytes += taken.bytes.size();
      body.set_unsent(0);
      if (taken.progress != Progress::open) return {taken.progress, bytes};
      std::this_thread::yield();
    }
  }

  report::FakeMetricsReader store_;
  report::Report report_{store_, {"clicks", "weir"}};
  std::stop_source stop_;
  std::unique_ptr<BoundedExecutor> executor_ =
      std::make_unique<BoundedExecutor>(1, limits::waiting_exports_max);
};

TEST_F(ExportRoute, StreamsMoreThanItsBuffers) {
  add_pages(1000);
  const http::Reply reply = get("dimension=page");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "text/csv; charset=utf-8");
  const auto [progress, bytes] = read(*reply.stream);
  EXPECT_EQ(progress, Progress::ended);
  EXPECT_GT(bytes, 1'000'000u);
}

TEST_F(ExportRoute, EndsEarlyWhenTheProcessStopsOrTheClientIsGone) {
  add_pages(1000);
  {
    const http::Reply reply = get("dimension=page&format=ndjson");  // nothing is read: the job waits
    EXPECT_EQ(reply.content_type, "application/x-ndjson");
    stop_.request_stop();
    EXPECT_EQ(read(*reply.stream).first, Progress::aborted);
  }
  stop_ = std::stop_source();
  get("dimension=page").stream->close();
  executor_.reset();  // waits for the job
}

TEST_F(ExportRoute, RefusesBeforeTheFirstRow) {
  const http::Reply bad = get("format=xml");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.body, R"({"error":"format is 'xml'; expected csv or ndjson"})");
  store_.fail_call(1, {ErrorKind::unavailable, "store_down", "secret"});
  EXPECT_EQ(get("dimension=page").status, 503);
  executor_->stop();
  EXPECT_EQ(get("").status, 503);
}

}  // namespace
}  // namespace weir::routes
