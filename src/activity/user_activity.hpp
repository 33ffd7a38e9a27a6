// One activity of one user, as a client reports it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.hpp"

namespace weir::activity {

// The text of a member of `metadata` that the caller of Decoder::decode() named. A string's text is
// unescaped, a number's is as it was written, a boolean's is `true` or `false`.
struct MemberText {
  // absent: there is no such member, or it is null, an object or an array.
  enum class Kind : std::uint8_t { absent, string, number, boolean };

  Kind kind = Kind::absent;
  bool is_storable = true;  // the text is UTF-8 without U+0000, as databases require
  std::string_view text;    // empty if absent
};

// The members of `metadata` that are read. All others stay in the event's bytes.
struct Metadata {
  std::optional<std::string_view> page_url;
  std::optional<std::string_view> referrer;
  std::span<const MemberText> members;  // those that the caller of Decoder::decode() named, in that order
};

// A decoded event. The views point into the bytes it was decoded from or into the decoder's own buffer. They
// are valid until the decoder's next call.
struct UserActivity {
  std::string_view user_id;
  std::string_view activity_type;
  EventTime timestamp;
  Metadata metadata;
  std::optional<std::string_view> message_id;

  [[nodiscard]] bool is_page_view() const { return activity_type == "page_view"; }
};

}  // namespace weir::activity
