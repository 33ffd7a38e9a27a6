// EventReader passes once over an event and notes where its members are. write_activity() then writes them
// in the order of an activity. Values are copied as they came: what was escaped stays escaped.
#include "segment/translator.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "activity/json_cursor.hpp"
#include "base/json_text.hpp"
#include "base/limits.hpp"
#include "base/utf8.hpp"
#include "base/words.hpp"

namespace weir::segment {
namespace {

using activity::DateTime;
using activity::JsonCursor;
using activity::JsonString;

constexpr std::array<std::string_view, 6> type_names{"track", "page", "screen", "identify", "group", "alias"};
// The activity_type of each type; that of track is its event.
constexpr std::array<std::string_view, 6> activity_types{"",         "page_view", "screen_view",
                                                         "identify", "group",     "alias"};
constexpr std::size_t shown_bytes_max = 64;

// A JSON value as it came, with its quotes or brackets; empty if absent.
struct Value {
  std::string_view json;

  [[nodiscard]] bool is_absent() const { return json.empty() || json == "null"; }
  [[nodiscard]] bool is_string() const { return json.starts_with('"'); }
  [[nodiscard]] bool is_empty_string() const { return json == R"("")"; }
  [[nodiscard]] bool is_number() const {
    return !json.empty() && (json[0] == '-' || (json[0] >= '0' && json[0] <= '9'));
  }
  // Between the quotes, as it came.
  [[nodiscard]] std::string_view raw() const {
    return is_string() ? json.substr(1, json.size() - 2) : std::string_view();
  }
};

using Members = std::vector<std::pair<std::string_view, Value>>;

// The members of an event that are translated.
struct Parts {
  Value user_id, anonymous_id, message_id, event, type, timestamp, sent_at;
  Value url, page_url, referrer;        // of properties
  Value context_url, context_referrer;  // of context.page
};

// The member of `parts` for a name of an event, or null.
Value* part_named(Parts& parts, std::string_view name) {
  if (name == "userId") return &parts.user_id;
  if (name == "anonymousId") return &parts.anonymous_id;
  if (name == "messageId") return &parts.message_id;
  if (name == "event") return &parts.event;
  if (name == "type") return &parts.type;
  if (name == "timestamp") return &parts.timestamp;
  return name == "sentAt" ? &parts.sent_at : nullptr;
}

// Names that are not copied. A write key is a secret. The others are members of an activity, which are
// written from Segment's members.
bool is_left_out(std::string_view name) {
  constexpr std::array<std::string_view, 5> names{"writeKey", "user_id", "activity_type", "message_id",
                                                  "metadata"};
  return std::ranges::find(names, name) != names.end();
}

// Functions that return bool return false at the first fault, and then `error` is set.
class EventReader {
 public:
  EventReader(JsonCursor& cursor, std::string& scratch, Members& properties, Members& others)
      : cursor_(cursor), scratch_(scratch), properties_(properties), others_(others) {}

  bool read() {
    if (!cursor_.take('{'))
      return fail_with("not_an_object",
                       "an event must be one JSON object, found " + std::string(cursor_.next_in_words()));
    if (!read_members(&EventReader::read_member)) return false;
    if (cursor_.at_end()) return true;
    cursor_.fail_with("nothing after the event");
    return fail_json();
  }

  Parts parts;
  Error error;

 private:
  // The members of an object and its closing bracket. The opening one was read before.
  bool read_members(bool (EventReader::*read_one)(std::string_view)) {
    if (cursor_.take('}')) return true;
    do {
      JsonString name;
      if (!cursor_.take_name(name)) return fail_json();
      if (!(this->*read_one)(unescape(name, scratch_).text)) return false;
    } while (cursor_.take(','));
    return cursor_.expect('}', "',' or '}'") || fail_json();
  }

  // A member of the event.
  bool read_member(std::string_view name) {
    if (Value* const part = part_named(parts, name)) {
      if (!part->json.empty()) return fail_repeated(name);
      return take_value(1, *part);
    }
    if (name == "properties") {
      if (std::exchange(has_properties_, true)) return fail_repeated(name);
      return read_properties();
    }
    Value value;
    const char* const begin = cursor_.next_bytes();
    if (name != "context" || !cursor_.take('{')) {
      if (!take_value(1, value)) return false;
    } else {
      if (!read_members(&EventReader::read_context_member)) return false;
      value = value_from(begin);
    }
    if (!is_left_out(name)) others_.emplace_back(name, value);
    return true;
  }

  bool read_properties() {
    if (cursor_.peek() == 'n') return cursor_.skip_value(1) || fail_json();
    if (!cursor_.take('{'))
      return fail_with("metadata_invalid", "properties must be an object, null or left out, found " +
                                               std::string(cursor_.next_in_words()));
    return read_members(&EventReader::read_property);
  }

