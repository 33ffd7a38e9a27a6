// What a client tells us: one activity of one user.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace weir::activity {

// The members of `metadata` that are read; all others are kept in the event's bytes and not looked at.
struct Metadata {
  std::optional<std::string_view> page_url;
  std::optional<std::string_view> referrer;
  std::optional<std::string_view>
      partition_key_member;  // the text of the string or number that the caller named
};

// A decoded event. A value of views: they point into the bytes it was decoded from or into the decoder's own
// buffer, and live until the decoder's next call.
struct UserActivity {
  std::string_view user_id;
  std::string_view activity_type;
  EventTime timestamp;
  Metadata metadata;
  std::optional<std::string_view> message_id;

  [[nodiscard]] bool is_page_view() const { return activity_type == "page_view"; }
};

}  // namespace weir::activity
