// API_KEYS: named secrets that clients send to be let in (contract §2).
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "access/digest.hpp"

namespace weir::access {

// One key. The secret itself is not kept.
struct ApiKey {
  std::string name;  // for metrics; not secret
  Digest digest{};   // of the secret

  friend bool operator==(const ApiKey&, const ApiKey&) = default;
};

// Parses `name:secret,name:secret`. The name ends at the first colon; the secret may contain others. White
// space around an entry, a name and a secret is passed over. A name is 1 to 64 of a-z, A-Z, 0-9, '.', '_' and
// '-'. A secret is 1 to limits::api_key_bytes_max visible ASCII characters but the comma. Each name and each
// secret occurs once; at most limits::api_keys_max keys.
//
// The error says what is wrong with the first entry that is refused, by its number. It contains no secret,
// and no text that could be one.
[[nodiscard]] std::expected<std::vector<ApiKey>, std::string> parse_api_keys(std::string_view text);

// What API_KEYS must be, in words.
[[nodiscard]] std::string api_keys_expected();

// A set of keys. Immutable and thread-safe.
class ApiKeys {
 public:
  ApiKeys() = default;
  explicit ApiKeys(std::vector<ApiKey> keys) : keys_(std::move(keys)) {}

  // Returns the index of the key with this secret. The digest of the secret is compared with that of every
  // key, each in constant time, so the time tells nothing about any secret. An empty secret, and one longer
  // than limits::api_key_bytes_max, is unknown and is not hashed. About 0.3 µs for a few keys, and 20 ns for
  // each further one.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view secret) const;

  [[nodiscard]] std::span<const ApiKey> all() const { return keys_; }
  [[nodiscard]] bool empty() const { return keys_.empty(); }

 private:
  std::vector<ApiKey> keys_;
};

}  // namespace weir::access
