#include "routes/metrics_routes.hpp"

namespace weir::routes {

std::vector<http::Route> metrics_routes(std::function<void(telemetry::Exposition&)> describe) {
  http::Route route{.method = "GET", .path = "/metrics"};
  route.handle = [describe = std::move(describe)](const http::Request&, http::Respond respond) {
    telemetry::Exposition exposition;
    describe(exposition);
    respond({.content_type = std::string(telemetry::Exposition::content_type), .body = exposition.text()});
  };
  return {std::move(route)};
}

}  // namespace weir::routes
