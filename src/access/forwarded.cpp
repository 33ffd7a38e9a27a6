// X-Forwarded-For lists the client first and the nearest proxy last. Each proxy appends the address that it
// received the request from. So the list is read from its end, and only while the hop is a trusted proxy.
#include "access/forwarded.hpp"

#include <algorithm>

#include "access/limits.hpp"
#include "base/text.hpp"

namespace weir::access {
namespace {

// "10.0.0.1", "10.0.0.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80"
std::optional<IpAddress> parse_hop(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    return end == std::string_view::npos ? std::nullopt : IpAddress::parse(text.substr(1, end - 1));
  }
  // One colon separates an IPv4 address from a port. Two or more are an IPv6 address without a port.
  const std::size_t colon = text.find(':');
  const bool has_port =
      colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  return IpAddress::parse(has_port ? text.substr(0, colon) : text);
}

bool is_trusted(std::span<const IpNetwork> trusted, const IpAddress& address) {
  return std::ranges::any_of(trusted, [&](const IpNetwork& network) { return network.contains(address); });
}

}  // namespace

std::expected<std::vector<IpNetwork>, std::string> parse_networks(std::string_view text) {
  std::vector<IpNetwork> networks;
  for (const std::string_view untrimmed : split(text, ',')) {
    const std::string_view entry = trimmed(untrimmed, header_spaces);
    const auto network = IpNetwork::parse(entry);
    if (!network)
      return std::unexpected("'" + std::string(entry) +
                             "' is not an address, and not a network whose bits "
                             "after the prefix are 0");
    networks.push_back(*network);
  }
  return networks;
}

IpAddress client_behind(std::span<const IpNetwork> trusted, const IpAddress& peer,
                        std::span<const std::string_view> forwarded) {
  IpAddress client = peer;
  std::size_t hops = 0;
  // Several headers are one list, in the order of the headers (RFC 9110 §5.3).
  for (auto list = forwarded.rbegin(); list != forwarded.rend(); ++list) {
    std::string_view left = *list;
    while (true) {
      // Only the report of a trusted proxy about its peer is used. The bound limits the work for a long list.
      if (!is_trusted(trusted, client) || hops++ == limits::forwarded_hops_max) return client;
      const std::size_t comma = left.rfind(',');
      const std::size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
      const auto hop = parse_hop(trimmed(left.substr(begin), header_spaces));
      if (!hop) return client;
      client = *hop;
      if (comma == std::string_view::npos) break;
      left = left.substr(0, comma);
    }
  }
  return client;
}

}  // namespace weir::access
