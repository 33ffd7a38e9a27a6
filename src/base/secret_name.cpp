#include "base/secret_name.hpp"

#include <algorithm>
#include <array>

namespace weir {

// The signs cover the secrets among librdkafka's properties and in libpq's connection strings.
bool is_secret_name(std::string_view name) {
  constexpr std::array<std::string_view, 7> signs{
      "password", "secret", "key", "token", "jaas", "credentials", "oauthbearer.config"};
  return std::ranges::any_of(signs, [&](std::string_view sign) { return name.contains(sign); });
}

}  // namespace weir
