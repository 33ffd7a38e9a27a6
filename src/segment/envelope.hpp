// The body of one request of Segment's tracking API, before its events are looked at.
//
// Format: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "activity/rfc3339.hpp"
#include "base/result.hpp"

namespace weir::segment {

// The members of the body that concern the request as a whole. The views point into the body.
struct Envelope {
  std::string_view batch;      // the member `batch` as it came, any JSON value; empty if absent
  std::string_view write_key;  // of the member `writeKey`, between its quotes, as it came; empty if absent
  std::optional<activity::DateTime> sent_at;  // of the member `sentAt`; absent if it is no RFC 3339 date-time
};

// Reads the members of the object `body`. Of their values it checks only that strings are closed and that
// brackets are balanced: a fault within one event of a batch stays a fault of that event.
//
// ErrorKind::invalid, not_json: the body is no object, or something follows it. The text names the offset,
// what was expected and what was found. Linear in the size. Any thread.
[[nodiscard]] Result<Envelope> read_envelope(std::string_view body);

}  // namespace weir::segment
