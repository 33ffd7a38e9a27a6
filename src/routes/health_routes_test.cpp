#include "routes/health_routes.hpp"

#include <gtest/gtest.h>

namespace weir::routes {
namespace {

http::Reply ask(const std::vector<http::Route>& routes, std::string_view path) {
  for (const http::Route& route : routes) {
    if (route.path != path) continue;
    http::Reply answer{.status = 0};
    route.handle(http::Request{.method = "GET", .path = path},
                 [&](http::Reply reply) { answer = std::move(reply); });
    return answer;
  }
  return {.status = 404};
}

TEST(HealthRoutes, AnswerHealthyWhileTheProcessServesWhateverTheChecksReport) {
  const auto routes = health_routes(
      [] { return telemetry::Health{{{.name = "event_log", .readiness = telemetry::Readiness::unready}}}; });
  for (const std::string_view path : {"/health", "/health/live"}) {
    EXPECT_EQ(ask(routes, path).status, 200);
    EXPECT_EQ(ask(routes, path).body, R"({"status":"healthy"})");
  }
}

TEST(HealthRoutes, AnswerReadyByTheWorstCheck) {
  telemetry::Readiness worst = telemetry::Readiness::ready;
  const auto routes = health_routes([&] {
    return telemetry::Health{{{.name = "event_log"}, {.name = "metrics_store", .readiness = worst}}};
  });
  struct Case {
    telemetry::Readiness readiness;
    int status;
    std::string begins;
  };
  for (const Case& state : {Case{telemetry::Readiness::ready, 200, R"({"status":"ready",)"},
                            Case{telemetry::Readiness::degraded, 200, R"({"status":"degraded",)"},
                            Case{telemetry::Readiness::unready, 503, R"({"status":"unready",)"}}) {
    worst = state.readiness;
    const http::Reply reply = ask(routes, "/health/ready");
    EXPECT_EQ(reply.status, state.status);
    EXPECT_EQ(reply.body.substr(0, state.begins.size()), state.begins);
  }
}

}  // namespace
}  // namespace weir::routes