  // A URL that is no string is an ordinary property.
  bool read_property(std::string_view name) {
    Value value;
    if (!take_value(2, value)) return false;
    Value* const part = name == "url"        ? &parts.url
                        : name == "page_url" ? &parts.page_url
                        : name == "referrer" ? &parts.referrer
                                             : nullptr;
    if (part != nullptr && !part->json.empty()) return fail_repeated(name);
    if (part != nullptr) *part = value;
    const bool is_reserved = name == "page_url" || name == "referrer";
    if (part == nullptr || (!is_reserved && !value.is_string())) properties_.emplace_back(name, value);
    return true;
  }

  // Of context.page only two members are translated. The whole of context is also copied unchanged.
  bool read_context_member(std::string_view name) {
    if (name == "page" && cursor_.take('{')) return read_members(&EventReader::read_page_member);
    return cursor_.skip_value(2) || fail_json();
  }

  bool read_page_member(std::string_view name) {
    Value ignored;
    return take_value(3, name == "url"        ? parts.context_url
                         : name == "referrer" ? parts.context_referrer
                                              : ignored);
  }

  // Passes a value inside of `depth` open containers.
  bool take_value(int depth, Value& value) {
    const char* const begin = cursor_.next_bytes();
    if (!cursor_.skip_value(depth)) return fail_json();
    value = value_from(begin);
    return true;
  }

  // What was passed since `begin`, without the white space before the next token.
  [[nodiscard]] Value value_from(const char* begin) const {
    const std::string_view passed(begin, static_cast<std::size_t>(cursor_.next_bytes() - begin));
    return {passed.substr(0, passed.find_last_not_of(" \n\r\t") + 1)};
  }

  bool fail_repeated(std::string_view name) {
    std::string text = "the event has the member ";
    append_json_string(text, name);
    return fail_with("member_repeated", text + " more than once");
  }

  bool fail_with(std::string_view code, std::string text) {
    error = {.kind = ErrorKind::invalid, .code = code, .text = std::move(text)};
    return false;
  }

  bool fail_json() {
    error = cursor_.error();
    return false;
  }

