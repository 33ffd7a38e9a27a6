// Which route a request is for, and what is answered where there is none.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.hpp"

namespace weir::http {

// Paths are matched as they came, byte for byte: a percent-encoded letter is another path. One trailing slash
// more is the same, and so are several slashes at the beginning.
class Router {
 public:
  // Two routes of one method and path are a mistake of ours.
  explicit Router(std::vector<Route> routes);

  // The route for the method and path, HEAD by GET's; null if there is none. Lives as long as the router.
  [[nodiscard]] const Route* find(std::string_view method, std::string_view path) const;

  // Whether scripts of web pages may call a route of this path.
  [[nodiscard]] bool is_cross_origin(std::string_view path) const;

  [[nodiscard]] std::span<const Route> routes() const { return routes_; }

  // Where find() is null: 204 to OPTIONS of a path that is known, 405 to other methods of it, both with
  // Allow, 404 to all else.
  [[nodiscard]] Reply reply_without_route(std::string_view method, std::string_view path) const;

 private:
  std::vector<Route> routes_;  // a dozen: looking through them costs less than a hash
};

}  // namespace weir::http
