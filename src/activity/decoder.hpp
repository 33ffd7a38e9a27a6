// From the bytes of one event to a UserActivity: the one place where it is decided what an event is, used
// alike at the door and by the consumer.
//
// The whole document is checked, every value visited, against RFC 8259 and the rules of the event: exactly
// one JSON object, at most limits::json_depth_max containers deep, no member repeated in it or in its
// metadata (names are compared unescaped: "a" and "\u0061" are the same; repeats deeper than metadata pass).
// What RFC 8259 leaves to the implementation (the i_ files of the JSON test suite) is decided so:
//   · numbers of any size, precision and exponent pass: nobody reads them here;
//   · \u0000 and lone surrogates written as escapes pass, in names of members too, but not in user_id,
//     activity_type, message_id, page_url and referrer;
//   · bytes that are not UTF-8 (overlong forms and surrogates among them), UTF-16 and a byte order mark are
//     refused;
//   · null stands for an absent member where the member is optional: message_id, metadata, page_url, referrer.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "activity/user_activity.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::activity {

// Owns the parser and the buffers that it works in, about 300 KB, grown to the largest event seen. For one
// thread; a thread keeps one for all its events.
class Decoder {
 public:
  Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder();

  // `json` is one event; limits::json_slack_bytes behind it are readable (what they hold does not matter).
  // Its size is for the caller to bound. The views of the result are good until the next call, and while
  // `json` lives.
  //
  // Errors are ErrorKind::invalid, the text names the member, what was found and what was expected. Codes:
  //   not_json, bad_utf8, too_deep, not_an_object, member_repeated,
  //   user_id_missing, activity_type_missing, timestamp_missing,
  //   user_id_invalid, activity_type_invalid, timestamp_invalid, metadata_invalid, message_id_invalid,
  //   page_url_invalid, referrer_invalid
  // `members` names members of metadata, unescaped, each once, for Metadata::members; it must live until the
  // next call. They are found in the same pass: one that is a string takes about 10 ns.
  // About 150 ns for an event of 250 bytes; linear in its size (n log n in the number of an object's
  // members).
  [[nodiscard]] Result<UserActivity> decode(std::string_view json, std::span<const std::string> members = {});

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

// At the door: at most limits::door_ahead_max ahead of the clock. ErrorKind::invalid, timestamp_ahead.
[[nodiscard]] Result<void> check_time_at_door(const UserActivity& activity, WallTime now);

// From the log: at most limits::record_ahead_max ahead of the record's time, never the clock's, so that a
// second reading judges alike. ErrorKind::invalid, timestamp_ahead.
[[nodiscard]] Result<void> check_time_of_record(const UserActivity& activity, RecordTime record_time);

}  // namespace weir::activity
