// The routes of Segment's tracking API (contract §3), so that Segment's client libraries work when only their
// host is changed: POST /v1/track, page, screen, identify, group, alias, batch and import, and the short
// paths of browsers.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "http/exchange.hpp"
#include "intake/intake.hpp"
#include "routes/request_trace.hpp"

namespace weir::routes {

// Checks the write key that stands in a body or as ?writeKey=; empty if there is none. Other places of a key
// are the request's head and concern the filters of a route. Returns nothing to let the request pass, or the
// reply that refuses it. Each io thread needs its own.
using CheckWriteKey =
    std::function<std::optional<http::Reply>(const http::Request& request, std::string_view write_key)>;

// Call it once for each io thread, as ingest_routes(). `intake` and `tracing` must outlive the routes. Each
// request reads `clock` once. Without `check_write_key` each request passes.
//
// A body of gzip is decompressed also without Content-Encoding, and any Content-Type is accepted.
[[nodiscard]] std::vector<http::Route> segment_routes(intake::Intake& intake, std::function<WallTime()> clock,
                                                      CheckWriteKey check_write_key = {},
                                                      const IngestTracing& tracing = without_spans);

// Translates the outcome of a request. Segment's libraries repeat a request after 429, 500 and 503, and give
// its events up after another 4xx, so a batch with wrong events is answered 200: X-Weir-Rejected is their
// number. A request with one event (`is_one`) that is wrong is answered 400.
[[nodiscard]] http::Reply reply_to_segment(const intake::Outcome& outcome, bool is_one);

}  // namespace weir::routes
