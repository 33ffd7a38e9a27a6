#include "tracing/exporter.hpp"

#include <condition_variable>
#include <gtest/gtest.h>
#include <mutex>

#include "telemetry/exposition.hpp"
#include "telemetry/logger.hpp"

namespace weir::tracing {
namespace {

using namespace std::chrono_literals;

Result<ExportAnswer> status(int number, std::optional<std::chrono::seconds> after = {}) {
  return ExportAnswer{number, after};
}

TEST(Retry, OnlyWhatMaySucceedLaterIsSentAgain) {
  for (const int again : {429, 502, 503, 504}) EXPECT_EQ(retry_delay(status(again), 1, 0.5), 1s) << again;
  for (const int never : {200, 202, 301, 400, 401, 404, 413, 500, 501})
    EXPECT_FALSE(retry_delay(status(never), 1, 0.5)) << never;
  EXPECT_TRUE(retry_delay(fail(ErrorKind::unavailable, connect_failed, "refused"), 1, 0.5));
  EXPECT_FALSE(retry_delay(fail(ErrorKind::unavailable, "no_answer", "hangs"), 1, 0.5))
      << "the receiver may have the spans";
}

TEST(Retry, WaitsLongerEachTimeAndAsLongAsTheReceiverAsks) {
  EXPECT_EQ(retry_delay(status(503), 4, 0.5), 8s);
  EXPECT_EQ(retry_delay(status(503), 4, 0.0), 4s);
  EXPECT_FALSE(retry_delay(status(503), export_attempts_max, 0.5));
  EXPECT_EQ(retry_delay(status(429, 7s), 1, 0.0), 7s);
  EXPECT_EQ(retry_delay(status(429, 0s), 1, 0.9), 0s);
  EXPECT_EQ(retry_delay(status(429, 100h), 1, 0.9), retry_after_max);
}

// Answers each request as the test says. post() blocks while the receiver hangs.
struct Receiver {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Result<ExportAnswer>> answers;  // the last one is repeated
  bool hangs = false;
  std::vector<std::string> bodies;

  void wait_for(std::size_t requests) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return bodies.size() >= requests; });
  }
  void release() {
    const std::lock_guard lock(mutex);
    hangs = false;
    changed.notify_all();
  }
};

class FakeTransport final : public Transport {
 public:
  explicit FakeTransport(std::shared_ptr<Receiver> receiver) : receiver_(std::move(receiver)) {}
  Result<ExportAnswer> post(std::string_view, const std::string& body) override {
    std::unique_lock lock(receiver_->mutex);
    receiver_->bodies.push_back(body);
    receiver_->changed.notify_all();
    receiver_->changed.wait(lock, [this] { return !receiver_->hangs; });
    auto answer = receiver_->answers.front();
    if (receiver_->answers.size() > 1) receiver_->answers.erase(receiver_->answers.begin());
    return answer;
  }

 private:
  std::shared_ptr<Receiver> receiver_;
};

struct Running {
  std::shared_ptr<Receiver> receiver = std::make_shared<Receiver>();
  std::unique_ptr<telemetry::Logger> logger = telemetry::make_silent_logger();
  std::unique_ptr<Exporter> exporter;

  explicit Running(std::vector<Result<ExportAnswer>> answers, bool hangs = false) {
    receiver->answers = std::move(answers);
    receiver->hangs = hangs;
    exporter =
        std::make_unique<Exporter>(ExporterOptions{.queue_max = 8, .batch_max = 4, .schedule_delay = 1h},
                                   std::make_unique<FakeTransport>(receiver), *logger);
  }
  void add(int spans) {
    for (int i = 0; i < spans; ++i) exporter->add(Span{.name = "x"});
  }
  [[nodiscard]] std::string metrics() const {
    telemetry::Exposition into;
    exporter->collect(into);
    return into.text();
  }
};

TEST(Exporter, SendsAFullBatchAtOnceAndTheRestAtTheStop) {
  Running running({status(200)});
  running.add(4);
  running.receiver->wait_for(1);
  running.add(3);
  running.exporter->stop(10s);
  EXPECT_EQ(running.receiver->bodies.size(), 2u);
  EXPECT_TRUE(running.metrics().contains("weir_trace_exported_spans_total 7"));
}

TEST(Exporter, SendsABatchAgainAfter429) {
  Running running({status(429, 0s), status(503, 0s), status(200)});
  running.add(4);
  running.receiver->wait_for(3);
  running.exporter->stop(10s);
  EXPECT_EQ(running.receiver->bodies[0], running.receiver->bodies[2]);
  EXPECT_TRUE(running.metrics().contains("weir_trace_exported_spans_total 4"));
  EXPECT_TRUE(running.metrics().contains("weir_trace_failed_requests_total 2"));
}

TEST(Exporter, DropsABatchAfter400AndCountsIt) {
  Running running({status(400)});
  running.add(4);
  running.receiver->wait_for(1);
  running.exporter->stop(10s);
  EXPECT_EQ(running.receiver->bodies.size(), 1u);
  EXPECT_TRUE(running.metrics().contains("weir_trace_dropped_spans_total{reason=\"refused\"} 4"));
}

TEST(Exporter, Fault32_DropsAndCountsSpansWhileTheReceiverHangs) {
  Running running({status(200)}, true);
  running.add(4);
  running.receiver->wait_for(1);
  running.add(20);
  EXPECT_TRUE(running.metrics().contains("weir_trace_queue_spans 8"));
  EXPECT_TRUE(running.metrics().contains("weir_trace_dropped_spans_total{reason=\"queue_full\"} 12"));
  running.receiver->release();
  running.exporter->stop(10s);
  EXPECT_TRUE(running.metrics().contains("weir_trace_exported_spans_total 12"));
}

TEST(Exporter, StopsInTimeThoughTheReceiverHangs) {
  Running running({status(200)}, true);
  running.add(4);
  running.receiver->wait_for(1);
  running.exporter->stop(1ms);  // must return
  running.add(1);
  EXPECT_TRUE(running.metrics().contains("weir_trace_dropped_spans_total{reason=\"stopping\"} 1"));
  running.receiver->release();
}

TEST(Exporter, DoesNotWaitForARetryWhenItStops) {
  Running running({status(503, 300s)});
  running.add(4);
  running.receiver->wait_for(1);
  running.exporter->stop(60s);
  EXPECT_TRUE(running.metrics().contains("weir_trace_dropped_spans_total{reason=\"stopping\"} 4"));
}

}  // namespace
}  // namespace weir::tracing
