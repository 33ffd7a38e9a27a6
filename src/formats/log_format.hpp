// The format of an access log as data: a list of literals and fields. Three notations are compiled to it:
// nginx's log_format, Apache's LogFormat, and the table of built-in names. A new built-in format is one entry
// of that table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace weir::formats {

// The meaning of a field. A field without a meaning here is matched and dropped.
// Enumerators of one group are consecutive, see is_epoch() and is_calendar() in format_builder.cpp.
enum class Field : std::uint8_t {
  dropped,
  client,     // address or host name of the client
  forwarded,  // the same from a header that a proxy sets; preferred to `client` if it holds an address
  peer,     // address of the connection, which may be a proxy's; used if a line has neither of the two above
  ident,    // RFC 1413 identity, in practice "-"
  user,     // name of the authenticated user
  request,  // request line: method, target, protocol
  method,
  target,
  query,  // of the target, with or without its '?'
  status,
  referrer,
  user_agent,
  host,
  // Parts of the time, one for each conversion of strftime(3).
  year,
  year_of_century,
  month,
  month_name,
  day,
  day_name,
  day_of_year,
  hour,
  hour_of_12,
  half_day,  // AM or PM
  minute,
  second,
  milliseconds,  // fraction of the second, 3 digits
  microseconds,  // fraction of the second, 6 digits
  zone,          // +hhmm, +hh:mm, Z, UTC or GMT
  epoch,         // seconds since 1970, with or without a fraction
  epoch_milliseconds,
  epoch_microseconds,
  timestamp,  // a complete time: RFC 3339, ISO 8601, as in the common log format, or a number since 1970
  count_of,
};

// The bytes that a field may hold. The narrowest shape that fits a field is the best one, because it refuses
// lines of other formats.
enum class Shape : std::uint8_t {
  literal,
  word,       // no white space, control character or quote
  words,      // words with ", " or " : " between them, as nginx writes the values of several upstreams
  number,     // digits with at most one '.', or "-"
  status,     // three digits, or "-"
  addresses,  // an address or host name, or a list of them with commas
  host,       // host name or address, with or without a port, or "-"; ends before a '/'
  user,       // text; with spaces only where these cannot hide other fields
  text,       // any bytes; quotes are escaped
  raw,        // any bytes, nothing is escaped (nginx: escape=none)
  time_part,  // as its field says
  member,     // a member of a JSON document
};

// One literal or field of a format.
struct FormatPart {
  Shape shape = Shape::literal;
  Field field = Field::dropped;
  // Whether the value of a word may be empty.
  bool may_be_empty = false;
  // Whether an earlier part already gives this part of the time. Then it is matched and not used.
  bool check_only = false;
  // The text of a literal, or the path of a member: "request.headers.Referer".
  std::string text;
};

// How the parts of a format are found in a line.
enum class Syntax : std::uint8_t {
  // A line consists of `parts` in this order, and of nothing else.
  text,
  // A line is a JSON object; `parts` are members of it, for each field in the order of preference.
  json,
};

// A value; once it is made, threads may share it.
struct LogFormat {
  // A built-in name, or "custom" if the format was given as a string.
  std::string name;
  Syntax syntax = Syntax::text;
  // Whether the server escapes quotes and backslashes of values.
  bool escaped = true;
  std::vector<FormatPart> parts;
};

// The built-in formats, in the order in which `auto` prefers them. Compiled at the first call. Any thread.
[[nodiscard]] const std::vector<LogFormat>& built_in_formats();

// Accepts a built-in name, an nginx log_format string (it has $variables) or an Apache LogFormat string (it
// has %directives). A whole directive as it is in the server's configuration is accepted too. nginx's
// `escape=` may precede the string: escape=none '…'. ErrorKind::invalid, format_invalid: the text says what
// is wrong, for example that the format has no client.
[[nodiscard]] Result<LogFormat> parse_log_format(std::string_view text);

// The part in words for an error: "a status of three digits or '-'".
[[nodiscard]] std::string describe(const FormatPart& part);

}  // namespace weir::formats
