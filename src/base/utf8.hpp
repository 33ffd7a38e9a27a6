// UTF-8 (RFC 3629), character by character. Pure functions; any thread may call them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir {

// U+FFFD, which stands for bytes that are not UTF-8.
inline constexpr std::string_view utf8_replacement = "\xEF\xBF\xBD";

// The length of the UTF-8 sequence at the start of `text`, which is not empty; 0 if there is none: an
// overlong form, a surrogate, a value above U+10FFFF, a sequence that is cut off. Source: Unicode 15, table
// 3-7.
[[nodiscard]] std::size_t utf8_sequence_length(std::string_view text);

// The code point of one valid sequence of 1 to 4 bytes.
[[nodiscard]] char32_t utf8_code_point(std::string_view sequence);

// Whether the byte continues a sequence that began before it.
[[nodiscard]] constexpr bool is_utf8_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// Appends the sequence of a code point up to U+10FFFF. A lone surrogate becomes the three bytes that UTF-8
// forbids for it, so that a caller who finds them refuses or replaces them.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace weir
