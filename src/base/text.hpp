// Operations on text that the standard library lacks. Pure functions; any thread may call them. The views
// that they return point into the given text.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

namespace weir {

// Optional white space in the value of a header field (RFC 9110 §5.6.3).
inline constexpr std::string_view header_spaces = " \t";
// White space of JSON (RFC 8259 §2), which also separates the entries of a setting.
inline constexpr std::string_view json_spaces = " \t\r\n";

// Returns the text without the characters of `spaces` at both ends.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text, std::string_view spaces) {
  text.remove_prefix(std::min(text.find_first_not_of(spaces), text.size()));
  return text.substr(0, text.find_last_not_of(spaces) + 1);
}

// Returns the entries of a list. A separator at the end is followed by an empty entry, and an empty text is
// one empty entry.
[[nodiscard]] inline std::vector<std::string_view> split(std::string_view list, char separator) {
  std::vector<std::string_view> entries;
  for (std::size_t end = 0; (end = list.find(separator)) != std::string_view::npos;) {
    entries.push_back(list.substr(0, end));
    list.remove_prefix(end + 1);
  }
  entries.push_back(list);
  return entries;
}

// Returns whether each character is visible ASCII: no control character, no space, no byte of UTF-8 beyond.
// An empty text is.
[[nodiscard]] constexpr bool is_visible_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char each) { return each > ' ' && each < '\x7f'; });
}

}  // namespace weir
