// Which bytes are a character of UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir {

// The length of the UTF-8 sequence at the start of `text`, which is not empty; 0 if there is none. Source:
// Unicode 15, table 3-7.
[[nodiscard]] std::size_t utf8_sequence_length(std::string_view text);

// Returns the longest prefix of valid UTF-8 that has at most `bytes_max` bytes and ends between characters.
[[nodiscard]] std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max);

// Appends `text` as a database accepts it: UTF-8 without U+0000. U+FFFD takes the place of each U+0000, of
// each surrogate (three bytes that begin with ED A0 to ED BF), and of each other maximal part that is not
// UTF-8 (Unicode 15, section 3.9, "U+FFFD Substitution of Maximal Subparts").
void append_storable_utf8(std::string& out, std::string_view text);

}  // namespace weir
