#include "config/value_spec.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>

#include "base/text.hpp"
#include "postgres/connection_settings.hpp"

namespace weir::config {

std::string range_in_words(std::int64_t least, std::int64_t most) {
  return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
}

bool is_topic_name(std::string_view text) {
  constexpr std::size_t topic_bytes_max = 249;
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' || c == '_' ||
           c == '-';
  };
  return !text.empty() && text.size() <= topic_bytes_max && text != "." && text != ".." &&
         std::ranges::all_of(text, is_allowed);
}

bool is_ip_address(std::string_view text) {
  // inet_pton(3) reads up to a NUL.
  const std::string terminated(text);
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, terminated.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, terminated.c_str(), address.data()) == 1;
}

namespace {

// One entry of a broker list.
bool is_broker(std::string_view text) {
  if (const std::size_t protocol = text.find("://"); protocol != std::string_view::npos)
    text.remove_prefix(protocol + 3);
  const std::size_t bracket = text.rfind(']');  // an IPv6 address has colons of its own
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const bool plain = is_visible_ascii(text);
  // Without a port, librdkafka uses 9092.
  if (colon == std::string_view::npos) return plain && !text.empty();
  return plain && colon > 0 && parse_decimal(text.substr(colon + 1), 1, 65535).has_value();
}

}  // namespace

// Each entry must be valid, so an empty one, as after a last comma, is refused.
bool is_broker_list(std::string_view text) { return std::ranges::all_of(split(text, ','), is_broker); }

bool is_web_origin(std::string_view text) {
  // RFC 6454: scheme "://" host [ ":" port ], and nothing after it.
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return false;
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const bool scheme_is_valid =
      is_lower(text.front()) && std::ranges::all_of(text.substr(0, scheme), [&](char c) {
        return is_lower(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
      });
  std::string_view host = text.substr(scheme + 3);
  const std::size_t colon = host.find(':', host.rfind(']') == std::string_view::npos ? 0 : host.rfind(']'));
  if (colon != std::string_view::npos) {
    if (!parse_decimal(host.substr(colon + 1), 1, 65535)) return false;
    host = host.substr(0, colon);
  }
  // An IPv6 address is in brackets.
  if (host.starts_with('[') && host.ends_with(']'))
    return scheme_is_valid && is_ip_address(host.substr(1, host.size() - 2));
  return scheme_is_valid && !host.empty() && std::ranges::all_of(host, [&](char c) {
           return is_lower(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
         });
}

std::optional<http::BaseUrl> parse_consul_address(std::string_view text) {
  auto base = http::parse_base_url(text.contains("://") ? std::string(text) : "http://" + std::string(text));
  if (!base) return std::nullopt;
  return *std::move(base);
}

bool is_database_url(std::string_view text) {
  // The parser that will be used, so both agree.
  return postgres::keywords_of({.url = std::string(text)}).has_value();
}

}  // namespace weir::config
