#include "routes/metrics_routes.hpp"

namespace weir::routes {

std::vector<http::Route> metrics_routes(std::function<void(observe::Exposition&)> describe) {
  http::Route route{.method = "GET", .path = "/metrics"};
  route.handle = [describe = std::move(describe)](const http::Request&, http::Respond respond) {
    observe::Exposition exposition;
    describe(exposition);
    respond({.content_type = std::string(observe::Exposition::content_type), .body = exposition.text()});
  };
  return {std::move(route)};
}

}  // namespace weir::routes
