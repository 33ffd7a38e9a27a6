// Paths of requests to the API. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::cli {

// Returns "/api/v1/NAME?PARAMETER=VALUE&…", percent-encoded. Parameters with an empty value are left out.
[[nodiscard]] std::string api_path(std::string_view name,
                                   const std::vector<std::pair<std::string_view, std::string>>& parameters);

}  // namespace weir::cli
