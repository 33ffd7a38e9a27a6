#include "routes/metrics_routes.hpp"

namespace weir::routes {

std::vector<http::Route> metrics_routes(std::function<void(telemetry::Exposition&)> collect) {
  // The text is built for each scrape: nothing is cached, so a scrape never shows old values.
  http::Route route{.method = "GET", .path = "/metrics"};
  route.handle = [collect = std::move(collect)](const http::Request&, http::Respond respond) {
    telemetry::Exposition exposition;
    collect(exposition);
    respond({.content_type = std::string(telemetry::Exposition::content_type),
             .body = exposition.text(),
             .headers = {{"Cache-Control", "no-store"}}});
  };
  return {std::move(route)};
}

}  // namespace weir::routes
