// Pseudonyms for the visitors of an access log. A visitor is a pair of client address and user agent.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/keyed_hash.hpp"
#include "base/result.hpp"

namespace weir::importer {

// Hashes visitors with SipHash-2-4 under a key made from a salt. The same salt gives the same user_id for a
// visitor. Without the salt, a user_id cannot be computed from an address and an agent. Immutable; threads
// may share it.
class VisitorHasher {
 public:
  // 128 bits, so that a salt cannot be found by trying all of them.
  static constexpr std::size_t salt_bytes_min = 16;

  // The salt may have any length of at least salt_bytes_min; read_salt() checks that.
  explicit VisitorHasher(std::string_view salt);

  // 32 hexadecimal digits. `scratch` is a buffer that the call overwrites. About 0.3 µs.
  [[nodiscard]] std::string user_id(std::string_view client, std::string_view user_agent,
                                    std::string& scratch) const;

  // Equal for equal salts, and does not disclose the salt.
  [[nodiscard]] std::string fingerprint() const;

 private:
  HashKey key_;
};

// The bytes of the file. ErrorKind::invalid, salt_unreadable: it cannot be read, or has fewer than
// VisitorHasher::salt_bytes_min bytes.
[[nodiscard]] Result<std::string> read_salt(const std::filesystem::path& file);

// The same, after creating a missing file with 32 random bytes and mode 0600. Two processes that create it at
// the same time get the same salt. ErrorKind::internal, no_random_bytes.
[[nodiscard]] Result<std::string> read_or_create_salt(const std::filesystem::path& file);

}  // namespace weir::importer