  JsonCursor& cursor_;
  std::string& scratch_;  // unescaped names
  Members& properties_;
  Members& others_;
  bool has_properties_ = false;
};

// A value of the client as an error quotes it: cut before a character, with an ellipsis.
std::string shown(const Value& value) {
  return std::string(utf8_prefix(value.json, shown_bytes_max)) +
         (value.json.size() > shown_bytes_max ? "…" : "");
}

// An id is a text or a number. Returns whether there is one.
Result<bool> has_id(const Value& value, std::string_view member, std::string_view code) {
  if (value.is_absent() || value.is_empty_string()) return false;
  if (value.is_string() || value.is_number()) return true;
  return fail(ErrorKind::invalid, code,
              std::string(member) + " must be a string or a number, found " + shown(value));
}

// A number is written as a string of the same characters, because the ids of an activity are strings.
void write_id(JsonText& out, std::string_view name, const Value& value) {
  out.key(name);
  value.is_number() ? out.value(value.json) : out.raw(value.json);
}

Result<EventType> type_of(const Parts& parts, std::optional<EventType> type) {
  if (!type) type = event_type_named(parts.type.raw());
  if (type) return *type;
  return fail(ErrorKind::invalid, "type_invalid",
              "type must be " + choices_in_words(type_names) + ", found " +
                  (parts.type.json.empty() ? "none" : shown(parts.type)));
}

// Adds a URL to metadata: the first of the values that is a text.
void write_url(JsonText& out, std::string_view name, std::initializer_list<Value> values) {
  const auto* const value = std::ranges::find_if(
      values, [](const Value& one) { return one.is_string() && !one.is_empty_string(); });
  if (value == values.end()) return;
  out.key(name);
  if (value->raw().size() <= limits::url_bytes_max) {  // unescaping never makes it longer
    out.raw(value->json);
    return;
  }
  std::string scratch;
  scratch.reserve(value->raw().size());
  out.value(utf8_prefix(activity::unescape_raw(value->raw(), scratch).text, limits::url_bytes_max));
}

// The difference is computed in seconds and in nanoseconds: of years that are far apart, nanoseconds would
// overflow.
EventTime time_of(const Parts& parts, std::optional<DateTime> sent_at, WallTime now) {
  const auto timestamp = activity::parse_date_time(parts.timestamp.raw());
  if (!timestamp) return now;
  // The batch's sentAt has precedence. It is the time of the request, and an event may be older.
  if (!sent_at)
    if (const auto own = activity::parse_date_time(parts.sent_at.raw())) sent_at = *own;
  const auto now_second = std::chrono::floor<std::chrono::seconds>(now);
  const DateTime reference = sent_at.value_or(DateTime{now_second, now - now_second});
  constexpr std::chrono::sys_days first{std::chrono::year{limits::year_min} / 1 / 1};
  const std::chrono::seconds ahead = timestamp->second - reference.second;
  // Checked in whole seconds first, so that the sum below fits into the range of an EventTime.
  if (now + ahead < first || ahead > limits::event_ahead_of_clock_max) return now;
  const EventTime time = EventTime{now} + ahead + (timestamp->fraction - reference.fraction);
  return time < first || time > now + limits::event_ahead_of_clock_max ? EventTime{now} : time;
}

// Writes the part of the activity that every event has.
Result<void> write_head(JsonText& out, const Parts& parts, EventType type, EventTime time) {
  const auto has_user_id = has_id(parts.user_id, "userId", "user_id_invalid");
  if (!has_user_id) return std::unexpected(has_user_id.error());
  const auto has_anonymous_id = has_id(parts.anonymous_id, "anonymousId", "user_id_invalid");
  if (!*has_user_id && !has_anonymous_id) return std::unexpected(has_anonymous_id.error());
  if (!*has_user_id && !*has_anonymous_id)
    return fail(ErrorKind::invalid, "user_id_missing", "userId or anonymousId is required");
  write_id(out, "user_id", *has_user_id ? parts.user_id : parts.anonymous_id);

  out.key("activity_type");
  if (type != EventType::track) {
    out.value(activity_types[static_cast<std::size_t>(type)]);
  } else if (parts.event.is_absent()) {
    return fail(ErrorKind::invalid, "activity_type_missing", "event is missing: track requires it");
  } else if (!parts.event.is_string()) {
    return fail(ErrorKind::invalid, "activity_type_invalid",
                "event must be a string, found " + shown(parts.event));
  } else {
    out.raw(parts.event.json);
  }
  out.member("timestamp", activity::format_rfc3339(time));
  const auto has_message_id = has_id(parts.message_id, "messageId", "message_id_invalid");
  if (!has_message_id) return std::unexpected(has_message_id.error());
  if (*has_message_id) write_id(out, "message_id", parts.message_id);
  return {};
}

}  // namespace

std::optional<EventType> event_type_named(std::string_view name) {
  const auto* const found = std::ranges::find(type_names, name);
  if (found == type_names.end()) return std::nullopt;
  return static_cast<EventType>(found - type_names.begin());
}

// Kept between events, so that reading allocates nothing.
struct Translator::Buffers {
  JsonCursor cursor;
  std::string scratch;
  Members properties;
  Members others;
  std::string activity;
};

Translator::Translator() : buffers_(std::make_unique<Buffers>()) {}

Translator::~Translator() = default;

Result<std::string_view> Translator::translate(std::string_view event, std::optional<EventType> type,
                                               std::optional<DateTime> sent_at, WallTime now) {
  Buffers& buffers = *buffers_;
  buffers.scratch.clear();
  if (buffers.scratch.capacity() < event.size()) buffers.scratch.reserve(event.size());
  buffers.properties.clear();
  buffers.others.clear();
  if (!buffers.cursor.begin(event)) return std::unexpected(buffers.cursor.error());
  EventReader reader(buffers.cursor, buffers.scratch, buffers.properties, buffers.others);
  if (!reader.read()) return std::unexpected(std::move(reader.error));
  const Parts& parts = reader.parts;
  const auto its_type = type_of(parts, type);
  if (!its_type) return std::unexpected(its_type.error());

  // The order of the members is fixed: head, metadata, then all others. The decoder accepts any order.
  JsonText out;
  out.begin_object();
  auto head = write_head(out, parts, *its_type, time_of(parts, sent_at, now));
  if (!head) return propagate(head);
  out.key("metadata").begin_object();
  write_url(out, "page_url", {parts.url, parts.page_url, parts.context_url});
  write_url(out, "referrer", {parts.referrer, parts.context_referrer});
  for (const auto& [name, value] : buffers.properties) out.key(name).raw(value.json);
  out.end_object();
  for (const auto& [name, value] : buffers.others) out.key(name).raw(value.json);
  buffers.activity = out.end_object().take();
  const std::size_t bytes = buffers.activity.size();
  // The parser of the decoder reads past the end of its input. These bytes belong to no activity.
  buffers.activity.append(limits::json_slack_bytes, '\0');
  return std::string_view(buffers.activity).substr(0, bytes);
}

}  // namespace weir::segment
