// Decodes one event. The rules of what an event is are here and nowhere else: ingest and the consumer use the
// same code.
//
// The whole document is checked against RFC 8259, including the members that are not read. It must be exactly
// one JSON object, nested at most limits::json_depth_max deep. No member may be repeated in it or in its
// metadata. Names are compared after unescaping: "a" and "\u0061" are equal. Members that are repeated deeper
// than metadata pass.
//
// What RFC 8259 leaves to the implementation (the i_ files of the JSON test suite) is decided as follows:
//   · numbers of any size, precision and exponent pass, because none is converted here;
//   · \u0000 and lone surrogates in escapes pass, also in names, but not in user_id, activity_type,
//     message_id, page_url and referrer;
//   · bytes that are not UTF-8 (with overlong forms and surrogates), UTF-16, and a byte order mark are
//     refused;
//   · null means that an optional member (message_id, metadata, page_url, referrer) is absent.
#pragma once

#include <memory>
#include <string_view>

#include "activity/user_activity.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::activity {

// Owns the parser and its buffers: about 300 KB, growing to the largest event seen. For one thread, which
// keeps it for all its events.
class Decoder {
 public:
  Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder();

  // `json` is one event. limits::json_slack_bytes after it must be readable; their values do not matter. The
  // caller bounds its size. The views of the result are valid until the next call and while `json` exists.
  // `partition_key_member` names the member of metadata whose text is returned in
  // Metadata::partition_key_member, unescaped; empty: none.
  //
  // Errors are ErrorKind::invalid. The text names the member, what was expected and what was found. Codes:
  //   not_json, bad_utf8, too_deep, not_an_object, member_repeated,
  //   user_id_missing, activity_type_missing, timestamp_missing,
  //   user_id_invalid, activity_type_invalid, timestamp_invalid, metadata_invalid, message_id_invalid,
  //   page_url_invalid, referrer_invalid
  //
  // About 150 ns for an event of 250 bytes. Linear in the size, and n log n in the number of members of an
  // object.
  [[nodiscard]] Result<UserActivity> decode(std::string_view json,
                                            std::string_view partition_key_member = {});

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

// For ingest: the timestamp is at most limits::event_ahead_of_clock_max ahead of the clock.
// ErrorKind::invalid, timestamp_ahead.
[[nodiscard]] Result<void> check_time_at_ingest(const UserActivity& activity, WallTime now);

// For the consumer: the timestamp is at most limits::event_ahead_of_record_max ahead of the record's time.
// The clock has no influence, so reading a record again gives the same result. ErrorKind::invalid,
// timestamp_ahead.
[[nodiscard]] Result<void> check_time_of_record(const UserActivity& activity, RecordTime record_time);

}  // namespace weir::activity
