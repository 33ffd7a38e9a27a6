// nginx's log_format (https://nginx.org/en/docs/http/ngx_http_log_module.html), compiled.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "formats/log_format.hpp"

namespace weir::formats {

// Whether the text has an nginx variable: `$name` or `${name}`.
[[nodiscard]] bool is_nginx_notation(std::string_view text);

// Reads `$remote_addr … "$request"`, with `escape=default|json|none` before it or not; or a whole directive
// with its quoted pieces: `log_format name escape=json '…' '…';`. Error format_invalid.
[[nodiscard]] Result<LogFormat> compile_nginx(std::string_view text);

}  // namespace weir::formats
