// The reading side over HTTP: GET /api/v1/summary, timeseries, top, ledger, dimensions and
// openapi.json (contract §4).
#pragma once

#include <functional>
#include <vector>

#include "base/clock.hpp"
#include "http/exchange.hpp"
#include "report/report.hpp"
#include "routes/bounded_executor.hpp"

namespace weir::routes {

// Handlers hand each question to the pool and return. A bad parameter is answered 400, naming it; a store
// that is away, a full pool, a question that took longer than limits::question_deadline from its arrival, and
// one that waits while the pool stops, 503 with Retry-After. A question ends when its client is gone. Lists
// come as JSON or CSV: by `format`, else by Accept. `report` and `pool` must outlive the server; the pool
// goes after the server has stopped and before the report. `clock` may be read from any thread.
[[nodiscard]] std::vector<http::Route> report_routes(report::Report& report, BoundedExecutor& pool,
                                                     std::function<Now()> clock);

}  // namespace weir::routes
