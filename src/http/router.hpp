// Finds the route of a request, and the reply to requests that have none.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.hpp"

namespace weir::http {

// Compares paths byte by byte, as received: a percent-encoded character makes another path. One more trailing
// slash does not matter, and several slashes at the beginning count as one.
//
// Immutable and thread-safe. Lookups are linear in the number of routes, about a dozen.
class Router {
 public:
  // Each pair of method and path may occur once; this is asserted.
  explicit Router(std::vector<Route> routes);

  // Returns the route for the method and path, or null. HEAD finds the route of GET. The pointer is valid as
  // long as the router.
  [[nodiscard]] const Route* find(std::string_view method, std::string_view path) const;

  // Returns whether a route of this path, of any method, is cross_origin.
  [[nodiscard]] bool is_cross_origin(std::string_view path) const;

  [[nodiscard]] std::span<const Route> routes() const { return routes_; }

  // Returns the reply where find() returns null: 204 to OPTIONS of a known path, 405 to another method of it,
  // both with Allow, and 404 for an unknown path. `from_web_page`: the request has an Origin, so the 204 of a
  // cross_origin path also answers a CORS preflight.
  [[nodiscard]] Reply reply_without_route(std::string_view method, std::string_view path,
                                          bool from_web_page) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace weir::http
