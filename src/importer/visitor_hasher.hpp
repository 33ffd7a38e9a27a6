// Who sent the requests of an access log: the pair of client address and user agent, under a name that only
// the owner of the salt can find out.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/keyed_hash.hpp"
#include "base/result.hpp"

namespace weir::importer {

// Names visitors under one salt. May be shared by threads once made.
class VisitorHasher {
 public:
  static constexpr std::size_t salt_bytes_min = 16;

  explicit VisitorHasher(std::string_view salt);

  // The user_id: 32 hexadecimal digits. `scratch` is a buffer to work in. About 0.3 µs.
  [[nodiscard]] std::string id_of(std::string_view client, std::string_view user_agent,
                                  std::string& scratch) const;

  // The same for the same salt, and says nothing of it.
  [[nodiscard]] std::string fingerprint() const;

 private:
  HashKey key_;
};

// The bytes of the file, at least Visitors::salt_bytes_min. ErrorKind::invalid, salt_unreadable.
[[nodiscard]] Result<std::string> read_salt(const std::filesystem::path& file);

// The same, but first makes the file where there is none: 32 random bytes that only its owner may read. Two
// who make it at the same time get the same.
[[nodiscard]] Result<std::string> read_or_make_salt(const std::filesystem::path& file);

}  // namespace weir::importer
