#include "activity/activity_json.hpp"

#include <algorithm>
#include <simdjson.h>

#include "activity/rfc3339.hpp"
#include "base/json_text.hpp"
#include "base/limits.hpp"

namespace weir::activity {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

// The length of the character at the start of `text`, or 0 if the bytes there are none that an event may
// hold.
std::size_t character_bytes(std::string_view text) {
  if (text.front() == '\0') return 0;
  for (std::size_t bytes = 1; bytes <= std::min<std::size_t>(4, text.size()); ++bytes) {
    if (simdjson::validate_utf8(text.data(), bytes)) return bytes;
  }
  return 0;
}

// `text` as the door takes it, of at most `bytes_max` bytes; `room` holds it if it had to be mended.
std::string_view mended(std::string_view text, std::size_t bytes_max, std::string& room) {
  const bool good = text.size() <= bytes_max && text.find('\0') == std::string_view::npos &&
                    simdjson::validate_utf8(text.data(), text.size());
  if (good) return text;
  room.clear();
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    const std::string_view character = bytes == 0 ? replacement : text.substr(0, bytes);
    if (room.size() + character.size() > bytes_max) break;
    room += character;
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return room;
}

class Members {
 public:
  explicit Members(std::string& out) : out_(out) { out_ += '{'; }

  void add(std::string_view name, std::string_view text, std::size_t bytes_max) {
    begin(name);
    append_json_string(out_, mended(text, bytes_max, room_));
  }
  void add(std::string_view name, int number) {
    begin(name);
    out_ += std::to_string(number);
  }
  void begin(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    append_json_string(out_, name);
    out_ += ':';
  }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  std::string room_;
  bool first_ = true;
};

}  // namespace

void append_activity(std::string& out, const NewActivity& activity) {
  Members event(out);
  event.add("user_id", activity.user_id, limits::user_id_bytes_max);
  event.add("activity_type", activity.activity_type, limits::activity_type_bytes_max);
  event.add("timestamp", activity::format_rfc3339(activity.timestamp), limits::url_bytes_max);
  if (activity.message_id) event.add("message_id", *activity.message_id, limits::message_id_bytes_max);
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
