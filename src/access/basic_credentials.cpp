#include "access/basic_credentials.hpp"

#include "base64/base64.hpp"

namespace weir::access {
namespace {

// Bounds the work for a header of a client.
constexpr std::size_t base64_bytes_max = 4096;

}  // namespace

std::optional<BasicCredentials> parse_basic_credentials(std::string_view base64) {
  const auto decoded =
      base64.size() > base64_bytes_max ? std::nullopt : decode_base64(base64, Base64Padding::optional);
  const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  return BasicCredentials{decoded->substr(0, colon), decoded->substr(colon + 1)};
}

std::string to_base64(const BasicCredentials& credentials) {
  return encode_base64(credentials.user + ":" + credentials.password);
}

}  // namespace weir::access
