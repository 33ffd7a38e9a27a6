// Every address has 16 bytes, and IPv4 is in the IPv4-mapped form ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). So one
// comparison of bits serves both families.
#include "base/ip_address.hpp"

#include <algorithm>
#include <arpa/inet.h>

#include "base/decimal.hpp"

namespace weir {
namespace {

constexpr std::size_t v4_at = 12;  // where the four bytes of IPv4 stand
constexpr unsigned v4_bits = 32;
constexpr unsigned v6_bits = 128;
constexpr std::array<std::uint8_t, v4_at> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// The first `count` bytes as a number.
std::uint64_t number_of(const std::uint8_t* bytes, std::size_t count) {
  std::uint64_t number = 0;
  for (std::size_t at = 0; at < count; ++at) number = number << 8 | bytes[at];
  return number;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  // inet_pton(3) reads up to a NUL.
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::ranges::copy(text, terminated.begin());
  IpAddress address;
  if (text.find(':') != std::string_view::npos) {
    if (inet_pton(AF_INET6, terminated.data(), address.bytes.data()) != 1) return std::nullopt;
    return address;
  }
  std::ranges::copy(v4_prefix, address.bytes.begin());
  if (inet_pton(AF_INET, terminated.data(), address.bytes.data() + v4_at) != 1) return std::nullopt;
  return address;
}

IpAddress IpAddress::of_v4(std::uint32_t bits) {
  IpAddress address;
  std::ranges::copy(v4_prefix, address.bytes.begin());
  for (std::size_t at = 0; at < 4; ++at)
    address.bytes[v4_at + at] = static_cast<std::uint8_t>(bits >> (24 - 8 * at));
  return address;
}

bool IpAddress::is_v4() const { return std::equal(v4_prefix.begin(), v4_prefix.end(), bytes.begin()); }

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data() + (v4 ? v4_at : 0), text.data(), text.size());
  return text.data();
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string_view address_text = text.substr(0, slash);
  const auto address = IpAddress::parse(address_text);
  if (!address) return std::nullopt;
  // "::ffff:10.0.0.0/104" counts bits of IPv6, although the address is one of IPv4.
  const bool counts_v4_bits = address_text.find(':') == std::string_view::npos;
  unsigned length = counts_v4_bits ? v4_bits : v6_bits;
  if (slash < text.size()) {
    const auto typed = parse_decimal<unsigned>(text.substr(slash + 1), 0, length);
    if (!typed) return std::nullopt;
    length = *typed;
  }
  IpNetwork network;
  // The 96 bits before an IPv4 address belong to the prefix, so 10.0.0.0/8 contains no other IPv6 address.
  network.prefix_bits_ = counts_v4_bits ? length + v6_bits - v4_bits : length;
  network.first_ = *address;
  for (unsigned bit = network.prefix_bits_; bit < v6_bits; ++bit)
    if ((address->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return std::nullopt;
  return network;
}

bool IpNetwork::contains(const IpAddress& address) const {
  // Whole bytes of the prefix are compared first, then the remaining bits of one more byte.
  const unsigned whole = prefix_bits_ / 8;
  if (!std::equal(first_.bytes.begin(), first_.bytes.begin() + whole, address.bytes.begin())) return false;
  const unsigned rest = prefix_bits_ % 8;
  return rest == 0 || (first_.bytes[whole] ^ address.bytes[whole]) >> (8 - rest) == 0;
}

ClientAddress ClientAddress::of(const IpAddress& address) {
  if (address.is_v4()) return {true, number_of(address.bytes.data() + v4_at, 4)};
  return {false, number_of(address.bytes.data(), 8)};
}

}  // namespace weir
