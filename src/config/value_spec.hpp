// What may stand in a variable, said once: how it is read and how it is put in words. A Form is made at
// compile time from the member of Settings that it fills and the bounds that hold for it.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/words.hpp"
#include "config/settings.hpp"

namespace weir::config {

struct ValueSpec {
  // Puts what `text` says into `into`; false, with `into` untouched, if it is not what was expected.
  bool (*read)(std::string_view text, Settings& into) = nullptr;
  // Behind "expected": "a whole number from 1 to 65535".
  std::string (*expected)() = nullptr;
  // What is wrong with a text that was refused, where `expected` alone does not say it. May be null.
  std::string (*fault)(std::string_view text) = nullptr;
};

// Decimal digits with nothing around them, within the bounds.
[[nodiscard]] std::optional<std::int64_t> whole_number(std::string_view text, std::int64_t least,
                                                       std::int64_t most);

[[nodiscard]] std::string range_in_words(std::int64_t least, std::int64_t most);

// Kafka's own rule: 1 to 249 of letters, digits, '.', '_' and '-', and not "." or "..".
[[nodiscard]] bool is_topic_name(std::string_view text);
[[nodiscard]] bool is_ip_address(std::string_view text);

// `brokers` of KAFKA_BROKERS: host, host:port, [address]:port, each perhaps behind a protocol://, with
// commas.
[[nodiscard]] bool is_broker_list(std::string_view text);

// A web origin as browsers send it in Origin: scheme://host or scheme://host:port, in lower case, without a
// path.
[[nodiscard]] bool is_web_origin(std::string_view text);

// What libpq can read (postgres::keywords_of).
[[nodiscard]] bool is_database_url(std::string_view text);

// In what follows `member` says which member of Settings is filled: a pointer to it, or a function from
// Settings& to a member of a member.
template <auto member>
using Member = std::remove_cvref_t<std::invoke_result_t<decltype(member), Settings&>>;

// A number that fills `member` (an integer or a duration in its own unit).
template <auto member, std::int64_t least, std::int64_t most>
inline constexpr ValueSpec number{[](std::string_view text, Settings& into) {
                                    const auto value = whole_number(text, least, most);
                                    if (!value) return false;
                                    if constexpr (std::integral<Member<member>>)
                                      std::invoke(member, into) = static_cast<Member<member>>(*value);
                                    else
                                      std::invoke(member, into) = Member<member>(*value);
                                    return true;
                                  },
                                  [] { return range_in_words(least, most); }};

// The same, or "auto", which is 0 in Settings.
template <auto member, std::int64_t least, std::int64_t most>
inline constexpr ValueSpec number_or_auto{[](std::string_view text, Settings& into) {
                                            if (text != "auto")
                                              return number<member, least, most>.read(text, into);
                                            std::invoke(member, into) = 0;
                                            return true;
                                          },
                                          [] { return range_in_words(least, most) + ", or auto"; }};

// A number that nothing in this version uses yet.
template <std::int64_t least, std::int64_t most>
inline constexpr ValueSpec checked_number{
    [](std::string_view text, Settings&) { return whole_number(text, least, most).has_value(); },
    [] { return range_in_words(least, most); }};

// "a, b or c"

// One of a few words. Each enumerator's word stands at its number in Words::all.
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

// Any text that is not empty.
template <auto member>
inline constexpr ValueSpec any_text_into{[](std::string_view text, Settings& into) {
                                           std::invoke(member, into) = text;
                                           return true;
                                         },
                                         [] { return std::string("any text"); }};

// The same, for what nothing in this version uses yet.
inline constexpr ValueSpec any_text{[](std::string_view, Settings&) { return true; },
                                    [] { return std::string("any text"); }};

}  // namespace weir::config
