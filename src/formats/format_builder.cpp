#include "formats/format_builder.hpp"

#include <algorithm>

namespace weir::formats {
namespace {

// The enumerators of both groups are consecutive.
constexpr bool is_epoch(Field field) { return field >= Field::epoch && field <= Field::epoch_microseconds; }
constexpr bool is_calendar(Field field) { return field >= Field::year && field <= Field::zone; }

// Whether the end of `first` can be found without a literal before `second`.
bool ends_before(const FormatPart& first, const FormatPart& second) {
  if (first.shape == Shape::time_part) return true;
  if (second.field == Field::target || second.field == Field::query) return first.shape == Shape::host;
  return first.shape == Shape::number && second.shape != Shape::number && second.shape != Shape::status &&
         second.shape != Shape::time_part && second.shape != Shape::word;
}

}  // namespace

std::unexpected<Error> format_invalid(std::string text) {
  return fail(ErrorKind::invalid, "format_invalid", std::move(text));
}

FormatBuilder::FormatBuilder(bool escaped) { format_.escaped = escaped; }

void FormatBuilder::literal(std::string_view text) {
  if (text.empty()) return;
  after_target_ = false;
  if (!format_.parts.empty() && format_.parts.back().shape == Shape::literal)
    format_.parts.back().text += text;
  else
    format_.parts.push_back({.text = std::string(text)});
}

void FormatBuilder::field(Field field, Shape shape, bool may_be_empty) {
  // A path and the query directly after it are one target.
  if (field == Field::query && after_target_) return;
  after_target_ = field == Field::target;
  FormatPart part{.shape = shape, .field = field, .may_be_empty = may_be_empty};
  // Without escaping, a quote may be part of the value.
  if (shape == Shape::text && !format_.escaped) part.shape = Shape::raw;
  if (field != Field::dropped) {
    bool& known = has_[static_cast<std::size_t>(field)];
    if (known && shape == Shape::time_part)
      part.check_only = true;
    else if (known)
      part.field = Field::dropped;
    known = true;
  }
  format_.parts.push_back(std::move(part));
}

Result<void> FormatBuilder::strftime(std::string_view pattern) {
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '%') {
      literal(pattern.substr(at, 1));
      continue;
    }
    ++at;
    // The modifiers E and O select alternative forms that the C locale does not have.
    while (at < pattern.size() && (pattern[at] == 'E' || pattern[at] == 'O')) ++at;
    if (at == pattern.size()) return format_invalid("the time pattern ends with '%'");
    if (auto read = conversion(pattern[at]); !read) return read;
  }
  return {};
}

// Some conversions are abbreviations of others.
Result<void> FormatBuilder::conversion(char letter) {
  const auto part = [this](Field which) -> Result<void> {
    field(which, Shape::time_part);
    return {};
  };
  switch (letter) {
    case 'Y':
      return part(Field::year);
    case 'y':
      return part(Field::year_of_century);
    case 'm':
      return part(Field::month);
    case 'b':
    case 'h':
    case 'B':
      return part(Field::month_name);
    case 'd':
    case 'e':
      return part(Field::day);
    case 'a':
    case 'A':
      return part(Field::day_name);
    case 'j':
      return part(Field::day_of_year);
    case 'H':
    case 'k':
      return part(Field::hour);
    case 'I':
    case 'l':
      return part(Field::hour_of_12);
    case 'p':
    case 'P':
      return part(Field::half_day);
    case 'M':
      return part(Field::minute);
    case 'S':
      return part(Field::second);
    case 'z':
    case 'Z':
      return part(Field::zone);
    case 's':
      return part(Field::epoch);
    case 'T':
    case 'X':
      return strftime("%H:%M:%S");
    case 'R':
      return strftime("%H:%M");
    case 'r':
      return strftime("%I:%M:%S %p");
    case 'D':
    case 'x':
      return strftime("%m/%d/%y");
    case 'F':
      return strftime("%Y-%m-%d");
    case 'c':
      return strftime("%a %b %e %H:%M:%S %Y");
    case '%':
      literal("%");
      return {};
    case 't':
      literal("\t");
      return {};
    default:
      return format_invalid("the conversion %" + std::string(1, letter) +
                            " of the time pattern cannot be read: expected one of"
                            " Y y m b d e a j H I p M S z Z s T R r D F c");
  }
}

