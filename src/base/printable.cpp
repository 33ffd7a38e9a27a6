#include "base/printable.hpp"

#include <algorithm>

#include "base/hex.hpp"
#include "base/utf8.hpp"

namespace weir {
namespace {

// Returns false for characters that control a terminal or change the direction of text: they could disguise
// other parts of a line.
bool is_shown(char32_t value) {
  const bool is_control = value < 0x20 || (value >= 0x7F && value <= 0x9F);
  // Marks, line and paragraph separators, embeddings, overrides and isolates.
  const bool is_layout = value == 0x200E || value == 0x200F || (value >= 0x2028 && value <= 0x202E) ||
                         (value >= 0x2066 && value <= 0x2069);
  return !is_control && !is_layout;
}

}  // namespace

std::string printable(std::string_view text, LineBreaks breaks) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(bytes, 1));
    const bool is_break = character == "\n" || character == "\r" || character == "\t";
    const bool is_kept =
        is_break ? breaks == LineBreaks::kept : bytes > 0 && is_shown(utf8_code_point(character));
    safe += is_kept ? character : utf8_replacement;
    text.remove_prefix(character.size());
  }
  return safe;
}

std::string with_escaped_controls(std::string_view text, Controls controls) {
  std::string safe;
  safe.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0;
    // U+0080 to U+009F are 0xC2 and the value itself.
    const bool is_two_bytes = byte == 0xC2 && next >= 0x80 && next <= 0x9F;
    if (byte == 0x7F || is_two_bytes || (byte < 0x20 && controls == Controls::all)) {
      safe += "\\u00";
      append_hex(safe, static_cast<unsigned char>(is_two_bytes ? next : byte));
      if (is_two_bytes) ++at;
    } else {
      safe += text[at];
    }
  }
  return safe;
}

}  // namespace weir
