// One request, as a line of an access log tells of it.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "formats/log_format.hpp"
#include "formats/time_parts.hpp"

namespace weir::formats {

// Any bytes may stand in the texts: escapes are undone. A text that the line does not have is empty.
struct LogEntry {
  std::string client;  // address or host name, lower case, without port and brackets; never empty
  std::string user_agent;
  std::string method;  // a token; empty where the request is none, e.g. "-" of a connection that sent nothing
  std::string target;  // request target with its query
  std::string referrer;
  std::string host;  // lower case, without port
  int status = 0;    // 0: none
  EventTime time;
  bool odd_forwarded = false;  // a header that should hold the client's address holds something else
};

// "page_view" if the method is GET, the status 200 to 299 or 304, and the last segment of the target's path
// has no extension or one of html, htm, php, asp, aspx, jsp (in any case; parameters after a ';' do not
// count); else "request".
[[nodiscard]] std::string_view activity_type_of(const LogEntry& entry);

// What was found in a line, before it is judged.
struct Captured {
  // Of each field the text as it stands in the line; data() is null where the line does not have it.
  std::array<std::string_view, static_cast<std::size_t>(Field::count_of)> texts{};
  TimeParts time;
  bool escaped = true;  // escapes are to be undone

  [[nodiscard]] std::string_view& operator[](Field field) { return texts[static_cast<std::size_t>(field)]; }
  [[nodiscard]] std::string_view operator[](Field field) const {
    return texts[static_cast<std::size_t>(field)];
  }
};

// Makes an entry of what was found; `entry` keeps its buffers. False if there is no client.
// The time is left to the caller.
[[nodiscard]] bool fill_entry(const Captured& found, LogEntry& entry);

// The address or host name of a client, of a list the first: without port, brackets and white space. Empty if
// the text is none.
[[nodiscard]] std::string_view client_in(std::string_view text);

// The host of "host", "host:port", "address", "[address]" or "[address]:port"; empty if the text is none of
// them.
[[nodiscard]] std::string_view host_in(std::string_view text);

}  // namespace weir::formats
