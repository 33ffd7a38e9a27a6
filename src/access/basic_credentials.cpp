#include "access/basic_credentials.hpp"

#include <openssl/evp.h>

#include "access/base64.hpp"

namespace weir::access {
namespace {

// Bounds the work for a header of a client.
constexpr std::size_t base64_bytes_max = 4096;

}  // namespace

std::optional<BasicCredentials> parse_basic_credentials(std::string_view base64) {
  const auto decoded = base64.size() > base64_bytes_max ? std::nullopt : decode_base64(base64);
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
