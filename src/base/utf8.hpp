// Validation of UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace weir {

// Returns the length in bytes (1 to 4) of the UTF-8 sequence at the start of `text`. Returns 0 if the bytes
// are not well-formed UTF-8: overlong forms, surrogates and truncated sequences included. `text` must not be
// empty. Source: Unicode 15, table 3-7.
[[nodiscard]] std::size_t utf8_sequence_length(std::string_view text);

}  // namespace weir
