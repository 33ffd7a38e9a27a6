// GET /api/v1/export: all rows of a range, as a streamed reply.
#pragma once

#include <functional>

#include "base/clock.hpp"
#include "http/exchange.hpp"
#include "report/report.hpp"
#include "routes/bounded_executor.hpp"

namespace weir::routes {

// The export runs on a thread of `executor` from its first to its last row, in one snapshot of the store. It
// waits for a client that reads slowly, but not beyond limits of the server for streams (http/stream.hpp),
// and ends after limits::export_deadline. So `executor` must not be the one that answers other queries.
//
// Replies: 200 with CSV or NDJSON; 400 for a wrong parameter; 503 with Retry-After if the store is
// unavailable or too many exports wait. If the store fails after the first rows, the body ends without its
// last chunk, so an HTTP/1.1 client sees that it is incomplete.
//
// A running export ends when stop is requested of `stopping`: its reply is 503, or incomplete. `report` and
// `executor` must outlive the server. `clock` must be thread-safe.
[[nodiscard]] http::Route export_route(report::Report& report, BoundedExecutor& executor,
                                       std::function<Now()> clock, std::stop_token stopping = {});

}  // namespace weir::routes
