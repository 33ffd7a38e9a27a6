#include "base/utf8.hpp"

namespace weir {
namespace {

constexpr std::string_view replacement = "\uFFFD";

// What table 3-7 of Unicode 15 allows after a first byte: the length of the sequence (0: it begins none), and
// the range of the second byte. Each further byte is 80 to BF. The second byte has a narrower range after E0
// (overlong forms), ED (surrogates), F0 (overlong forms) and F4 (code points above U+10FFFF).
struct Lead {
  std::size_t length = 0;
  unsigned second_low = 0x80;
  unsigned second_high = 0xBF;
};

Lead lead_of(unsigned first) {
  if (first < 0x80) return {1};
  if (first >= 0xC2 && first <= 0xDF) return {2};
  if (first >= 0xE0 && first <= 0xEF)
    return {3, first == 0xE0 ? 0xA0U : 0x80U, first == 0xED ? 0x9FU : 0xBFU};
  if (first >= 0xF0 && first <= 0xF4)
    return {4, first == 0xF0 ? 0x90U : 0x80U, first == 0xF4 ? 0x8FU : 0xBFU};
  return {};
}

// Returns the number of bytes at the start of `text` that conform to table 3-7, up to one whole sequence.
std::size_t well_formed_bytes(std::string_view text, const Lead& lead) {
  if (lead.length == 0) return 0;
  std::size_t bytes = 1;
  while (bytes < lead.length && bytes < text.size()) {
    const unsigned byte = static_cast<unsigned char>(text[bytes]);
    const unsigned low = bytes == 1 ? lead.second_low : 0x80;
    const unsigned high = bytes == 1 ? lead.second_high : 0xBF;
    if (byte < low || byte > high) break;
    ++bytes;
  }
  return bytes;
}

// A surrogate that was encoded as three bytes, as some programs write it. It becomes one U+FFFD instead of
// three.
bool begins_with_surrogate(std::string_view text) {
  return text.size() >= 3 && text[0] == '\xED' && is_utf8_continuation(text[1]) &&
         static_cast<unsigned char>(text[1]) >= 0xA0 && is_utf8_continuation(text[2]);
}

}  // namespace

std::size_t utf8_sequence_length(std::string_view text) {
  const Lead lead = lead_of(static_cast<unsigned char>(text.front()));
  return well_formed_bytes(text, lead) == lead.length ? lead.length : 0;
}

std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  // Goes back to the first byte of the character that crosses the limit. A UTF-8 sequence has at most three
  // continuation bytes.
  std::size_t end = bytes_max;
  while (end > 0 && bytes_max - end < 3 && is_utf8_continuation(text[end])) --end;
  return text.substr(0, end);
}

void append_storable_utf8(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const Lead lead = lead_of(static_cast<unsigned char>(text.front()));
    std::size_t bytes = well_formed_bytes(text, lead);
    if (bytes == lead.length && bytes > 0 && text.front() != '\0') {
      out += text.substr(0, bytes);
    } else {
      out += replacement;
      if (begins_with_surrogate(text)) bytes = 3;
      if (bytes == 0) bytes = 1;
    }
    text.remove_prefix(bytes);
  }
}

char32_t utf8_code_point(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence.front());
  if (first < 0x80) return first;
  // The first byte of n bytes begins with n ones and a zero; its other bits are the highest of the value.
  char32_t value = first & (0x7FU >> sequence.size());
  for (const char byte : sequence.substr(1))
    value = (value << 6) | (static_cast<unsigned char>(byte) & 0x3FU);
  return value;
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto put = [&out](char32_t byte) { out += static_cast<char>(byte); };
  const auto put_continuation = [&](int shift) { put(0x80 | ((code_point >> shift) & 0x3F)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put_continuation(0);
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put_continuation(6);
    put_continuation(0);
  } else {
    put(0xF0 | (code_point >> 18));
    put_continuation(12);
    put_continuation(6);
    put_continuation(0);
  }
}

}  // namespace weir
