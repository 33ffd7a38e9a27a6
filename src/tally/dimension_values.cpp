// A URL is cut at its delimiters (RFC 3986, 3) and never decoded. A table gives the classes of each byte, so
// that one pass over a text finds all classes that occur in it.
#include "tally/dimension_values.hpp"

#include <algorithm>
#include <array>

#include "base/limits.hpp"
#include "base/utf8.hpp"

namespace weir::tally {
namespace {

// Classes of bytes in a URL, as flags. They are defined for ASCII and do not depend on the locale.
enum : unsigned {
  letter = 1,
  in_scheme = 2,
  ends_authority = 4,
  forbidden_in_host = 8,  // URL Standard, "forbidden host code point", without those that end an authority
  capital = 16,
  ends_user_info = 32,
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
  mark("@", ends_user_info);
  for (char byte = 0; byte <= ' '; ++byte) mark({&byte, 1}, forbidden_in_host);
  return flags;
}();

constexpr unsigned flags_of(char byte) { return flags_of_bytes[static_cast<unsigned char>(byte)]; }

// Returns the flags of all bytes of a text, combined.
unsigned flags_in(std::string_view text) {
  unsigned flags = 0;
  for (const char byte : text) flags |= flags_of(byte);
  return flags;
}

std::string_view bounded(std::string_view text) { return utf8_prefix(text, limits::url_bytes_max); }

std::string_view up_to(std::string_view text, char end) { return text.substr(0, text.find(end)); }

// Returns the index at which the authority begins if the text starts with "scheme://", else npos.
std::size_t authority_after_scheme(std::string_view url) {
  std::size_t scheme = 0;
  while (scheme < url.size() && (flags_of(url[scheme]) & in_scheme) != 0) ++scheme;
  if (scheme == 0 || (flags_of(url.front()) & letter) == 0 || !url.substr(scheme).starts_with("://"))
    return std::string_view::npos;
  return scheme + 3;
}

// Returns the host of "user:password@host:port" or "[address]:port". The result is empty if there is no host
// or an invalid one.
std::string_view host_of(std::string_view authority) {
  if ((flags_in(authority) & ends_user_info) != 0) authority.remove_prefix(authority.rfind('@') + 1);
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

// A text that begins with two slashes is a stored page, not a URL without a scheme.
std::string page_filter(std::string_view text) {
  if (!text.starts_with("//")) return std::string(page_of(text));
  return std::string(bounded(up_to(up_to(text, '#'), '?')));
}

std::string referrer_filter(std::string_view text) {
  std::string lowered;
  if (authority_after_scheme(text) != std::string_view::npos) return std::string(referrer_of(text, lowered));
  // A text without a scheme is a host, perhaps with a port. Values like (direct) are no valid host and stay.
  const std::string url = "x://" + std::string(text);
  const std::string_view host = referrer_of(url, lowered);
  return std::string(host == value_unknown ? text : host);
}

}  // namespace weir::tally
