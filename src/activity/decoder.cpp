#include "activity/decoder.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "activity/json_cursor.hpp"
#include "activity/rfc3339.hpp"
#include "base/json_text.hpp"
#include "base/limits.hpp"

namespace weir::activity {
namespace {

// How a member that is read as text must be.
struct TextRule {
  std::string_view member;
  std::string_view invalid;  // code
  std::size_t bytes_min;
  std::size_t bytes_max;
  bool blank_passes;
};

// What a timestamp may be: the years of the contract, up to those that an EventTime holds.
constexpr std::chrono::sys_seconds first_second =
    std::chrono::sys_days{std::chrono::year{limits::year_min} / 1 / 1};
constexpr std::chrono::sys_seconds end_of_years =
    std::chrono::sys_days{std::chrono::year{event_year_max + 1} / 1 / 1};
static_assert(limits::year_min == 1990 && event_year_max == 2261, "the text says so");

constexpr TextRule user_id_rule{"user_id", "user_id_invalid", 1, limits::user_id_bytes_max, false};
constexpr TextRule activity_type_rule{"activity_type", "activity_type_invalid", 1,
                                      limits::activity_type_bytes_max, false};
constexpr TextRule message_id_rule{"message_id", "message_id_invalid", 1, limits::message_id_bytes_max,
                                   false};
constexpr TextRule page_url_rule{"metadata.page_url", "page_url_invalid", 0, limits::url_bytes_max, true};
constexpr TextRule referrer_rule{"metadata.referrer", "referrer_invalid", 0, limits::url_bytes_max, true};

// The members that are read; each is one bit of what was seen.
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

// Up to this many names are compared each with each; more are sorted, which no choice of names can make
// quadratic (a hash with known multicollisions could be made so).
constexpr std::size_t pairwise_names_max = 12;
constexpr std::size_t shown_name_bytes_max = 64;

// The length in bytes of the character at the start of `text`, if it is one of Unicode's White_Space beyond
// ASCII.
std::size_t wide_space_bytes(std::string_view text) {
  if (static_cast<unsigned char>(text.front()) < 0x80) return 0;
  constexpr std::array<std::string_view, 19> spaces{
      "\u0085", "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
      "\u2007", "\u2008", "\u2009", "\u200A", "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"};
  const auto* const found = std::ranges::find_if(spaces, [&](auto space) { return text.starts_with(space); });
  return found == spaces.end() ? 0 : found->size();
}

bool is_blank(std::string_view text) {
  while (!text.empty()) {
    const char first = text.front();
    const bool narrow_space = first == ' ' || (first >= '\t' && first <= '\r');
    const std::size_t bytes = narrow_space ? 1 : wide_space_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string expected_by(const TextRule& rule) {
  std::string text(rule.member);
  text += " must be a string of ";
  if (rule.bytes_min > 0) text += std::to_string(rule.bytes_min) + " to ";
  if (rule.bytes_min == 0) text += "at most ";
  text += std::to_string(rule.bytes_max);
  text += " bytes";
  if (!rule.blank_passes) text += ", not only white space";
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

// One event on its way through the decoder. Functions that return bool return false at the first fault, which
// then stands in error.
class Reading {
 public:
  Reading(JsonCursor& walk, std::string& scratch, std::vector<std::string_view>& names, NamedMembers named)
      : walk_(walk), scratch_(scratch), names_(names), named_(named) {}

  bool read_event() {
    if (!walk_.take('{')) return deny_other();
    if (!read_members(&Reading::read_member)) return false;
    if (!walk_.at_end()) {
      walk_.fail_with("nothing behind the activity");
      return deny_json();
    }
    return check_presence();
  }

  // A named member can be one that every event is read for.
  void copy_named_urls() {
    for (std::size_t at = 0; at < named_.names.size(); ++at) {
      const bool is_referrer = named_.names[at] == "referrer";
      if (!is_referrer && named_.names[at] != "page_url") continue;
      const auto& text = is_referrer ? activity.metadata.referrer : activity.metadata.page_url;
      if (text) named_.texts[at] = {.kind = MemberText::Kind::string, .text = *text};
    }
  }

  UserActivity activity;
  Error error;

 private:
  // The members of an object whose opening bracket has been passed, and the closing one.
  bool read_members(bool (Reading::*read_one)(std::string_view)) {
    const std::size_t names_before = names_.size();
    if (!walk_.take('}')) {
      do {
        JsonString name;
        if (!walk_.take_name(name)) return deny_json();
        if (!(this->*read_one)(unescape(name, scratch_).text)) return false;
      } while (walk_.take(','));
      if (!walk_.expect('}', "',' or '}'")) return deny_json();
    }
    return check_names(names_before);
  }

  bool read_member(std::string_view name) {
    const Member member = member_named(name);
    if (!note(member, name)) return false;
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
        return walk_.skip_value(1) || deny_json();
    }
  }

  bool read_metadata_member(std::string_view name) {
    const Member member = metadata_member_named(name);
    if (!note(member, name)) return false;
    switch (member) {
      case page_url:
        return read_optional_text(page_url_rule, activity.metadata.page_url);
      case referrer:
        return read_optional_text(referrer_rule, activity.metadata.referrer);
      default:
        if (MemberText* const text = named_.find(name)) return read_named(*text);
        return walk_.skip_value(2) || deny_json();
    }
  }

  bool read_named(MemberText& out) {
    const char first = walk_.peek();
    const char* const begin = walk_.next_bytes();
    if (first == '"') {
      JsonString string;
      if (!walk_.take_string(string)) return deny_json();
      const Unescaped unescaped = unescape(string, scratch_);
      out = {.kind = MemberText::Kind::string,
             .is_storable = !unescaped.has_nul && !unescaped.has_lone_surrogate,
             .text = unescaped.text};
      return true;
    }
    if (!walk_.skip_value(2)) return deny_json();
    const bool is_number = first == '-' || (first >= '0' && first <= '9');
    if (!is_number && first != 't' && first != 'f') return true;
    constexpr std::string_view of_scalars = "0123456789+-.eEtrufals";
    const char* end = begin;
    while (of_scalars.contains(*end)) ++end;  // a ',', a '}' or white space follows
    out = {.kind = is_number ? MemberText::Kind::number : MemberText::Kind::boolean,
           .text = {begin, static_cast<std::size_t>(end - begin)}};
    return true;
  }

  // A member with null is absent. Only null begins with this letter; anything else with it is no JSON.
  [[nodiscard]] bool is_null_next() const { return walk_.peek() == 'n'; }

  bool read_optional_text(const TextRule& rule, std::optional<std::string_view>& out) {
    if (is_null_next()) return walk_.skip_value(in_metadata_ ? 2 : 1) || deny_json();
    return read_text(rule, out.emplace());
  }

  bool read_metadata() {
    if (is_null_next()) return walk_.skip_value(1) || deny_json();
    in_metadata_ = true;
    if (!walk_.take('{')) {
      return fail_with("metadata_invalid", "metadata must be an object, null or left out, found " +
                                               std::string(walk_.next_in_words()));
    }
    if (!read_members(&Reading::read_metadata_member)) return false;
    in_metadata_ = false;
    return true;
  }

  bool read_text(const TextRule& rule, std::string_view& out) {
    if (walk_.peek() != '"') return deny_text(rule, walk_.next_in_words());
    JsonString string;
    if (!walk_.take_string(string)) return deny_json();
    const Unescaped unescaped = unescape(string, scratch_);
    out = unescaped.text;
    if (unescaped.has_nul) return deny_text(rule, "U+0000 in it");
    if (unescaped.has_lone_surrogate) return deny_text(rule, "a lone surrogate in it");
    if (out.size() > rule.bytes_max) return deny_text(rule, std::to_string(out.size()) + " bytes");
    if (out.size() < rule.bytes_min) return deny_text(rule, "an empty one");
    if (!rule.blank_passes && is_blank(out)) return deny_text(rule, "only white space");
    return true;
  }

  bool read_timestamp() {
    if (walk_.peek() != '"') {
      return fail_with("timestamp_invalid",
                       "timestamp must be a string with a date-time as RFC 3339 writes it, found " +
                           std::string(walk_.next_in_words()));
    }
    JsonString string;
    if (!walk_.take_string(string)) return deny_json();
    const std::string_view text = unescape(string, scratch_).text;
    const auto time = parse_date_time(text);
    if (!time) return fail_with("timestamp_invalid", "timestamp: " + time.error().text);
    if (time->second < first_second || time->second >= end_of_years)
      return fail_with("timestamp_invalid", "timestamp: the year must be from 1990 to 2261 in UTC, found \"" +
                                                std::string(text) + '"');
    activity.timestamp = EventTime{time->second.time_since_epoch()} + time->fraction;
    return true;
  }

  bool check_presence() {
    if ((seen_ & user_id) == 0) return fail_with("user_id_missing", "user_id is missing: it is required");
    if ((seen_ & activity_type) == 0)
      return fail_with("activity_type_missing", "activity_type is missing: it is required");
    if ((seen_ & timestamp) == 0)
      return fail_with("timestamp_missing", "timestamp is missing: it is required");
    return true;
  }

  bool note(Member member, std::string_view name) {
    if (member == other) {
      names_.push_back(name);
    } else if ((seen_ & member) != 0) {
      return deny_repeated(name);
    }
    seen_ |= member;
    return true;
  }

  // That none of the names from `first` on stands twice; forgets them.
  bool check_names(std::size_t first) {
    const auto begin = names_.begin() + static_cast<std::ptrdiff_t>(first);
    if (names_.size() - first <= pairwise_names_max) {
      for (auto each = begin; each != names_.end(); ++each) {
        if (std::find(begin, each, *each) != each) return deny_repeated(*each);
      }
    } else {
      std::sort(begin, names_.end());
      const auto twice = std::adjacent_find(begin, names_.end());
      if (twice != names_.end()) return deny_repeated(*twice);
    }
    names_.resize(first);
    return true;
  }

  bool deny_repeated(std::string_view name) {
    std::string text = in_metadata_ ? "metadata has the member " : "the activity has the member ";
    append_json_string(text, name.substr(0, shown_name_bytes_max));
    return fail_with("member_repeated", text + " more than once");
  }

  bool deny_text(const TextRule& rule, std::string_view found) {
    return fail_with(rule.invalid, expected_by(rule) + ", found " + std::string(found));
  }

  bool fail_with(std::string_view code, std::string text) {
    error = {.kind = ErrorKind::invalid, .code = code, .text = std::move(text)};
    return false;
  }

  bool deny_json() {
    error = walk_.fault();
    return false;
  }

  // Something other than an object, if it is JSON at all. Of an array the bracket is enough.
  bool deny_other() {
    std::string text = "an activity must be one JSON object, found ";
    text += walk_.next_in_words();
    if (!walk_.take('[') && !walk_.skip_value(0)) return deny_json();
    return fail_with("not_an_object", std::move(text));
  }

  JsonCursor& walk_;
  std::string& scratch_;                  // what had to be unescaped
  std::vector<std::string_view>& names_;  // of members that are not read, of the objects that are open
  NamedMembers named_;
  std::uint32_t seen_ = 0;
  bool in_metadata_ = false;
};

Result<void> check_ahead(EventTime moment, RecordTime reference, std::chrono::hours ahead_max,
                         std::string_view of) {
  // Compared in milliseconds rounded up: a reference from a stranger's record may lie anywhere.
  const auto at = std::chrono::ceil<std::chrono::milliseconds>(moment);
  const auto latest_of_all = RecordTime::max() - ahead_max;
  if (reference > latest_of_all || at <= reference + ahead_max) return {};
  std::string text =
      "timestamp " + format_rfc3339(moment) + " is more than " + std::to_string(ahead_max.count());
  text += " h ahead of ";
  text += of;
  text += ", " + format_rfc3339(reference);
  return fail(ErrorKind::invalid, "timestamp_ahead", std::move(text));
}

}  // namespace

struct Decoder::Buffers {
  JsonCursor walk;
  std::string scratch;
  std::vector<std::string_view> names;
  std::vector<MemberText> members;
};

Decoder::Decoder() : buffers_(std::make_unique<Buffers>()) {}

Decoder::~Decoder() = default;

Result<UserActivity> Decoder::decode(std::string_view json, std::span<const std::string> members) {
  Buffers& buffers = *buffers_;
  buffers.scratch.clear();
  if (buffers.scratch.capacity() < json.size()) buffers.scratch.reserve(json.size());
  buffers.names.clear();
  if (!buffers.walk.begin(json)) return std::unexpected(buffers.walk.fault());
  if (!members.empty()) buffers.members.assign(members.size(), {});
  Reading reading(buffers.walk, buffers.scratch, buffers.names,
                  {members, std::span(buffers.members).first(members.size())});
  if (!reading.read_event()) return std::unexpected(std::move(reading.error));
  if (!members.empty()) {
    reading.copy_named_urls();
    reading.activity.metadata.members = std::span(buffers.members).first(members.size());
  }
  return reading.activity;
}

Result<void> check_time_at_door(const UserActivity& activity, WallTime now) {
  return check_ahead(activity.timestamp, now, limits::door_ahead_max, "the clock");
}

Result<void> check_time_of_record(const UserActivity& activity, RecordTime record_time) {
  return check_ahead(activity.timestamp, record_time, limits::record_ahead_max, "its record's time");
}

}  // namespace weir::activity
