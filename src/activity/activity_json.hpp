// Writes activities in the form that Decoder accepts. Import and tests use it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"

namespace weir::activity {

// The texts may hold any bytes. They must outlive the call only.
struct NewActivity {
  std::string_view user_id;
  std::string_view activity_type;
  EventTime timestamp;
  std::optional<std::string_view> page_url;
  std::optional<std::string_view> referrer;
  std::optional<std::string_view> message_id;
  std::optional<int> status;  // metadata.status, a number
  // Further members of metadata: each name once, and none of the names above.
  std::span<const std::pair<std::string_view, std::string_view>> extra;
};

// Appends one JSON object on one line, without a line end: a line of NDJSON, or an element of an array. A
// text is made acceptable. Bytes that are not UTF-8 and U+0000 become U+FFFD. What exceeds the limit of its
// member is cut off at a character. An empty user_id or activity_type is written as it is, and Decoder will
// refuse it. Any thread.
void append_activity(std::string& out, const NewActivity& activity);

}  // namespace weir::activity
