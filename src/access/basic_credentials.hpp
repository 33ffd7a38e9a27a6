// The credentials of the HTTP scheme Basic (RFC 7617).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::access {

struct BasicCredentials {
  std::string user;  // has no colon
  std::string password;
};

// Decodes what follows "Basic " in an Authorization header: user and password with a colon between them, in
// base64 (RFC 4648 §4), whose padding may be missing. Nothing if it is no base64, has no colon, or is longer
// than 4 KiB.
[[nodiscard]] std::optional<BasicCredentials> parse_basic_credentials(std::string_view base64);
// The reverse.
[[nodiscard]] std::string to_base64(const BasicCredentials& credentials);

}  // namespace weir::access
