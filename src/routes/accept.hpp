// Chooses between the forms that an answer can have by the request's Accept header (RFC 9110, section
// 12.5.1). Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/exchange.hpp"

namespace weir::routes {

// A form that can be sent: "text/csv", and the parameters that it has.
struct MediaType {
  std::string_view type;
  std::string_view subtype;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;
};

// The index of the form that the client prefers. For each form the most specific media range that matches it
// gives its quality: with parameters, type/subtype, type/*, */*. The highest quality wins, then the more
// specific range, then the form that stands first. Without an Accept header, or where no form is acceptable,
// it is the first one (RFC 9110 lets a server disregard the header then). Elements that are malformed are
// passed over.
[[nodiscard]] std::size_t preferred(std::span<const MediaType> forms, const http::Request& request);

}  // namespace weir::routes
