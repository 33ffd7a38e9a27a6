// The events of one request of Segment's tracking API, as activities for Intake.
#pragma once

#include <optional>
#include <string_view>

#include "activity/json_array_splitter.hpp"
#include "intake/item_reader.hpp"
#include "segment/envelope.hpp"
#include "segment/translator.hpp"

namespace weir::segment {

// One request, one pass, one thread. Bounds: limits::segment_event_bytes_max for an event,
// limits::segment_body_bytes_max for the body, limits::segment_events_max for a batch.
//
// Error codes of next(), for the request as a whole: not_json, body_too_large, batch_invalid,
// too_many_events, and the code of `body` if it is an error. An item is rejected with event_too_large, or
// with a code of Translator.
class SegmentItems final : public intake::ItemReader {
 public:
  // `body` is the decompressed body, or the error why there is none. It must outlive the reader;
  // limits::json_slack_bytes after it are readable. `type`: the body is one event of this type; if absent, it
  // is a batch. `translator` is used by this reader alone as long as it exists.
  SegmentItems(Result<std::string_view> body, std::optional<EventType> type, Translator& translator,
               WallTime now);

  // Returns the member writeKey of the body, between its quotes, as it came; empty if there is none.
  [[nodiscard]] std::string_view write_key() const { return envelope_ ? envelope_->write_key : ""; }

  [[nodiscard]] Result<std::optional<intake::Item>> next() override;
  [[nodiscard]] std::size_t bytes_expected() const override { return body_.size() + body_.size() / 4; }

 private:
  [[nodiscard]] Result<std::optional<std::string_view>> next_event();

  std::string_view body_;
  Result<Envelope> envelope_;
  std::optional<EventType> type_;
  Translator& translator_;
  WallTime now_;
  activity::JsonArraySplitter events_;
  std::size_t index_ = 0;  // of the next event
  Error rejection_;        // of the last event
};

// The activity members of an error text in Segment's terms: the sender of an event does not know the names
// that the translation gives them. "user_id must be …" becomes "userId or anonymousId must be …".
[[nodiscard]] std::string in_segments_terms(std::string_view error);

}  // namespace weir::segment
