// The way in over HTTP: POST /activity and POST /activities (contract §3).
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "base/clock.hpp"
#include "http/exchange.hpp"
#include "intake/intake.hpp"

namespace weir::routes {

// To be called for each io thread (MakeRoutes): the routes of one call share a decoder. `intake` must outlive
// them. `clock` is read once a request.
[[nodiscard]] std::vector<http::Route> ingest_routes(intake::Intake& intake, std::function<WallTime()> clock);

// The replies to what became of one activity, and of a batch.
[[nodiscard]] http::Reply reply_to_one(const intake::Outcome& outcome);
[[nodiscard]] http::Reply reply_to_batch(const intake::Outcome& outcome);

}  // namespace weir::routes
