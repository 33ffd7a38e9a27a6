// Lines of a web server's access log, in the common or the combined format
// (https://httpd.apache.org/docs/2.4/logs.html; nginx writes the same).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::dialects {

// One line, with its escapes (\" \\ \n \t … \xhh) undone: any bytes may come out.
struct AccessEntry {
  std::string client;      // address or host name, as it stands
  std::string user_agent;  // empty where the line has none or "-"
  std::string method;      // empty where the request is not one, e.g. "-" of a connection that sent nothing
  std::string target;      // the request target, with its query; empty where there is none
  int status = 0;
  std::optional<std::string> referrer;  // absent where the line has none, "" or "-"
  EventTime time;
};

// Reads one line, with or without its line end; what stands behind the fields of the format is not looked at.
// Error Move::caller, unreadable_line: says what could not be read and what was expected. About 0.5 µs.
[[nodiscard]] Result<AccessEntry> parse_access_line(std::string_view line);

// "page_view" if the method is GET, the status 200–299 or 304, and the last segment of the target's path has
// no extension or one of html, htm, php, asp, aspx, jsp (in any case; parameters behind a ';' do not count);
// else "request".
[[nodiscard]] std::string_view activity_type_of(const AccessEntry& entry);

}  // namespace weir::dialects
