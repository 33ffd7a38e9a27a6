// Decides which web pages' scripts may call the ingest routes
// (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol).
//
// navigator.sendBeacon sends JSON with credentials. For that, a browser requires the page's own origin in
// Access-Control-Allow-Origin, and Access-Control-Allow-Credentials; "*" is not enough. The server neither
// sets nor reads cookies.
//
// CORS is not a filter (exchange.hpp): it also concerns replies without a route, such as a preflight and 405.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.hpp"

namespace weir::http {

// Immutable and thread-safe.
class CorsPolicy {
 public:
  static constexpr std::size_t origin_bytes_max = 512;

  // `origins` are as browsers send them ("https://shop.example") and are compared byte by byte. "*" allows
  // every origin.
  explicit CorsPolicy(std::vector<std::string> origins);

  // Returns the value of Access-Control-Allow-Origin for a request with this Origin: the same origin, or an
  // empty text if it is not allowed.
  [[nodiscard]] std::string_view allowed(std::string_view origin) const;

 private:
  std::vector<std::string> origins_;
  bool any_ = false;
};

// Adds the headers of the reply to a preflight, except Access-Control-Allow-Origin. `methods` is a list such
// as "POST, OPTIONS".
void add_preflight_headers(Reply& reply, std::string_view methods);

}  // namespace weir::http
