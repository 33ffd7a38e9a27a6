// What Prometheus asks: GET /metrics.
#pragma once

#include <functional>
#include <vector>

#include "http/exchange.hpp"
#include "telemetry/exposition.hpp"

namespace weir::routes {

// `describe` is called on an io thread for each scrape and must not block. The process's own numbers
// (observe/process.hpp) are its business too.
[[nodiscard]] std::vector<http::Route> metrics_routes(std::function<void(telemetry::Exposition&)> describe);

}  // namespace weir::routes
