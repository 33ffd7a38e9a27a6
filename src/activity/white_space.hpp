// White space as Unicode defines it: an identifier of nothing else is refused.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace weir::activity {

// Returns the length of the character at the beginning of `text` if it has Unicode's property White_Space and
// is not ASCII, else 0.
[[nodiscard]] inline std::size_t wide_space_bytes(std::string_view text) {
  if (static_cast<unsigned char>(text.front()) < 0x80) return 0;
  constexpr std::array<std::string_view, 19> spaces{
      "\u0085", "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
      "\u2007", "\u2008", "\u2009", "\u200A", "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"};
  const auto* const found = std::ranges::find_if(spaces, [&](auto space) { return text.starts_with(space); });
  return found == spaces.end() ? 0 : found->size();
}

// True for white space only, and for an empty text.
[[nodiscard]] inline bool is_blank(std::string_view text) {
  while (!text.empty()) {
    const char first = text.front();
    const bool narrow_space = first == ' ' || (first >= '\t' && first <= '\r');
    const std::size_t bytes = narrow_space ? 1 : wide_space_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

}  // namespace weir::activity
