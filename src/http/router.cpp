#include "http/router.hpp"

#include "base/ensure.hpp"
#include "http/cors.hpp"

namespace weir::http {

namespace {

// Removes slashes at the beginning but one, and one at the end.
std::string_view normalized(std::string_view path) {
  while (path.starts_with("//")) path.remove_prefix(1);
  return path.size() > 1 && path.back() == '/' ? path.substr(0, path.size() - 1) : path;
}

}  // namespace

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  std::set<std::pair<std::string_view, std::string_view>> known;
  for (const Route& route : routes_)
    ensure(known.emplace(route.method, route.path).second, "a method and path have one route");
}

const Route* Router::find(std::string_view method, std::string_view path) const {
  const std::string_view normal = normalized(path);
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : routes_)
    if (route.path == normal && route.method == wanted) return &route;
  return nullptr;
}

bool Router::is_cross_origin(std::string_view path) const {
  const std::string_view normal = normalized(path);
  return std::ranges::any_of(
      routes_, [normal](const Route& route) { return route.cross_origin && route.path == normal; });
}

Reply Router::reply_without_route(std::string_view method, std::string_view path, bool from_web_page) const {
  const std::string_view normal = normalized(path);
  // OPTIONS * asks about the server as a whole (RFC 9110 §9.3.7): all methods of all paths.
  std::string allow;
  for (const Route& route : routes_) {
    if (route.path != normal && normal != "*") continue;
    const std::string names = route.method == "GET" ? "GET, HEAD" : route.method;
    if (allow.find(names) == std::string::npos) allow += names + ", ";
  }
  if (allow.empty()) return error_reply(404, "there is nothing at this path");
  allow += "OPTIONS";

  if (method != "OPTIONS") {
    Reply reply = error_reply(405, "this path answers " + allow);
    reply.headers.emplace_back("Allow", allow);
    return reply;
  }
  Reply reply{.status = 204};
  reply.headers.emplace_back("Allow", allow);
  // A browser sends OPTIONS before a cross-origin request (CORS preflight).
  if (from_web_page && is_cross_origin(path)) add_preflight_headers(reply, allow);
  return reply;
}

}  // namespace weir::http
