// Apache's LogFormat (https://httpd.apache.org/docs/2.4/mod/mod_log_config.html), compiled.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "formats/log_format.hpp"

namespace weir::formats {

// Reads `%h %l %u %t \"%r\" …`, quotes with or without their backslashes; or a whole directive:
// `LogFormat "…" nickname`. Error format_invalid, e.g. for a directive that Apache does not have.
[[nodiscard]] Result<LogFormat> compile_apache(std::string_view text);

}  // namespace weir::formats
