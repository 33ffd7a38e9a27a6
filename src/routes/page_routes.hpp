// The page at / and the files it loads: all built into the program.
#pragma once

#include <span>
#include <string>
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
// The bytes of the file of that name, which must be one of them.
[[nodiscard]] std::string_view page_file(std::string_view name);
// The value of the header ETag for these bytes.
[[nodiscard]] std::string etag_of(std::string_view bytes);

// Answered at once, with an ETag (If-None-Match: 304) and a Content-Security-Policy under which nothing runs
// or loads that is not one of these files.
[[nodiscard]] std::vector<http::Route> page_routes();

}  // namespace weir::routes
