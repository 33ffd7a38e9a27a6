#include "routes/health_routes.hpp"

namespace weir::routes {

std::vector<http::Route> health_routes(std::function<telemetry::Health()> health) {
  const http::Handler live = [](const http::Request&, http::Respond respond) {
    respond({.body = R"({"status":"healthy"})", .headers = {{"Cache-Control", "no-store"}}});
  };
  // The result is computed for each probe. A proxy must not cache it, nor a result of the two above.
  const http::Handler ready = [health = std::move(health)](const http::Request&, http::Respond respond) {
    const telemetry::Health now = health();
    const bool unready = now.readiness() == telemetry::Readiness::unready;
    http::Reply reply{.status = unready ? 503 : 200, .body = now.to_json()};
    reply.headers.emplace_back("Cache-Control", "no-store");
    respond(std::move(reply));
  };
  // /health is the path of the original service, the others are those of Kubernetes.
  return {{.method = "GET", .path = "/health", .handle = live},
          {.method = "GET", .path = "/health/live", .handle = live},
          {.method = "GET", .path = "/health/ready", .handle = ready}};
}

}  // namespace weir::routes
