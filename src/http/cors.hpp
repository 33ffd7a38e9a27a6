// Which web pages' scripts may call the ingest paths (CORS,
// https://fetch.spec.whatwg.org/#http-cors-protocol).
//
// navigator.sendBeacon sends JSON with credentials, for which a browser wants the page's own origin in the
// reply and Access-Control-Allow-Credentials; `*` would not do. No cookie is ever set or read here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.hpp"

namespace weir::http {

class CorsPolicy {
 public:
  static constexpr std::size_t origin_bytes_max = 512;

  // Origins as browsers send them ("https://shop.example"), compared byte for byte; "*" is any.
  explicit CorsPolicy(std::vector<std::string> origins);

  // What Access-Control-Allow-Origin says to a request with this Origin: the same, or nothing.
  [[nodiscard]] std::string_view allowed(std::string_view origin) const;

 private:
  std::vector<std::string> origins_;
  bool any_ = false;
};

// Adds what the answer to a preflight says besides Access-Control-Allow-Origin.
void add_preflight_headers(Reply& reply, std::string_view methods);

}  // namespace weir::http
