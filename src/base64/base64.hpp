// Base64 with the standard alphabet (RFC 4648 §4), by OpenSSL. Pure functions; any thread may call them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

enum class Base64Padding : std::uint8_t {
  required,  // the length is a multiple of 4
  optional,  // the '=' at the end may be missing, all or some of them
};

// Returns the text, with padding. `bytes` may have any values, and at most 2^30 of them.
[[nodiscard]] std::string encode_base64(std::string_view bytes);

// Returns the bytes, or nothing if the text is no base64: white space and line ends are not allowed either.
// The text may have at most 2^30 characters.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text, Base64Padding padding);

}  // namespace weir
