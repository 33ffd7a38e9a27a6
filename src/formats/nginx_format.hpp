// Compiles nginx's log_format (https://nginx.org/en/docs/http/ngx_http_log_module.html).
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "formats/log_format.hpp"

namespace weir::formats {

// Whether the text has an nginx variable: `$name` or `${name}`.
[[nodiscard]] bool is_nginx_notation(std::string_view text);

// Accepts `$remote_addr … "$request"`, with or without `escape=default|json|none` before it, and a whole
// directive with its quoted strings: `log_format name escape=json '…' '…';`. ErrorKind::invalid,
// format_invalid: see FormatBuilder, and a '$' without a name or an unknown escape.
[[nodiscard]] Result<LogFormat> compile_nginx(std::string_view text);

}  // namespace weir::formats
