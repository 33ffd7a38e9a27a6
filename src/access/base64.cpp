#include "access/base64.hpp"

#include <openssl/evp.h>

namespace weir::access {

// EVP_DecodeBlock() takes padding for data and lets white space pass, so both are removed or refused before.
std::optional<std::string> decode_base64(std::string_view text) {
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  // A remaining '=' is padding in the wrong place. No input of whole bytes has the length 4n + 1.
  if (text.find_first_of("= \t\r\n") != std::string_view::npos || text.size() % 4 == 1) return std::nullopt;
  std::string padded(text);
  padded.append((4 - text.size() % 4) % 4, '=');
  std::string decoded(padded.size() / 4 * 3, '\0');
  const int bytes =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                      reinterpret_cast<const unsigned char*>(padded.data()), static_cast<int>(padded.size()));
  if (bytes < 0) return std::nullopt;
  // The decoder returns one zero byte for each '=' that was added. They are no part of the value.
  decoded.resize(static_cast<std::size_t>(bytes) - (padded.size() - text.size()));
  return decoded;
}

}  // namespace weir::access
