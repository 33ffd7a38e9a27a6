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
  // Address or host name of the client, in lower case, without port and brackets. Never empty.
  std::string client;
  std::string user_agent;
  // A token. Empty if there is no request line, as for a connection that sent nothing.
  std::string method;
  // The request target with its query.
  std::string target;
  std::string referrer;
  // The host that was requested, in lower case, without port.
  std::string host;
  // The status of the reply, or 0 if there is none.
  int status = 0;
  // When the server received or answered the request, as its log says.
  EventTime time;
  // Whether a header for the client's address holds something else.
  bool bad_forwarded = false;
};

// "page_view" if the method is GET, the status is 200 to 299 or 304, and the target is a page; otherwise
// "request". The last segment of a page's path has no extension, or one of html, htm, php, asp, aspx, jsp in
// any case. Parameters after a ';' do not count.
[[nodiscard]] std::string_view activity_type_of(const LogEntry& entry);

// The fields of a line before they are interpreted. The views point into the line.
struct Captured {
  // The escaped text of each field. data() is null if the line does not have it.
  std::array<std::string_view, static_cast<std::size_t>(Field::count_of)> texts{};
  TimeParts time;
  // Whether the texts are escaped.
  bool escaped = true;

  // The text of one field.
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
