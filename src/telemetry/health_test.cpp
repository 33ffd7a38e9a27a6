#include "telemetry/health.hpp"

namespace weir::telemetry {
namespace {

TEST(Health, ReadinessIsThatOfTheWorstCheck) {
  EXPECT_EQ(Health{}.readiness(), Readiness::ready);
  Health health;
  health.checks.push_back({.name = "event_log", .readiness = Readiness::ready});
  health.checks.push_back({.name = "freshness", .readiness = Readiness::degraded});
  EXPECT_EQ(health.readiness(), Readiness::degraded);
  health.checks.push_back({.name = "metrics_store", .readiness = Readiness::unready});
  EXPECT_EQ(health.readiness(), Readiness::unready);
}

TEST(Health, WritesOneJsonObjectForEachCheck) {
  Health health;
  health.checks.push_back({.name = "event_log",
                           .readiness = Readiness::unready,
                           .latency_ms = 3,
                           .reason = "draining",
                           .numbers = {{"end", 42}},
                           .texts = {{"log_id", "abc"}}});
  EXPECT_EQ(health.to_json(),
            R"({"status":"unready","checks":{"event_log":{"status":"unready","latency_ms":3,)"
            R"("reason":"draining","end":42,"log_id":"abc"}}})");
}

}  // namespace
}  // namespace weir::telemetry
