// What probes ask: GET /health, /health/live and /health/ready.
#pragma once

#include <functional>
#include <vector>

#include "http/exchange.hpp"
#include "telemetry/health.hpp"

namespace weir::routes {

// /health and /health/live answer 200 while the process serves at all; /health/ready answers what `health`
// says, 503 if that is unready. `health` is called on io threads and must not block.
[[nodiscard]] std::vector<http::Route> health_routes(std::function<telemetry::Health()> health);

}  // namespace weir::routes
