// The client's side of a login with SASL (RFC 4422): PLAIN (RFC 4616), SCRAM-SHA-256 (RFC 7677) and
// SCRAM-SHA-512 (RFC 5802 with that hash), without channel binding. A state machine without I/O.
//
// User names and passwords are used as they are in UTF-8, without SASLprep, as in Kafka's Java client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace weir::sasl {

enum class Mechanism : std::uint8_t { plain, scram_sha_256, scram_sha_512 };
// The names of the registry of mechanisms: "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512".
[[nodiscard]] std::string_view name_of(Mechanism mechanism);
// Returns nothing for other names.
[[nodiscard]] std::optional<Mechanism> parse_mechanism(std::string_view name);

struct Credentials {
  Mechanism mechanism = Mechanism::plain;
  std::string user;
  std::string password;
};

inline constexpr std::string_view code_not_authenticated = "not_authenticated";

// The rounds of PBKDF2 that a server may ask for. RFC 7677 requires 4,096. The upper bound limits the CPU
// time of a login: 16,384 rounds take about 10 ms.
inline constexpr int scram_rounds_min = 4096;
inline constexpr int scram_rounds_max = 65'536;

// One login. Not thread-safe.
class Exchange {
 public:
  // `nonce`: printable ASCII without a comma, different for each login (random_nonce()). PLAIN ignores it.
  Exchange(Credentials credentials, std::string nonce);

  // Returns the first message to the server.
  [[nodiscard]] std::string first_message();
  // Takes the server's message and returns the next one to the server, or nothing if the login is complete.
  // The server of a SCRAM login has then proven that it knows the password, too.
  //
  // ErrorKind::unavailable, not_authenticated: the server's message is wrong, or it refuses the login. Close
  // the connection. The text has no secret.
  [[nodiscard]] Result<std::optional<std::string>> on_message(std::string_view message);

 private:
  enum class State : std::uint8_t { first, challenged, final };
  [[nodiscard]] Result<std::optional<std::string>> on_challenge(std::string_view message);
  [[nodiscard]] Result<std::optional<std::string>> on_signature(std::string_view message) const;

  const Credentials credentials_;
  const std::string nonce_;
  State state_ = State::first;
  std::string first_bare_;  // "n=…,r=…", a part of what both sides sign
  std::vector<unsigned char> server_signature_;
};

// Returns 24 random characters of Base64, from OpenSSL. Thread-safe.
[[nodiscard]] std::string random_nonce();

}  // namespace weir::sasl
