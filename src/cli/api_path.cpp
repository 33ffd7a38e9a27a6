#include "cli/api_path.hpp"

#include "base/hex.hpp"

namespace weir::cli {

namespace {

// Percent-encodes a value for a query: all bytes but those that RFC 3986 leaves unreserved, ':' and '/'.
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view unreserved =
      "-._~:/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string out;
  for (const char byte : text) {
    if (unreserved.contains(byte))
      out += byte;
    else
      append_hex(out += '%', static_cast<unsigned char>(byte), hex_digits_upper);
  }
  return out;
}

}  // namespace

// A parameter with an empty value is left out, and the service uses its default.
std::string api_path(std::string_view name,
                     const std::vector<std::pair<std::string_view, std::string>>& parameters) {
  std::string path = "/api/v1/" + std::string(name);
  char separator = '?';
  for (const auto& [parameter, value] : parameters) {
    if (value.empty()) continue;
    path.append(1, separator).append(parameter).append("=").append(percent_encoded(value));
    separator = '&';
  }
  return path;
}

}  // namespace weir::cli
