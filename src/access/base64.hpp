// Base64 (RFC 4648 §4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::access {

// Decodes; the padding may be missing. Nothing if the text is no base64. The result may be any bytes.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

}  // namespace weir::access
