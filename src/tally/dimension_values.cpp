#include "tally/dimension_values.hpp"

#include <algorithm>
#include <array>

#include "base/limits.hpp"
#include "base/utf8.hpp"
#include "tally/window.hpp"

namespace weir::tally {
namespace {

// What a byte of a URL may be, as flags. ASCII only: what a scheme or a host is made of depends on no locale.
enum : unsigned {
  letter = 1,
  in_scheme = 2,
  ends_authority = 4,
  forbidden_in_host = 8,  // URL Standard, forbidden host code points, but for those that end an authority
  capital = 16,
  user_ends = 32,
};

constexpr std::array<std::uint8_t, 256> flags_of_bytes = [] {
  std::array<std::uint8_t, 256> flags{};
  const auto mark = [&flags](std::string_view bytes, unsigned flag) {
    for (const char byte : bytes) flags[static_cast<unsigned char>(byte)] |= static_cast<std::uint8_t>(flag);
  };
  mark("abcdefghijklmnopqrstuvwxyz", letter | in_scheme);
  mark("ABCDEFGHIJKLMNOPQRSTUVWXYZ", letter | in_scheme | capital);
  mark("0123456789+-.", in_scheme);
  mark("/?#", ends_authority);
  mark("<>[\\]^|:\x7f", forbidden_in_host);
  mark("@", user_ends);
  for (char byte = 0; byte <= ' '; ++byte) mark({&byte, 1}, forbidden_in_host);
  return flags;
}();

constexpr unsigned flags_of(char byte) { return flags_of_bytes[static_cast<unsigned char>(byte)]; }

// All flags that occur in a text.
unsigned flags_in(std::string_view text) {
  unsigned flags = 0;
  for (const char byte : text) flags |= flags_of(byte);
  return flags;
}

std::string_view bounded(std::string_view text) {
  if (text.size() <= limits::url_bytes_max) return text;
  std::size_t end = limits::url_bytes_max;
  for (int back = 0; back < 3 && is_utf8_continuation(text[end]); ++back)
    --end;  // a character has at most three more bytes
  return text.substr(0, end);
}

std::string_view up_to(std::string_view text, char end) { return text.substr(0, text.find(end)); }

// Where the authority begins if the text is "scheme://…", else npos.
std::size_t authority_after_scheme(std::string_view url) {
  std::size_t scheme = 0;
  while (scheme < url.size() && (flags_of(url[scheme]) & in_scheme) != 0) ++scheme;
  if (scheme == 0 || (flags_of(url.front()) & letter) == 0 || !url.substr(scheme).starts_with("://"))
    return std::string_view::npos;
  return scheme + 3;
}

// "user:password@host:port" or "[address]:port", taken apart; empty where there is no host that a URL may
// have.
std::string_view host_of(std::string_view authority) {
  if ((flags_in(authority) & user_ends) != 0) authority.remove_prefix(authority.rfind('@') + 1);
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos || end < 2) return {};
    const bool is_address =
        authority.substr(1, end - 1).find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
    return is_address ? authority.substr(0, end + 1) : std::string_view();
  }
  const std::string_view host = up_to(authority, ':');
  return (flags_in(host) & forbidden_in_host) == 0 ? host : std::string_view();
}

}  // namespace

std::string_view page_of(std::optional<std::string_view> page_url) {
  if (!page_url || page_url->empty()) return value_none;
  std::string_view path = up_to(up_to(*page_url, '#'), '?');
  const std::size_t authority = authority_after_scheme(path);
  if (authority != std::string_view::npos)
    path = path.substr(std::min(path.find('/', authority), path.size()));
  return path.empty() ? "/" : bounded(path);
}

std::string_view referrer_of(std::optional<std::string_view> referrer, std::string& lowered) {
  if (!referrer || referrer->empty()) return value_direct;
  const std::size_t begin = authority_after_scheme(*referrer);
  if (begin == std::string_view::npos) return value_unknown;
  std::size_t end = begin;
  while (end < referrer->size() && (flags_of((*referrer)[end]) & ends_authority) == 0) ++end;
  const std::string_view host = bounded(host_of(referrer->substr(begin, end - begin)));
  if (host.empty()) return value_unknown;
  if ((flags_in(host) & capital) == 0) return host;
  lowered.assign(host);
  for (char& byte : lowered)
    if ((flags_of(byte) & capital) != 0) byte = static_cast<char>(byte - 'A' + 'a');
  return lowered;
}

// A value that begins with two slashes is not taken for a URL without a scheme: pages are stored like that.
std::string page_filter(std::string_view asked) {
  if (!asked.starts_with("//")) return std::string(page_of(asked));
  return std::string(bounded(up_to(up_to(asked, '#'), '?')));
}

std::string referrer_filter(std::string_view asked) {
  std::string lowered;
  if (authority_after_scheme(asked) != std::string_view::npos)
    return std::string(referrer_of(asked, lowered));
  const std::string url = "x://" + std::string(asked);
  const std::string_view host = referrer_of(url, lowered);
  return std::string(host == value_unknown ? asked : host);
}

}  // namespace weir::tally
