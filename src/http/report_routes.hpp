// The reading side over HTTP: /api/v1/summary, timeseries, top, ledger and openapi.json, and the page at /.
#pragma once

#include <functional>
#include <vector>

#include "base/clock.hpp"
#include "http/exchange.hpp"
#include "http/report_pool.hpp"
#include "report/report.hpp"

namespace weir::http {

// Handlers hand each question to the pool and return; a full pool answers 503 with Retry-After. `report` and
// `pool` must outlive the server; the pool is destroyed after the server has stopped taking requests and
// before the report. `clock` is read once a request, from any thread.
[[nodiscard]] std::vector<Route> report_routes(report::Report& report, ReportPool& pool,
                                               std::function<WallTime()> clock);

// `/` and the files it needs, built into the program. Answered at once; with ETag, and a
// Content-Security-Policy that lets nothing run or load that is not one of these files.
[[nodiscard]] std::vector<Route> page_routes();

}  // namespace weir::http
