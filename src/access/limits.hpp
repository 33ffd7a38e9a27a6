// The limits of API keys and rate limits (see base/limits.hpp).
#pragma once

#include <cstddef>

namespace weir::limits {

inline constexpr std::size_t api_keys_max = 100;  // each request with a key is compared with all of them
inline constexpr std::size_t api_key_bytes_max = 256;
// Clients that the rate limiter remembers at the same time, at 16 bytes each.
inline constexpr std::size_t rate_limited_clients_max = std::size_t{1} << 21;
// Addresses of X-Forwarded-For that are looked at, from the right.
inline constexpr std::size_t forwarded_hops_max = 16;

}  // namespace weir::limits
