// EventReader makes one pass over the document with a JsonCursor. Members that are read are checked at once;
// all others are skipped, which checks their grammar. Names of other members are gathered, and checked for
// repetition at the end of their object.
#include "activity/decoder.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "activity/json_cursor.hpp"
#include "activity/rfc3339.hpp"
#include "activity/white_space.hpp"
#include "base/json_text.hpp"
#include "base/limits.hpp"

namespace weir::activity {
namespace {

// What a text member must fulfil.
struct TextRule {
  std::string_view member;
  std::string_view error_code;
  std::size_t bytes_min;
  std::size_t bytes_max;
  bool may_be_blank;  // may consist of white space only
};

// Bounds of a timestamp: limits::year_min, and the last year that an EventTime covers completely.
constexpr std::chrono::sys_seconds first_second =
    std::chrono::sys_days{std::chrono::year{limits::year_min} / 1 / 1};
constexpr std::chrono::sys_seconds end_of_years =
    std::chrono::sys_days{std::chrono::year{event_year_max + 1} / 1 / 1};
static_assert(limits::year_min == 1990 && event_year_max == 2261, "the error text names these years");

constexpr TextRule user_id_rule{"user_id", "user_id_invalid", 1, limits::user_id_bytes_max, false};
constexpr TextRule activity_type_rule{"activity_type", "activity_type_invalid", 1,
                                      limits::activity_type_bytes_max, false};
constexpr TextRule message_id_rule{"message_id", "message_id_invalid", 1, limits::message_id_bytes_max,
                                   false};
constexpr TextRule page_url_rule{"metadata.page_url", "page_url_invalid", 0, limits::url_bytes_max, true};
constexpr TextRule referrer_rule{"metadata.referrer", "referrer_invalid", 0, limits::url_bytes_max, true};

// The members that are read, as bits of a set.
enum Member : std::uint32_t {
  user_id = 1,
  activity_type = 2,
  timestamp = 4,
  metadata = 8,
  message_id = 16,
  page_url = 32,
  referrer = 64,
  other = 0,
};

// By length first: most names differ in it.
Member member_named(std::string_view name) {
  switch (name.size()) {
    case 7:
      return name == "user_id" ? user_id : other;
    case 8:
      return name == "metadata" ? metadata : other;
    case 9:
      return name == "timestamp" ? timestamp : other;
    case 10:
      return name == "message_id" ? message_id : other;
    case 13:
      return name == "activity_type" ? activity_type : other;
    default:
      return other;
  }
}

Member metadata_member_named(std::string_view name) {
  if (name == "page_url") return page_url;
  return name == "referrer" ? referrer : other;
}

// Up to this many names are compared in pairs. More are sorted: no choice of names makes sorting quadratic,
// as colliding names would make a hash table.
constexpr std::size_t pairwise_names_max = 12;
constexpr std::size_t shown_name_bytes_max = 64;

std::string describe(const TextRule& rule) {
  std::string text(rule.member);
  text += " must be a string of ";
  if (rule.bytes_min > 0) text += std::to_string(rule.bytes_min) + " to ";
  if (rule.bytes_min == 0) text += "at most ";
  text += std::to_string(rule.bytes_max);
  text += " bytes";
  if (!rule.may_be_blank) text += ", not only white space";
  return text;
}

// The members of metadata that the caller named, and what was found of each.
struct NamedMembers {
  std::span<const std::string> names;
  std::span<MemberText> texts;

  [[nodiscard]] MemberText* find(std::string_view name) const {
    for (std::size_t at = 0; at < names.size(); ++at)
      if (names[at] == name) return &texts[at];
    return nullptr;
  }
};

// Reads one event. Functions that return bool return false at the first fault, and then `error` is set.
class EventReader {
 public:
  EventReader(JsonCursor& cursor, std::string& scratch, std::vector<std::string_view>& names,
              NamedMembers named)
      : cursor_(cursor), scratch_(scratch), names_(names), named_(named) {}

  // Exactly one object, and nothing after it.
  bool read_event() {
    if (!cursor_.take('{')) return fail_not_an_object();
    if (!read_members(&EventReader::read_member)) return false;
    if (!cursor_.at_end()) {
      cursor_.fail_with("nothing after the activity");
      return fail_json();
    }
    return check_presence();
  }

  UserActivity activity;
  Error error;

 private:
  // Reads the members of an object and its closing bracket. The opening one was read before.
  bool read_members(bool (EventReader::*read_one)(std::string_view)) {
    const std::size_t names_before = names_.size();
    if (!cursor_.take('}')) {
      do {
        JsonString name;
        if (!cursor_.take_name(name)) return fail_json();
        if (!(this->*read_one)(unescape(name, scratch_).text)) return false;
      } while (cursor_.take(','));
      if (!cursor_.expect('}', "',' or '}'")) return fail_json();
    }
    return check_names(names_before);
  }

