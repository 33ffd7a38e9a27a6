// Compiles Apache's LogFormat (https://httpd.apache.org/docs/2.4/mod/mod_log_config.html).
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "formats/log_format.hpp"

namespace weir::formats {

// Accepts `%h %l %u %t \"%r\" …`, with or without the backslashes before the quotes, and a whole directive:
// `LogFormat "…" nickname`.
// ErrorKind::invalid, format_invalid: see FormatBuilder, and a directive that Apache does not have.
[[nodiscard]] Result<LogFormat> compile_apache(std::string_view text);

}  // namespace weir::formats
