#include "http/router.hpp"

#include "base/ensure.hpp"

namespace weir::http {

namespace {

std::string_view without_trailing_slash(std::string_view path) {
  return path.size() > 1 && path.back() == '/' ? path.substr(0, path.size() - 1) : path;
}

}  // namespace

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  std::set<std::pair<std::string_view, std::string_view>> known;
  for (const Route& route : routes_)
    ensure(known.emplace(route.method, route.path).second, "a method and path have one route");
}

const Route* Router::find(std::string_view method, std::string_view path) const {
  const std::string_view plain = without_trailing_slash(path);
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : routes_)
    if (route.path == plain && route.method == wanted) return &route;
  return nullptr;
}

Reply Router::reply_without_route(std::string_view method, std::string_view path) const {
  const std::string_view plain = without_trailing_slash(path);
  std::string allow;
  bool any_origin = false;
  for (const Route& route : routes_) {
    if (route.path != plain && plain != "*") continue;
    const std::string names = route.method == "GET" ? "GET, HEAD" : route.method;
    if (allow.find(names) == std::string::npos) allow += names + ", ";
    any_origin = any_origin || (route.any_origin && plain != "*");
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
  if (any_origin) {
    // The answer to a browser's preflight (https://fetch.spec.whatwg.org/#http-cors-protocol).
    reply.headers.emplace_back("Access-Control-Allow-Origin", "*");
    reply.headers.emplace_back("Access-Control-Allow-Methods", allow);
    reply.headers.emplace_back("Access-Control-Allow-Headers",
                               "Content-Type, Content-Encoding, Authorization, X-Api-Key");
    reply.headers.emplace_back("Access-Control-Max-Age", "86400");
  }
  return reply;
}

}  // namespace weir::http
