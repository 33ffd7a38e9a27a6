// The route of Prometheus scrapes: GET /metrics.
#pragma once

#include <functional>
#include <vector>

#include "http/exchange.hpp"
#include "telemetry/exposition.hpp"

namespace weir::routes {

// An io thread calls `collect` for each scrape. It adds all metrics, those of the process
// (telemetry/process.hpp) included. It must be thread-safe and must not block.
[[nodiscard]] std::vector<http::Route> metrics_routes(std::function<void(telemetry::Exposition&)> collect);

}  // namespace weir::routes
