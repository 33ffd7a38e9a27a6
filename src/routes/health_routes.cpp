#include "routes/health_routes.hpp"

namespace weir::routes {

std::vector<http::Route> health_routes(std::function<telemetry::Health()> health) {
  const http::Handle alive = [](const http::Request&, http::Respond respond) {
    respond({.body = R"({"status":"healthy"})"});
  };
  const http::Handle ready = [health = std::move(health)](const http::Request&, http::Respond respond) {
    const telemetry::Health now = health();
    const bool unready = now.readiness() == telemetry::Readiness::unready;
    http::Reply reply{.status = unready ? 503 : 200, .body = now.to_json()};
    reply.headers.emplace_back("Cache-Control", "no-store");
    respond(std::move(reply));
  };
  return {{.method = "GET", .path = "/health", .handle = alive},
          {.method = "GET", .path = "/health/live", .handle = alive},
          {.method = "GET", .path = "/health/ready", .handle = ready}};
}

}  // namespace weir::routes
