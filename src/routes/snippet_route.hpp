// The route GET /weir.js: the script that a web page includes to send its page views and events (contract §3,
// docs/CLIENTS.md).
#pragma once

#include "http/exchange.hpp"

namespace weir::routes {

// Pages of any origin may include it. The reply has an ETag and may be stored for an hour; If-None-Match gets
// 304.
[[nodiscard]] http::Route snippet_route();

}  // namespace weir::routes
