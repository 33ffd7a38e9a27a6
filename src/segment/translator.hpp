// Translates an event of Segment's tracking API (https://segment.com/docs/connections/spec/common/) into an
// activity (activity/decoder.hpp), so that everything after ingest knows one form of event only.
//
//   Segment                                        activity
//   userId, else anonymousId                       user_id
//   type track: event; page: "page_view";
//     screen: "screen_view"; others: the type      activity_type
//   timestamp, corrected by sentAt                 timestamp
//   messageId                                      message_id
//   properties.url, else context.page.url          metadata.page_url
//   properties.referrer, else context.page.…       metadata.referrer
//   other members of properties                    metadata
//   writeKey, sentAt, type                         left out
//   all others (context, traits, groupId, …)       kept as they came, beside metadata
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "activity/rfc3339.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::segment {

enum class EventType : std::uint8_t { track, page, screen, identify, group, alias };

// The type of that name, such as "track".
[[nodiscard]] std::optional<EventType> event_type_named(std::string_view name);

// Owns a parser and buffers of about 300 KB, which grow to the largest event. For one thread, which keeps it
// for all its events. An event of 440 bytes takes about 1.4 µs from the body to the append; an activity of
// 250 bytes 0.2 µs (bench/accept_bench).
class Translator {
 public:
  Translator();
  Translator(const Translator&) = delete;
  Translator& operator=(const Translator&) = delete;
  ~Translator();

  // Returns the activity as JSON. It is valid until the next call; limits::json_slack_bytes after it are
  // readable. `event` is one event; limits::json_slack_bytes after it are readable, too.
  //
  // `type` is the type of the event; if absent, its member `type` names it. `sent_at` is the member sentAt of
  // the batch; if absent, the one of the event counts.
  //
  // The time of the activity is now − (sentAt − timestamp): the difference removes the error of the client's
  // clock. Without sentAt it is the timestamp itself. It is `now` if there is no timestamp, if it is no
  // RFC 3339 date-time, or if the result is before limits::year_min or more than
  // limits::event_ahead_of_clock_max ahead.
  //
  // A number as userId, anonymousId or messageId becomes text. An empty id counts as absent. A URL that is
  // longer than limits::url_bytes_max is cut at a character.
  //
  // The result is not checked: the decoder of activities still can refuse it, for a user id that is too long,
  // for example. ErrorKind::invalid; the text names Segment's member. Codes: those of JsonCursor,
  // not_an_object, member_repeated, user_id_missing, user_id_invalid, activity_type_missing,
  // activity_type_invalid, message_id_invalid, metadata_invalid, type_invalid.
  [[nodiscard]] Result<std::string_view> translate(std::string_view event, std::optional<EventType> type,
                                                   std::optional<activity::DateTime> sent_at, WallTime now);

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace weir::segment
