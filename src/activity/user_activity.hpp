// One activity of one user, as a client reports it.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace weir::activity {

// The members of `metadata` that are read. All others stay in the event's bytes.
struct Metadata {
  std::optional<std::string_view> page_url;
  std::optional<std::string_view> referrer;
  // The text of the member that the caller of Decoder::decode() named, if it is a string or a number.
  std::optional<std::string_view> partition_key_member;
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