  // A member of the event itself. Unknown ones are skipped, at nesting depth 1.
  bool read_member(std::string_view name) {
    const Member member = member_named(name);
    if (!mark_seen(member, name)) return false;
    switch (member) {
      case user_id:
        return read_text(user_id_rule, activity.user_id);
      case activity_type:
        return read_text(activity_type_rule, activity.activity_type);
      case timestamp:
        return read_timestamp();
      case metadata:
        return read_metadata();
      case message_id:
        return read_optional_text(message_id_rule, activity.message_id);
      default:
        return cursor_.skip_value(1) || fail_json();
    }
  }

  bool read_metadata_member(std::string_view name) {
    const Member member = metadata_member_named(name);
    if (!mark_seen(member, name)) return false;
    switch (member) {
      case page_url:
        return read_metadata_text(page_url_rule, name, activity.metadata.page_url);
      case referrer:
        return read_metadata_text(referrer_rule, name, activity.metadata.referrer);
      default:
        if (MemberText* const text = named_.find(name)) return read_named(*text);
        return cursor_.skip_value(2) || fail_json();
    }
  }

  // A member that each event is read for. The caller may have named it, too.
  bool read_metadata_text(const TextRule& rule, std::string_view name, std::optional<std::string_view>& out) {
    if (!read_optional_text(rule, out)) return false;
    MemberText* const named = out ? named_.find(name) : nullptr;
    if (named != nullptr) *named = {.kind = MemberText::Kind::string, .text = *out};
    return true;
  }

  bool read_named(MemberText& out) {
    const char first = cursor_.peek();
    const char* const begin = cursor_.next_bytes();
    if (first == '"') {
      JsonString string;
      if (!cursor_.take_string(string)) return fail_json();
      const Unescaped unescaped = unescape(string, scratch_);
      out = {.kind = MemberText::Kind::string,
             .is_storable = !unescaped.has_nul && !unescaped.has_lone_surrogate,
             .text = unescaped.text};
      return true;
    }
    if (!cursor_.skip_value(2)) return fail_json();
    const bool is_number = first == '-' || (first >= '0' && first <= '9');
    if (!is_number && first != 't' && first != 'f') return true;
    // The text of the number or the word as the client wrote it.
    constexpr std::string_view of_scalars = "0123456789+-.eEtrufals";
    const char* end = begin;
    while (of_scalars.contains(*end)) ++end;  // the document is valid: a ',', a '}' or white space follows
    out = {.kind = is_number ? MemberText::Kind::number : MemberText::Kind::boolean,
           .text = {begin, static_cast<std::size_t>(end - begin)}};
    return true;
  }

  // No other JSON value begins with an n. If it is not null, skip_value() fails.
  [[nodiscard]] bool is_null_next() const { return cursor_.peek() == 'n'; }

  bool read_optional_text(const TextRule& rule, std::optional<std::string_view>& out) {
    if (is_null_next()) return cursor_.skip_value(in_metadata_ ? 2 : 1) || fail_json();
    return read_text(rule, out.emplace());
  }

  // Null, or an object. in_metadata_ selects the words of errors and the nesting depth.
  bool read_metadata() {
    if (is_null_next()) return cursor_.skip_value(1) || fail_json();
    in_metadata_ = true;
    if (!cursor_.take('{')) {
      return fail_with("metadata_invalid", "metadata must be an object, null or left out, found " +
                                               std::string(cursor_.next_in_words()));
    }
    if (!read_members(&EventReader::read_metadata_member)) return false;
    in_metadata_ = false;
    return true;
  }

  bool read_text(const TextRule& rule, std::string_view& out) {
    if (cursor_.peek() != '"') return fail_text(rule, cursor_.next_in_words());
    JsonString string;
    if (!cursor_.take_string(string)) return fail_json();
    const Unescaped unescaped = unescape(string, scratch_);
    out = unescaped.text;
    // Texts go to PostgreSQL, which stores neither U+0000 nor surrogates.
    if (unescaped.has_nul) return fail_text(rule, "U+0000 in it");
    if (unescaped.has_lone_surrogate) return fail_text(rule, "a lone surrogate in it");
    if (out.size() > rule.bytes_max) return fail_text(rule, std::to_string(out.size()) + " bytes");
    if (out.size() < rule.bytes_min) return fail_text(rule, "an empty one");
    if (!rule.may_be_blank && is_blank(out)) return fail_text(rule, "only white space");
    return true;
  }

  bool read_timestamp() {
    if (cursor_.peek() != '"') {
      return fail_with("timestamp_invalid", "timestamp must be a string with an RFC 3339 date-time, found " +
                                                std::string(cursor_.next_in_words()));
    }
    JsonString string;
    if (!cursor_.take_string(string)) return fail_json();
    const std::string_view text = unescape(string, scratch_).text;
    const auto time = parse_date_time(text);
    if (!time) return fail_with("timestamp_invalid", "timestamp: " + time.error().text);
    if (time->second < first_second || time->second >= end_of_years)
      return fail_with("timestamp_invalid", "timestamp: the year must be from 1990 to 2261 in UTC, found \"" +
                                                std::string(text) + '"');
    activity.timestamp = EventTime{time->second.time_since_epoch()} + time->fraction;
    return true;
  }

