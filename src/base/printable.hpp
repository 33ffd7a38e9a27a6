// Text of untrusted origin, made safe for a terminal. Pure functions; any thread may call them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

enum class LineBreaks : std::uint8_t {
  replaced,  // the result is one line
  kept,      // CR, LF and tab stay, for text that has lines of its own
};

// The text with U+FFFD in place of everything that a terminal obeys instead of showing it. These are control
// characters (U+0000 to U+001F, U+007F to U+009F), line separators and changes of writing direction. Each
// byte that is not UTF-8 becomes U+FFFD, too. Sources: ECMA-48 (C0, C1), Unicode Standard Annex 9 (explicit
// directional formatting).
[[nodiscard]] std::string printable(std::string_view text, LineBreaks breaks = LineBreaks::replaced);

enum class Controls : std::uint8_t {
  del_and_c1,  // U+007F to U+009F: the ones that JSON allows in a string
  all,         // U+0000 to U+001F, too
};

// The text with these control characters written as \u00hh, as JSON does it.
[[nodiscard]] std::string with_escaped_controls(std::string_view text, Controls controls);

}  // namespace weir
