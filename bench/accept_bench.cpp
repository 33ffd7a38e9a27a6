// Cost of accepting one event: from the bytes of the body to the append, without the log.
#include <benchmark/benchmark.h>

#include "activity/decoder.hpp"
#include "bench/events.hpp"
#include "intake/intake.hpp"
#include "segment/segment_items.hpp"
#include "telemetry/logger.hpp"

namespace weir::bench {
namespace {

// Reports every record as kept at once, and stores nothing.
class ForgetfulLog final : public intake::EventLog {
 public:
  void append(intake::EventBatch, intake::ReceiptCallback receive) override {
    receive({.all = intake::Receipt::kept});
  }
  [[nodiscard]] intake::LogHealth health() const override { return {}; }
};

constexpr WallTime now{std::chrono::milliseconds{1'790'000'000'000}};

void accept_one(benchmark::State& state) {
  const Events events(10'000);
  ForgetfulLog log;
  const auto logger = telemetry::make_silent_logger();
  intake::Intake intake(log, {}, [] { return MonoTime{}; }, *logger);
  activity::Decoder decoder;
  std::size_t next = 0;
  for (auto _ : state) {
    intake.accept_one(decoder, events.json(next), now,
                      [](const intake::Outcome& outcome) { benchmark::DoNotOptimize(outcome.accepted); });
    next = next + 1 == events.size() ? 0 : next + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(accept_one);

void accept_batch(benchmark::State& state) {
  const Events events(1'000);
  std::string lines;
  for (std::size_t i = 0; i < events.size(); ++i) lines.append(events.json(i)).push_back('\n');
  const std::size_t size = lines.size();
  lines.append(limits::json_slack_bytes, ' ');
  ForgetfulLog log;
  const auto logger = telemetry::make_silent_logger();
  intake::Intake intake(log, {}, [] { return MonoTime{}; }, *logger);
  activity::Decoder decoder;
  for (auto _ : state) {
    intake::JsonItems items(std::string_view(lines).substr(0, size));
    intake.accept_batch(decoder, items, now,
                        [](const intake::Outcome& outcome) { benchmark::DoNotOptimize(outcome.accepted); });
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(events.size()));
}
BENCHMARK(accept_batch);

// One batch of 1,000 events as Segment's libraries send them, about 440 bytes each.
void accept_segment_batch(benchmark::State& state) {
  constexpr int events = 1'000;
  std::string body = R"({"batch":[)";
  for (int event = 0; event < events; ++event) {
    const std::string number = std::to_string(event);
    body += (event > 0 ? "," : "");
    body += R"({"type":"track","event":"Order Placed","userId":"user-)" + number;
    body += R"(","messageId":"node-next-1790000000000-7f3c1a52-3a4c-4a0e-9f0e-)" +
            std::to_string(100'000'000'000 + event);
    body +=
        R"(","timestamp":"2026-09-21T13:33:20.123Z","properties":{"total":129.5,"plan":"pro",)"
        R"("url":"https://shop.example/cart?step=2","items":[{"sku":"a-1","quantity":2}]},)"
        R"("context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"},"ip":"203.0.113.9"},)"
        R"("integrations":{},"_metadata":{"nodeVersion":"20.20.2"}})";
  }
  body += R"(],"sentAt":"2026-09-21T13:33:21.000Z"})";
  const std::size_t size = body.size();
  body.append(limits::json_slack_bytes, ' ');
  ForgetfulLog log;
  const auto logger = telemetry::make_silent_logger();
  intake::Intake intake(log, {}, [] { return MonoTime{}; }, *logger);
  activity::Decoder decoder;
  segment::Translator translator;
  for (auto _ : state) {
    segment::SegmentItems items(std::string_view(body).substr(0, size), std::nullopt, translator, now);
    intake.accept_batch(decoder, items, now,
                        [](const intake::Outcome& outcome) { benchmark::DoNotOptimize(outcome.accepted); });
  }
  state.SetItemsProcessed(state.iterations() * events);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}
BENCHMARK(accept_segment_batch);

}  // namespace
}  // namespace weir::bench
