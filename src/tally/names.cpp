#include "tally/names.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "tally/window.hpp"

namespace weir::tally {
namespace {

// ASCII only: what a host or a scheme is made of does not depend on a locale.
constexpr bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_letter(char c) { return is_capital(c) || (c >= 'a' && c <= 'z'); }
constexpr bool is_scheme_character(char c) {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

// The bytes that no host has (URL Standard, forbidden host code points), but for those that end an authority.
constexpr bool is_forbidden_in_host(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20 || byte == 0x7f || std::string_view("<>[\\]^|:").find(c) != std::string_view::npos;
}

// Whether a byte goes on with a character of UTF-8 that began before it.
constexpr bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::string_view bounded(std::string_view text) {
  if (text.size() <= limits::url_bytes_max) return text;
  std::size_t end = limits::url_bytes_max;
  for (int back = 0; back < 3 && continues(text[end]); ++back)
    --end;  // a character has at most three more bytes
  return text.substr(0, end);
}

// Where the authority begins if the text is "scheme://…", else npos.
std::size_t authority_after_scheme(std::string_view url) {
  const auto* const colon =
      std::find_if_not(url.begin(), url.end(), [](char c) { return is_scheme_character(c); });
  const auto scheme = static_cast<std::size_t>(colon - url.begin());
  if (scheme == 0 || !is_letter(url.front()) || !url.substr(scheme).starts_with("://"))
    return std::string_view::npos;
  return scheme + 3;
}

}  // namespace

std::string_view page_of(std::optional<std::string_view> page_url) {
  if (!page_url || page_url->empty()) return value_none;
  std::string_view path = page_url->substr(0, page_url->find_first_of("?#"));
  const std::size_t authority = path.starts_with("//") ? 2 : authority_after_scheme(path);
  if (authority != std::string_view::npos)
    path = path.substr(std::min(path.find('/', authority), path.size()));
  return path.empty() ? "/" : bounded(path);
}

std::string_view referrer_of(std::optional<std::string_view> referrer, std::string& lowered) {
  if (!referrer || referrer->empty()) return value_direct;
  const std::size_t authority = authority_after_scheme(*referrer);
  if (authority == std::string_view::npos) return value_unknown;
  std::string_view host = referrer->substr(authority);
  host = host.substr(0, host.find_first_of("/?#"));
  if (const std::size_t user = host.rfind('@'); user != std::string_view::npos) host.remove_prefix(user + 1);

  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos || end < 2) return value_unknown;
    host = host.substr(0, end + 1);
    if (host.substr(1, end - 1).find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos)
      return value_unknown;
  } else {
    host = host.substr(0, host.find(':'));
    if (host.empty() || std::any_of(host.begin(), host.end(), is_forbidden_in_host)) return value_unknown;
  }

  host = bounded(host);
  if (std::none_of(host.begin(), host.end(), is_capital)) return host;
  lowered.assign(host);
  for (char& c : lowered)
    if (is_capital(c)) c = static_cast<char>(c - 'A' + 'a');
  return lowered;
}

}  // namespace weir::tally
