// Replies to queries that have no answer. Pure functions.
#pragma once

#include "base/result.hpp"
#include "http/exchange.hpp"
#include "routes/bounded_executor.hpp"

namespace weir::routes {

// The status follows from the kind of the error: invalid 400, unavailable 503 with Retry-After, internal 500.
// The codes of 500 and 503 are logged, except that of a client that is gone.
[[nodiscard]] http::Reply error_reply_for(const Error& error);

// The reply to a query that an executor did not run.
[[nodiscard]] http::Reply refusal_reply(BoundedExecutor::Call call);

}  // namespace weir::routes
