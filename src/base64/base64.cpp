#include "base64/base64.hpp"

#include <openssl/evp.h>

namespace weir {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock() ends it with a NUL
  const int size = EVP_EncodeBlock(bytes_of(text), bytes_of(bytes), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

// EVP_DecodeBlock() takes padding for data and lets white space pass, so both are removed or refused before.
std::optional<std::string> decode_base64(std::string_view text, Base64Padding padding) {
  if (padding == Base64Padding::required && text.size() % 4 != 0) return std::nullopt;
  for (int removed = 0; removed < 2 && text.ends_with('='); ++removed) text.remove_suffix(1);
  // A remaining '=' is padding in the wrong place. No input of whole bytes has the length 4n + 1.
  if (text.find_first_of("= \t\r\n") != std::string_view::npos || text.size() % 4 == 1) return std::nullopt;
  std::string padded(text);
  padded.append((4 - text.size() % 4) % 4, '=');
  std::string decoded(padded.size() / 4 * 3, '\0');
  const int bytes =
      EVP_DecodeBlock(bytes_of(decoded), bytes_of(std::string_view(padded)), static_cast<int>(padded.size()));
  if (bytes < 0) return std::nullopt;
  // The decoder returns one zero byte for each '=' that was added. They are no part of the value.
  decoded.resize(static_cast<std::size_t>(bytes) - (padded.size() - text.size()));
  return decoded;
}

}  // namespace weir
