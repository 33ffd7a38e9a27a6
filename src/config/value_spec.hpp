// What values a variable accepts, declared once: how a text is read, and how the accepted texts are
// described. A ValueSpec is made at compile time from a member of Settings and its bounds. Pure functions;
// any thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/decimal.hpp"
#include "base/text.hpp"
#include "base/words.hpp"
#include "config/settings.hpp"
#include "http/client.hpp"

namespace weir::config {

struct ValueSpec {
  // Reads `text` into `into`. False if the text is not accepted; then `into` is unchanged.
  bool (*read)(std::string_view text, Settings& into) = nullptr;
  // Completes "expected …": "a whole number from 1 to 65535".
  std::string (*expected)() = nullptr;
  // What is wrong with a text that was refused, where `expected` alone does not say it. May be null.
  std::string (*fault)(std::string_view text) = nullptr;
};

// "a whole number from 1 to 65535"
[[nodiscard]] std::string range_in_words(std::int64_t least, std::int64_t most);

// Kafka's rule for topic names: 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-', and neither "." nor "..".
[[nodiscard]] bool is_topic_name(std::string_view text);
// An IPv4 or IPv6 address, without brackets.
[[nodiscard]] bool is_ip_address(std::string_view text);

// A list with commas of host, host:port or [address]:port, each with or without a protocol:// before it.
[[nodiscard]] bool is_broker_list(std::string_view text);

// An origin as browsers send it (RFC 6454): scheme://host or scheme://host:port, in lower case, without a
// path.
[[nodiscard]] bool is_web_origin(std::string_view text);

// "host:port", as Consul's own tools take it, or a URL with http or https. Without a port it is 80 or 443, as
// in any URL.
[[nodiscard]] std::optional<http::BaseUrl> parse_consul_address(std::string_view text);

// Whether libpq can parse it (postgres::keywords_of).
[[nodiscard]] bool is_database_url(std::string_view text);

// In the templates below, `member` is the member of Settings that is set. It is a pointer to member, or a
// function from Settings& to a member of a member.
template <auto member>
// The type of that member.
using Member = std::remove_cvref_t<std::invoke_result_t<decltype(member), Settings&>>;

// A number for an integer, or for a duration in the duration's own unit.
template <auto member, std::int64_t least, std::int64_t most>
inline constexpr ValueSpec number{[](std::string_view text, Settings& into) {
                                    const auto value = parse_decimal(text, least, most);
                                    if (!value) return false;
                                    if constexpr (std::integral<Member<member>>)
                                      std::invoke(member, into) = static_cast<Member<member>>(*value);
                                    else
                                      std::invoke(member, into) = Member<member>(*value);
                                    return true;
                                  },
                                  [] { return range_in_words(least, most); }};

// A number, or "auto", which is 0 in Settings.
template <auto member, std::int64_t least, std::int64_t most>
inline constexpr ValueSpec number_or_auto{[](std::string_view text, Settings& into) {
                                            if (text != "auto")
                                              return number<member, least, most>.read(text, into);
                                            std::invoke(member, into) = 0;
                                            return true;
                                          },
                                          [] { return range_in_words(least, most) + ", or auto"; }};

// "a, b or c"

// One of a few words. Words::all has the word of each enumerator at the enumerator's number.
template <auto member, class Words>
inline constexpr ValueSpec choice{[](std::string_view text, Settings& into) {
                                    for (std::size_t at = 0; at < std::size(Words::all); ++at) {
                                      if (Words::all[at] != text) continue;
                                      std::invoke(member, into) = static_cast<Member<member>>(at);
                                      return true;
                                    }
                                    return false;
                                  },
                                  [] { return choices_in_words(Words::all); }};

// Any text. An empty one never gets here: it means that the variable is not set.
template <auto member>
inline constexpr ValueSpec any_text_into{[](std::string_view text, Settings& into) {
                                           std::invoke(member, into) = text;
                                           return true;
                                         },
                                         [] { return std::string("any text"); }};

// Any text that this version does not use.
inline constexpr ValueSpec any_text{[](std::string_view, Settings&) { return true; },
                                    [] { return std::string("any text"); }};

// Where Consul is, and what Weir reads there.
inline constexpr ValueSpec consul_address{
    [](std::string_view text, Settings& into) {
      const auto base = parse_consul_address(text);
      if (base) into.consul_address = *base;
      return base.has_value();
    },
    [] { return std::string("host:port, http://host:port or https://host:port"); }};

// It travels in a header.
inline constexpr ValueSpec consul_token{[](std::string_view text, Settings& into) {
                                          into.consul_token = text;
                                          return is_visible_ascii(text);
                                        },
                                        [] { return std::string("visible ASCII characters"); }};

inline constexpr ValueSpec consul_prefix{
    [](std::string_view text, Settings& into) {
      if (text.ends_with('/')) text.remove_suffix(1);
      if (text.empty() || text.starts_with('/') || text.ends_with('/')) return false;
      into.consul_prefix = text;
      return true;
    },
    [] { return std::string("a prefix of keys, without a slash at the beginning"); }};

}  // namespace weir::config
