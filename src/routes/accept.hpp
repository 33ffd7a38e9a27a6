// Content negotiation by the Accept header (RFC 9110 §12.5.1). No I/O, no state.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/exchange.hpp"

namespace weir::routes {

// A representation that a route can send, such as "text/csv", with its parameters.
struct MediaType {
  std::string_view type;
  std::string_view subtype;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;
};

// Returns the index of the representation that the client prefers.
//
// For each representation the most specific matching media range of the header gives its quality. From the
// most to the least specific: with parameters, type/subtype, type/*, */*. The highest quality wins, then the
// more specific range, then the lower index.
//
// Returns 0 if there is no Accept header or no acceptable representation; RFC 9110 §12.5.1 allows a server to
// ignore the header then. Malformed elements of the header are ignored.
[[nodiscard]] std::size_t preferred(std::span<const MediaType> representations, const http::Request& request);

}  // namespace weir::routes
