// The routes of the reading API: GET /api/v1/summary, timeseries, top, ledger, dimensions, dead_letters and
// openapi.json (contract §4).
#pragma once

#include <functional>
#include <vector>

#include "base/clock.hpp"
#include "http/exchange.hpp"
#include "report/report.hpp"
#include "routes/bounded_executor.hpp"

namespace weir::routes {

// Handlers submit each query to `executor` and return. Replies:
//   200  JSON; lists also as CSV, by the parameter `format`, else by the Accept header
//   400  a wrong parameter, which the text names
//   503  with Retry-After: the store is unavailable, the queue is full, or the executor stops; also after
//        limits::query_deadline from the arrival of the query
//   500  the store failed in a way that needs an operator
// A query is cancelled when its client closes the connection.
//
// `report` and `executor` must outlive the server. Destroy the executor after the server has stopped and
// before `report`. `clock` must be thread-safe.
[[nodiscard]] std::vector<http::Route> report_routes(report::Report& report, BoundedExecutor& executor,
                                                     std::function<Now()> clock);

}  // namespace weir::routes
