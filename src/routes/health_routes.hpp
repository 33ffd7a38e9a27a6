// The routes of health probes: GET /health, /health/live and /health/ready (contract §3).
#pragma once

#include <functional>
#include <vector>

#include "http/exchange.hpp"
#include "telemetry/health.hpp"

namespace weir::routes {

// /health and /health/live reply 200 as long as the process serves. /health/ready replies with the result of
// `health`: 503 if it is unready, else 200. Io threads call `health` for each probe, several at a time: it
// must be thread-safe and must not block.
[[nodiscard]] std::vector<http::Route> health_routes(std::function<telemetry::Health()> health);

}  // namespace weir::routes