  // In the order in which the members are documented.
  bool check_presence() {
    if ((seen_ & user_id) == 0) return fail_with("user_id_missing", "user_id is missing: it is required");
    if ((seen_ & activity_type) == 0)
      return fail_with("activity_type_missing", "activity_type is missing: it is required");
    if ((seen_ & timestamp) == 0)
      return fail_with("timestamp_missing", "timestamp is missing: it is required");
    return true;
  }

  // Members that are read are known by a bit, all others by their name.
  bool mark_seen(Member member, std::string_view name) {
    if (member == other) {
      names_.push_back(name);
    } else if ((seen_ & member) != 0) {
      return fail_repeated(name);
    }
    seen_ |= member;
    return true;
  }

  // Checks that no name from `first` on is repeated, and removes these names.
  bool check_names(std::size_t first) {
    const auto begin = names_.begin() + static_cast<std::ptrdiff_t>(first);
    if (names_.size() - first <= pairwise_names_max) {
      for (auto each = begin; each != names_.end(); ++each) {
        if (std::find(begin, each, *each) != each) return fail_repeated(*each);
      }
    } else {
      std::sort(begin, names_.end());
      const auto twice = std::adjacent_find(begin, names_.end());
      if (twice != names_.end()) return fail_repeated(*twice);
    }
    names_.resize(first);
    return true;
  }

  // Shows the beginning of a long name.
  bool fail_repeated(std::string_view name) {
    std::string text = in_metadata_ ? "metadata has the member " : "the activity has the member ";
    append_json_string(text, name.substr(0, shown_name_bytes_max));
    return fail_with("member_repeated", text + " more than once");
  }

  bool fail_text(const TextRule& rule, std::string_view found) {
    return fail_with(rule.error_code, describe(rule) + ", found " + std::string(found));
  }

  bool fail_with(std::string_view code, std::string text) {
    error = {.kind = ErrorKind::invalid, .code = code, .text = std::move(text)};
    return false;
  }

  bool fail_json() {
    error = cursor_.error();
    return false;
  }

  // The document is not an object. It may not be JSON at all; for an array, only its bracket is checked.
  bool fail_not_an_object() {
    std::string text = "an activity must be one JSON object, found ";
    text += cursor_.next_in_words();
    if (!cursor_.take('[') && !cursor_.skip_value(0)) return fail_json();
    return fail_with("not_an_object", std::move(text));
  }

  JsonCursor& cursor_;
  std::string& scratch_;                  // unescaped texts
  std::vector<std::string_view>& names_;  // of members that are not read, in the open objects
  NamedMembers named_;
  std::uint32_t seen_ = 0;
  bool in_metadata_ = false;
};

// `ahead_max` covers clocks that differ.
Result<void> check_ahead(EventTime moment, RecordTime reference, std::chrono::hours ahead_max,
                         std::string_view name_of_reference) {
  // In milliseconds, rounded up. A reference of another producer's record may be any value, so check for
  // overflow.
  const auto at = std::chrono::ceil<std::chrono::milliseconds>(moment);
  const auto latest_of_all = RecordTime::max() - ahead_max;
  if (reference > latest_of_all || at <= reference + ahead_max) return {};
  std::string text =
      "timestamp " + format_rfc3339(moment) + " is more than " + std::to_string(ahead_max.count());
  text += " h ahead of ";
  text += name_of_reference;
  text += ", " + format_rfc3339(reference);
  return fail(ErrorKind::invalid, "timestamp_ahead", std::move(text));
}

}  // namespace

// Kept between events, so that decoding allocates nothing.
struct Decoder::Buffers {
  JsonCursor cursor;
  std::string scratch;
  std::vector<std::string_view> names;
  std::vector<MemberText> members;
};

Decoder::Decoder() : buffers_(std::make_unique<Buffers>()) {}

Decoder::~Decoder() = default;

Result<UserActivity> Decoder::decode(std::string_view json, std::span<const std::string> members) {
  Buffers& buffers = *buffers_;
  buffers.scratch.clear();
  // Unescaping never lengthens a text, so the views into scratch stay valid for the whole event.
  if (buffers.scratch.capacity() < json.size()) buffers.scratch.reserve(json.size());
  buffers.names.clear();
  if (!buffers.cursor.begin(json)) return std::unexpected(buffers.cursor.error());
  if (!members.empty()) buffers.members.assign(members.size(), {});
  EventReader reader(buffers.cursor, buffers.scratch, buffers.names,
                     {members, std::span(buffers.members).first(members.size())});
  if (!reader.read_event()) return std::unexpected(std::move(reader.error));
  if (!members.empty()) reader.activity.metadata.members = std::span(buffers.members).first(members.size());
  return reader.activity;
}

Result<void> check_time_at_ingest(const UserActivity& activity, WallTime now) {
  return check_ahead(activity.timestamp, now, limits::event_ahead_of_clock_max, "the clock");
}

Result<void> check_time_of_record(const UserActivity& activity, RecordTime record_time) {
  return check_ahead(activity.timestamp, record_time, limits::event_ahead_of_record_max, "the record's time");
}

}  // namespace weir::activity
