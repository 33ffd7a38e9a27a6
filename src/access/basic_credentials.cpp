#include "access/basic_credentials.hpp"

#include <algorithm>
#include <openssl/evp.h>

namespace weir::access {
namespace {

// Bounds the work for a header of a client.
constexpr std::size_t base64_bytes_max = 4096;

// EVP_DecodeBlock() takes padding for data and lets white space pass, so both are removed or refused before.
std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() > base64_bytes_max) return std::nullopt;
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

}  // namespace

std::optional<BasicCredentials> parse_basic_credentials(std::string_view base64) {
  const auto decoded = decode_base64(base64);
  // RFC 7617: a user name has no colon, so the first colon ends it and a password may have others.
  const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  return BasicCredentials{decoded->substr(0, colon), decoded->substr(colon + 1)};
}

std::string to_base64(const BasicCredentials& credentials) {
  const std::string text = credentials.user + ":" + credentials.password;
  std::string base64((text.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock() ends it with a NUL
  const int bytes =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  base64.resize(static_cast<std::size_t>(bytes));
  return base64;
}

}  // namespace weir::access
