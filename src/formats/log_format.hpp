// The format of an access log as data: a list of literals and fields. Three notations are compiled to it:
// nginx's log_format, Apache's LogFormat, and the table of the built-in names. A new format is a line of that
// table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace weir::formats {

// What a field means. A field that the reader does not use is matched and dropped.
enum class Field : std::uint8_t {
  dropped,
  client,     // address or host name of the client
  forwarded,  // the same from a header that a proxy sets; preferred to `client` where it holds an address
  peer,       // address of the connection, perhaps a proxy's; used where a line has neither of the two above
  ident,      // RFC 1413 identity, in practice "-"
  user,       // name of the authenticated user
  request,    // request line: method, target, protocol
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
  milliseconds,  // a fraction of the second, 3 digits
  microseconds,  // the same, 6 digits
  zone,          // +hhmm, +hh:mm, Z, UTC or GMT
  epoch,         // seconds since 1970, with or without a fraction
  epoch_milliseconds,
  epoch_microseconds,
  timestamp,  // a whole time: RFC 3339, ISO 8601, the form of the common log format, or a number since 1970
  count_of,
};

// Which bytes a field may hold. The narrowest one that fits is the best: it refuses lines of another format.
enum class Shape : std::uint8_t {
  literal,
  word,       // no white space, control character or quote
  words,      // words with ", " or " : " between them: nginx's variables of several upstreams
  number,     // digits with at most one '.', or "-"
  status,     // three digits, or "-"
  addresses,  // one address or host name, or a list with commas
  host,       // host name or address, with or without a port, or "-"; ends before a '/'
  user,       // name of a user: text, with spaces only where that cannot hide other fields
  text,       // anything; a quote in it is escaped
  raw,        // anything, nothing escaped (nginx: escape=none)
  time_part,  // as its field says
  member,     // a member of a JSON document
};

struct PendingBatch {
  Shape shape = Shape::literal;
  Field field = Field::dropped;
  bool may_be_empty = false;  // a word
  bool check_only = false;    // a part of the time that the format had before: matched, not read
  std::string text;           // the literal; of a member, its path: "request.headers.Referer"
};

enum class Syntax : std::uint8_t {
  text,  // `parts` in the order in which they stand in a line, nothing else before, between or after them
  json,  // a JSON object a line; `parts` are members, in the order of preference
};

struct LogFormat {
  std::string name;  // "combined"; "custom" if it was written as a string
  Syntax syntax = Syntax::text;
  bool escaped = true;  // the server escapes quotes and backslashes of the values
  std::vector<PendingBatch> parts;
};

// The built-in formats of access logs, in the order of preference for `auto`. Compiled at the first call.
[[nodiscard]] const std::vector<LogFormat>& built_in_formats();

// Reads a built-in name, an nginx log_format string (has $variables) or an Apache LogFormat string (has
// %directives). A whole directive as it stands in the server's configuration is read too, and that is how
// `escape=` is given: log_format x escape=json '…' '…'; or escape=none '…'.
// Error ErrorKind::invalid, format_invalid: what is wrong with it, e.g. that it has no client or no time.
[[nodiscard]] Result<LogFormat> parse_log_format(std::string_view text);

// "a status of three digits or '-'": what a reader of an error expects at this part.
[[nodiscard]] std::string describe(const PendingBatch& part);

}  // namespace weir::formats
