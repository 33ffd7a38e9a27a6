// The ingest routes: POST /activity and POST /activities (contract §3).
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "base/clock.hpp"
#include "http/exchange.hpp"
#include "intake/intake.hpp"
#include "routes/request_trace.hpp"

namespace weir::routes {

// Call it once for each io thread (http::MakeRoutes): the routes of one call share a decoder, which is not
// thread-safe. `intake` must outlive the routes. Each request reads `clock` once.
// `tracing` must outlive the routes, too.
[[nodiscard]] std::vector<http::Route> ingest_routes(intake::Intake& intake, std::function<WallTime()> clock,
                                                     const IngestTracing& tracing = without_spans);

// Translate the outcome of POST /activity and POST /activities into the reply: 200, or 400, 413, 500 or 503
// with Retry-After.
[[nodiscard]] http::Reply reply_to_one(const intake::Outcome& outcome);
[[nodiscard]] http::Reply reply_to_batch(const intake::Outcome& outcome);

}  // namespace weir::routes
