// The values of the dimensions page and referrer (contract §6). Pure text; what a stranger writes as a URL
// never fails.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::tally {

// The path of a page's URL, without query and fragment, as it was written: never decoded, never normalised.
//
// What begins with a slash is a path, also with two: a request target in origin form (RFC 9112, 3.2.1) or the
// pathname of a browser's location, never a host.
//
//   https://example.org/a/b?c#d   /a/b         //wp/login?x         //wp/login  /a?b            /a
//   https://example.org?x         /            ?x                   /           absent, empty   (none)
//   a text that is no URL         itself, up to its first ? or #
//
// Answers a view into `page_url` or of static storage, at most limits::url_bytes_max long (cut between
// characters).
[[nodiscard]] std::string_view page_of(std::optional<std::string_view> page_url);

// The host that a referrer names: lower case (ASCII), without user, password and port; an IPv6 address keeps
// its brackets. (direct) if absent or empty; (unknown) if there is no scheme://, no host, or one that no URL
// may have.
//
//   https://Example.ORG:8080/a    example.org  http://u:p@[::1]:80  [::1]     android-app://com.app/  com.app
//
// Answers a view into `referrer`, of static storage, or of `lowered`, which is written only if the host has
// capitals; at most limits::url_bytes_max long.
[[nodiscard]] std::string_view referrer_of(std::optional<std::string_view> referrer, std::string& lowered);

// What a question's filter names, as it is stored (contract §4). A stored value stays as it is; a URL becomes
// its path or its host.
//
//   page      https://example.org/a?b  /a     /a?b  /a     //x  //x, a path that is stored like that
//   referrer  https://Example.org/a  example.org     Example.ORG:8080  example.org     (direct)  (direct)
[[nodiscard]] std::string page_filter(std::string_view asked);
[[nodiscard]] std::string referrer_filter(std::string_view asked);

}  // namespace weir::tally
