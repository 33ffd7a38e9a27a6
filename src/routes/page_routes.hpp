// The page at /, the files it loads, and /api/v1/openapi.json: all built into the program.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "http/exchange.hpp"

namespace weir::routes {

// A file as it was when the program was built (cmake/embed.cmake).
struct PageFile {
  std::string_view name;  // "app.js"
  std::string_view bytes;
};
[[nodiscard]] std::span<const PageFile> page_files();

// Answered at once, with an ETag (If-None-Match: 304) and a Content-Security-Policy under which nothing runs
// or loads that is not one of these files.
[[nodiscard]] std::vector<http::Route> page_routes();

}  // namespace weir::routes
