// The values of the dimensions page and referrer (contract §6). These functions accept any text and never
// fail. They are pure and thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::tally {

// Values that replace several values or a missing one. An event whose own value has the same text is counted
// together with them.
inline constexpr std::string_view value_other = "(other)";      // values over limits::values_per_window_max
inline constexpr std::string_view value_none = "(none)";        // no page, or no value of an own dimension
inline constexpr std::string_view value_direct = "(direct)";    // no referrer
inline constexpr std::string_view value_unknown = "(unknown)";  // a referrer without a valid host

// Returns the path of a page's URL without query and fragment. The path is neither decoded nor normalised.
//
// A text that begins with a slash is a path, also with two slashes: it is a request target in origin form
// (RFC 9112, 3.2.1) or the pathname of a browser's location. It never names a host.
//
//   https://example.org/a/b?c#d   /a/b         //wp/login?x         //wp/login  /a?b            /a
//   https://example.org?x         /            ?x                   /           absent, empty   (none)
//   a text that is no URL         itself, up to its first ? or #
//
// The result is a view into `page_url` or into static storage. It has at most limits::url_bytes_max bytes and
// is cut between characters.
[[nodiscard]] std::string_view page_of(std::optional<std::string_view> page_url);

// Returns the host of a referrer in lower case (ASCII only), without user, password and port. An IPv6 address
// keeps its brackets. Returns (direct) if the referrer is absent or empty. Returns (unknown) if it has no
// scheme://, or no host, or a host that is invalid in a URL.
//
//   https://Example.ORG:8080/a    example.org  http://u:p@[::1]:80  [::1]     android-app://com.app/  com.app
//
// The result is a view into `referrer`, into static storage or into `lowered`, and has at most
// limits::url_bytes_max bytes. The function writes `lowered` only if the host has capitals.
[[nodiscard]] std::string_view referrer_of(std::optional<std::string_view> referrer, std::string& lowered);

// Convert the text of an API filter to the stored value that it means (contract §4). A stored value stays
// unchanged; a URL is replaced by its path or its host.
//
//   page      https://example.org/a?b  /a     /a?b  /a     //x  //x, because paths like this are stored
//   referrer  https://Example.org/a  example.org     Example.ORG:8080  example.org     (direct)  (direct)
[[nodiscard]] std::string page_filter(std::string_view text);
[[nodiscard]] std::string referrer_filter(std::string_view text);

}  // namespace weir::tally
