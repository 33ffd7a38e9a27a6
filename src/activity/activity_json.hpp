// Writes activities as the door takes them: for import, and for tests.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"

namespace weir::activity {

// Views; any bytes may stand in them.
struct NewActivity {
  std::string_view user_id;
  std::string_view activity_type;
  EventTime timestamp;
  std::optional<std::string_view> page_url;
  std::optional<std::string_view> referrer;
  std::optional<std::string_view> message_id;
  std::optional<int> status;  // metadata.status, a number
  // Further members of metadata, none of them one of those above, each name once.
  std::span<const std::pair<std::string_view, std::string_view>> extra;
};

// Appends one JSON object on one line, without a line end: a line of NDJSON or an item of an array. What the
// door would refuse in a string is mended: bytes that are not UTF-8 and U+0000 become U+FFFD, and what is
// longer than its limit is cut between two characters. An empty user_id or activity_type stays what it is:
// refused.
void append_activity(std::string& out, const NewActivity& activity);

}  // namespace weir::activity
