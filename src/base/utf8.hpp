// Which bytes are a character of UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace weir {

// The length of the UTF-8 sequence at the start of `text`, which is not empty; 0 if there is none. Source:
// Unicode 15, table 3-7.
[[nodiscard]] std::size_t utf8_sequence_length(std::string_view text);

}  // namespace weir
