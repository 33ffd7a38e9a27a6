#include "http/health_routes.hpp"

namespace weir::http {

std::vector<Route> health_routes(std::function<observe::Health()> health) {
  const Handle alive = [](const Request&, Respond respond) { respond({.body = R"({"status":"healthy"})"}); };
  const Handle ready = [health = std::move(health)](const Request&, Respond respond) {
    const observe::Health now = health();
    const bool unready = now.readiness() == observe::Readiness::unready;
    Reply reply{.status = unready ? 503 : 200, .body = now.to_json()};
    reply.headers.emplace_back("Cache-Control", "no-store");
    respond(std::move(reply));
  };
  return {{.method = "GET", .path = "/health", .handle = alive},
          {.method = "GET", .path = "/health/live", .handle = alive},
          {.method = "GET", .path = "/health/ready", .handle = ready}};
}

}  // namespace weir::http
