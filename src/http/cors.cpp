#include "http/cors.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace weir::http {

CorsPolicy::CorsPolicy(std::vector<std::string> origins)
    : origins_(std::move(origins)), any_(std::ranges::find(origins_, "*") != origins_.end()) {}

std::string_view CorsPolicy::allowed(std::string_view origin) const {
  // The value goes into a header of the reply, so it must not contain a control character.
  const bool is_valid = !origin.empty() && origin.size() <= origin_bytes_max && is_visible_ascii(origin);
  if (!is_valid) return {};
  return any_ || std::ranges::find(origins_, origin) != origins_.end() ? origin : std::string_view();
}

void add_preflight_headers(Reply& reply, std::string_view methods) {
  reply.headers.emplace_back("Access-Control-Allow-Methods", methods);
  reply.headers.emplace_back(
      "Access-Control-Allow-Headers",
      "content-type, content-encoding, authorization, x-api-key, x-request-id, traceparent, "
      "tracestate");
  // One day. Chrome uses at most two hours, Firefox a day.
  reply.headers.emplace_back("Access-Control-Max-Age", "86400");
}

}  // namespace weir::http
