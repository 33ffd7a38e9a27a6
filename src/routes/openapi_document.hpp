// The description of the API (OpenAPI 3).
#pragma once

#include <string>
#include <string_view>

#include "report/query.hpp"

namespace weir::routes {

// Returns the description with the own dimensions of `dimensions` besides the built-in ones: as filters of
// summary and timeseries, and as values of `dimension`. `document` is web/openapi.json, which describes the
// built-in ones. Pure.
[[nodiscard]] std::string describe_dimensions(std::string_view document, report::Dimensions dimensions);

}  // namespace weir::routes
