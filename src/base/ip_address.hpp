// IP addresses, networks, and the unit by which clients are distinguished.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

// An IPv4 or IPv6 address without a port and without a zone. IPv4 is stored as an IPv4-mapped IPv6 address
// (RFC 4291 §2.5.5.2), so 10.0.0.1 and ::ffff:10.0.0.1 are equal.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  // in network order

  // Parses the text forms that inet_pton(3) accepts; nothing for any other text. About 30 ns.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  // IPv4 addresses from their 32 bits.
  [[nodiscard]] static IpAddress of_v4(std::uint32_t bits);

  [[nodiscard]] bool is_v4() const;
  // An IPv4-mapped address in the form of IPv4.
  [[nodiscard]] std::string text() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

// A network in CIDR notation (RFC 4632, RFC 4291 §2.3).
class IpNetwork {
 public:
  // Parses "10.0.0.0/8" or "fd00::/8"; an address without a length is a network of one address. Nothing if
  // it is neither, or if bits after the prefix are set: "10.0.0.1/8" is probably a mistake.
  [[nodiscard]] static std::optional<IpNetwork> parse(std::string_view text);

  [[nodiscard]] bool contains(const IpAddress& address) const;

  friend bool operator==(const IpNetwork&, const IpNetwork&) = default;

 private:
  IpAddress first_;
  unsigned prefix_bits_ = 0;  // of the 128; a prefix of IPv4 counts 96 more
};

// What counts as one client: an IPv4 address or an IPv6 /64, because a provider usually assigns a whole /64
// to one customer.
struct ClientAddress {
  bool is_v4 = false;  // also for IPv4-mapped IPv6 addresses
  // The 32 bits of an IPv4 address, or the first 64 bits of an IPv6 address.
  std::uint64_t prefix = 0;

  [[nodiscard]] static ClientAddress of(const IpAddress& address);
  friend auto operator<=>(const ClientAddress&, const ClientAddress&) = default;
};

}  // namespace weir
