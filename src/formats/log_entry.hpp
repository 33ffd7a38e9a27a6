// One request as an access log records it.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "formats/log_format.hpp"
#include "formats/time_parts.hpp"

namespace weir::formats {

// The texts are unescaped, so they may hold any bytes. A text that the line does not have is empty.
struct LogEntry {
  std::string client;  // address or host name, in lower case, without port and brackets; never empty
  std::string user_agent;
  std::string method;  // a token; empty if there is no request line, as for a connection that sent nothing
  std::string target;  // request target with its query
  std::string referrer;
  std::string host;  // in lower case, without port
  int status = 0;    // 0: none
  EventTime time;
  bool bad_forwarded = false;  // a header for the client's address holds something else
};

// "page_view" if the method is GET, the status is 200 to 299 or 304, and the last segment of the path has no
// extension or one of html, htm, php, asp, aspx, jsp (in any case; parameters after a ';' do not count).
// Otherwise "request".
[[nodiscard]] std::string_view activity_type_of(const LogEntry& entry);

// The fields of a line before they are interpreted. The views point into the line.
struct Captured {
  // The escaped text of each field. data() is null if the line does not have it.
  std::array<std::string_view, static_cast<std::size_t>(Field::count_of)> texts{};
  TimeParts time;
  bool escaped = true;  // the texts are to be unescaped

  [[nodiscard]] std::string_view& operator[](Field field) { return texts[static_cast<std::size_t>(field)]; }
  [[nodiscard]] std::string_view operator[](Field field) const {
    return texts[static_cast<std::size_t>(field)];
  }
};

// Fills everything but the time. `entry` keeps its buffers. False if there is no client.
[[nodiscard]] bool fill_entry(const Captured& found, LogEntry& entry);

// The address or host name of a client, without port, brackets and white space; of a list, the first one.
// Empty if the text is none.
[[nodiscard]] std::string_view client_in(std::string_view text);

// The host of "host", "host:port", "address", "[address]" or "[address]:port". Empty for any other text.
[[nodiscard]] std::string_view host_in(std::string_view text);

}  // namespace weir::formats