// In a pattern like %Y-%m-%dT%H:%M:%SZ the zone is part of a literal.
void FormatBuilder::split_zone_from_literal() {
  auto& parts = format_.parts;
  for (std::size_t at = 1; at < parts.size() && !has(Field::zone); ++at) {
    const Field before = parts[at - 1].field;
    if (before != Field::second && before != Field::milliseconds && before != Field::microseconds) continue;
    if (!parts[at].text.starts_with('Z')) continue;
    parts[at].text.erase(0, 1);
    if (parts[at].text.empty()) parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at));
    parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(at),
                 {.shape = Shape::time_part, .field = Field::zone});
    has_[static_cast<std::size_t>(Field::zone)] = true;
  }
}

// A value between quotes may hold any bytes, because the quote ends it. The client keeps its strict shape.
void FormatBuilder::widen_quoted() {
  auto& parts = format_.parts;
  for (std::size_t at = 1; at + 1 < parts.size(); ++at) {
    if (!parts[at - 1].text.ends_with('"') || !parts[at + 1].text.starts_with('"')) continue;
    Shape& shape = parts[at].shape;
    const bool strict = shape == Shape::addresses && parts[at].field == Field::client;
    if (strict || shape == Shape::literal || shape == Shape::number || shape == Shape::status ||
        shape == Shape::time_part)
      continue;
    shape = format_.escaped ? Shape::text : Shape::raw;
  }
}

// An event needs a user and a time. Also decides which of two times of a format is used.
Result<void> FormatBuilder::check_client_and_time() {
  if (!has(Field::client) && !has(Field::forwarded) && !has(Field::peer))
    return format_invalid(
        "the format has no client: expected $remote_addr, %h, %a or a header like X-Forwarded-For");
  const bool epoch = has(Field::epoch) || has(Field::epoch_milliseconds) || has(Field::epoch_microseconds);
  const bool date = (has(Field::year) || has(Field::year_of_century)) &&
                    (has(Field::month) || has(Field::month_name)) && has(Field::day);
  const bool hour = has(Field::hour) || (has(Field::hour_of_12) && has(Field::half_day));
  const bool calendar = date && hour && has(Field::minute) && has(Field::second);
  if (!epoch && !calendar)
    return format_invalid(
        "the format has no time: expected $time_local, $time_iso8601, $msec, %t or %{…}t with date, time and "
        "zone");
  if (!epoch && !has(Field::zone))
    return format_invalid("the time of the format has no zone: expected %z beside date and time, or %s");
  // If the format has both a calendar time and a count since 1970, the first of them is used.
  const auto first = std::ranges::find_if(
      format_.parts, [](const FormatPart& part) { return is_epoch(part.field) || is_calendar(part.field); });
  const bool by_calendar = calendar && has(Field::zone) && !is_epoch(first->field);
  for (FormatPart& part : format_.parts)
    if (is_epoch(part.field) && by_calendar) part.check_only = true;
  return {};
}

// Two fields without a literal between them are allowed only if the end of the first can be found.
Result<void> FormatBuilder::check_neighbours() const {
  for (std::size_t at = 0; at + 1 < format_.parts.size(); ++at) {
    const FormatPart& part = format_.parts[at];
    const FormatPart& next = format_.parts[at + 1];
    if (part.shape == Shape::literal || next.shape == Shape::literal || ends_before(part, next)) continue;
    return format_invalid("there is no separator between " + describe(part) + " and " + describe(next) +
                          ": the end of the first cannot be found");
  }
  return {};
}

Result<LogFormat> FormatBuilder::finish(std::string name) {
  split_zone_from_literal();
  widen_quoted();
  // In this order: the zone is a part of its own before parts are checked, and shapes are final before
  // neighbours are.
  auto checked = check_client_and_time();
  if (checked) checked = check_neighbours();
  if (!checked) return std::unexpected(checked.error());
  format_.name = std::move(name);
  return std::move(format_);
}

}  // namespace weir::formats
