// The routes of the page: / and the files it loads. All of them are built into the program.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.hpp"

namespace weir::routes {

// A file of web/, embedded at build time (cmake/embed.cmake).
struct PageFile {
  std::string_view name;  // such as "app.js"
  std::string_view bytes;
};
[[nodiscard]] std::span<const PageFile> page_files();
// The bytes of the file of that name, which must be one of them.
[[nodiscard]] std::string_view page_file(std::string_view name);
// The value of the header ETag for these bytes.
[[nodiscard]] std::string etag_of(std::string_view bytes);

// Replies have an ETag, and If-None-Match gets 304. Their Content-Security-Policy lets the browser load and
// run only these files.
[[nodiscard]] std::vector<http::Route> page_routes();

}  // namespace weir::routes
