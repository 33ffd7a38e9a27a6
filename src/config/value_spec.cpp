#include "config/value_spec.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>

#include "postgres/connection_settings.hpp"

namespace weir::config {

std::optional<std::int64_t> whole_number(std::string_view text, std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, value);
  if (fault != std::errc() || stop != end || value < least || value > most) return std::nullopt;
  return value;
}

std::string range_in_words(std::int64_t least, std::int64_t most) {
  return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
}

bool is_topic_name(std::string_view text) {
  constexpr std::size_t topic_bytes_max = 249;
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= topic_bytes_max && text != "." && text != ".." &&
         std::ranges::all_of(text, fits);
}

bool is_ip_address(std::string_view text) {
  const std::string terminated(text);
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, terminated.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, terminated.c_str(), address.data()) == 1;
}

namespace {

bool is_broker(std::string_view text) {
  if (const std::size_t protocol = text.find("://"); protocol != std::string_view::npos)
    text.remove_prefix(protocol + 3);
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const bool plain = std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
  if (colon == std::string_view::npos) return plain && !text.empty();
  return plain && colon > 0 && whole_number(text.substr(colon + 1), 1, 65535).has_value();
}

}  // namespace

bool is_broker_list(std::string_view text) {
  while (true) {
    const std::size_t comma = text.find(',');
    if (!is_broker(text.substr(0, comma))) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

bool is_web_origin(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return false;
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool scheme_fits =
      is_letter(text.front()) && std::ranges::all_of(text.substr(0, scheme), [&](char c) {
        return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
      });
  std::string_view host = text.substr(scheme + 3);
  const std::size_t colon = host.find(':', host.rfind(']') == std::string_view::npos ? 0 : host.rfind(']'));
  if (colon != std::string_view::npos) {
    if (!whole_number(host.substr(colon + 1), 1, 65535)) return false;
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']'))
    return scheme_fits && is_ip_address(host.substr(1, host.size() - 2));
  return scheme_fits && !host.empty() && std::ranges::all_of(host, [&](char c) {
           return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
         });
}

bool is_database_url(std::string_view text) {
  return postgres::keywords_of({.url = std::string(text)}).has_value();
}

}  // namespace weir::config
