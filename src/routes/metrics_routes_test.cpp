#include "routes/metrics_routes.hpp"

#include <gtest/gtest.h>

#include "telemetry/testing/exposition_reader.hpp"

namespace weir::routes {
namespace {

TEST(MetricsRoutes, CollectTheMetricsForEachScrape) {
  int scrapes = 0;
  const auto routes = metrics_routes(
      [&](telemetry::Exposition& into) { into.counter("weir_scrapes_total", "Scrapes.", ++scrapes); });
  ASSERT_EQ(routes.size(), 1u);
  EXPECT_EQ(routes[0].method, "GET");
  EXPECT_EQ(routes[0].path, "/metrics");
  for (int scrape = 1; scrape <= 2; ++scrape) {
    http::Reply answer{.status = 0};
    routes[0].handle({}, [&](http::Reply reply) { answer = std::move(reply); });
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
    const auto series = telemetry::read_exposition(answer.body);
    ASSERT_TRUE(series) << series.error();
    EXPECT_EQ(telemetry::find_series(*series, "weir_scrapes_total")->value, scrape);
  }
}

}  // namespace
}  // namespace weir::routes
