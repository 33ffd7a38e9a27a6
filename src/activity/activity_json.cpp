#include "activity/activity_json.hpp"

#include <algorithm>
#include <simdjson.h>

#include "activity/rfc3339.hpp"
#include "base/json_text.hpp"
#include "base/limits.hpp"
#include "base/utf8.hpp"

namespace weir::activity {
namespace {

// `text` with U+FFFD for NUL bytes and bytes that are not UTF-8. It is cut off at a character, to at most
// `bytes_max` bytes. `buffer` holds the result if it differs from `text`.
std::string_view acceptable(std::string_view text, std::size_t bytes_max, std::string& buffer) {
  if (text.size() <= bytes_max && text.find('\0') == std::string_view::npos &&
      simdjson::validate_utf8(text.data(), text.size()))
    return text;  // nearly always
  buffer.clear();
  while (!text.empty()) {
    const std::size_t bytes = text.front() == '\0' ? 0 : utf8_sequence_length(text);
    const std::string_view character = bytes == 0 ? utf8_replacement : text.substr(0, bytes);
    if (buffer.size() + character.size() > bytes_max) break;
    buffer += character;
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return buffer;
}

// The members of one object.
class Members {
 public:
  explicit Members(std::string& out) : out_(out) { out_ += '{'; }

  void add(std::string_view name, std::string_view text, std::size_t bytes_max) {
    begin(name);
    append_json_string(out_, acceptable(text, bytes_max, buffer_));
  }
  void add(std::string_view name, int number) {
    begin(name);
    out_ += std::to_string(number);
  }
  // The value must follow.
  void begin(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    append_json_string(out_, name);
    out_ += ':';
  }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  std::string buffer_;
  bool first_ = true;
};

}  // namespace

void append_activity(std::string& out, const NewActivity& activity) {
  Members event(out);
  event.add("user_id", activity.user_id, limits::user_id_bytes_max);
  event.add("activity_type", activity.activity_type, limits::activity_type_bytes_max);
  event.add("timestamp", activity::format_rfc3339(activity.timestamp), limits::url_bytes_max);
  if (activity.message_id) event.add("message_id", *activity.message_id, limits::message_id_bytes_max);
  // An activity without metadata has no such member.
  if (activity.page_url || activity.referrer || activity.status || !activity.extra.empty()) {
    event.begin("metadata");
    Members metadata(out);
    if (activity.page_url) metadata.add("page_url", *activity.page_url, limits::url_bytes_max);
    if (activity.referrer) metadata.add("referrer", *activity.referrer, limits::url_bytes_max);
    if (activity.status) metadata.add("status", *activity.status);
    for (const auto& [name, text] : activity.extra) metadata.add(name, text, limits::url_bytes_max);
    metadata.end();
  }
  event.end();
}

}  // namespace weir::activity
