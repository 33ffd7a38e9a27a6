// A fault of the envelope ends the request, and a fault of one event rejects that event alone. Each event is
// translated when next() is called, so memory holds one translated event at a time.
#include "segment/segment_items.hpp"

#include <array>
#include <string>

#include "base/limits.hpp"

namespace weir::segment {
namespace {

// Checks what can be checked before the first event: the size of the body and the kind of `batch`.
Result<Envelope> checked_envelope(const Result<std::string_view>& body, bool is_batch) {
  if (!body) return std::unexpected(body.error());
  if (body->size() > limits::segment_body_bytes_max)
    return fail(ErrorKind::invalid, "body_too_large",
                "the body has " + std::to_string(body->size()) + " bytes: at most " +
                    std::to_string(limits::segment_body_bytes_max) + " are accepted");
  auto envelope = read_envelope(*body);
  if (envelope && is_batch && !envelope->batch.starts_with('['))
    return fail(ErrorKind::invalid, "batch_invalid",
                "batch must be an array of events, found " +
                    std::string(envelope->batch.empty() ? "none" : "another value"));
  return envelope;
}

}  // namespace

SegmentItems::SegmentItems(Result<std::string_view> body, std::optional<EventType> type,
                           Translator& translator, WallTime now)
    : body_(body ? *body : std::string_view()),
      envelope_(checked_envelope(body, !type)),
      type_(type),
      translator_(translator),
      now_(now),
      events_(activity::JsonArraySplitter::after_bracket(1)) {}

// The bytes of the next event. The envelope has checked that the array is closed, not what is between its
// events.
Result<std::optional<std::string_view>> SegmentItems::next_event() {
  // On a path that names a type, the body itself is the only event.
  if (type_) return index_ == 0 ? std::optional(body_) : std::nullopt;
  using enum activity::JsonArraySplitter::Step;
  const std::string_view all = envelope_->batch;
  const auto step = events_.next(all);
  if (step == end) return std::nullopt;
  if (step == element) return all.substr(events_.begin(), events_.end() - events_.begin());
  return fail(ErrorKind::invalid, "not_json",
              "batch is not a JSON array: expected " + std::string(events_.expected()) + " at byte " +
                  std::to_string(events_.error_at()) + " of it");
}

Result<std::optional<intake::Item>> SegmentItems::next() {
  if (!envelope_) return propagate(envelope_);
  auto event = next_event();
  if (!event) return propagate(event);
  if (!*event) return std::nullopt;
  if (index_ == limits::segment_events_max)
    return fail(ErrorKind::invalid, "too_many_events",
                "batch has more than " + std::to_string(limits::segment_events_max) + " events");
  intake::Item item{.index = index_++};
  // Later events are still read, so a large event does not cost the others.
  if ((*event)->size() > limits::segment_event_bytes_max) {
    rejection_ = {ErrorKind::invalid, "event_too_large",
                  "the event has " + std::to_string((*event)->size()) + " bytes: at most " +
                      std::to_string(limits::segment_event_bytes_max) + " are accepted"};
    item.rejection = &rejection_;
    return item;
  }
  auto activity = translator_.translate(**event, type_, envelope_->sent_at, now_);
  if (activity) {
    item.event = *activity;
  } else {
    rejection_ = std::move(activity).error();
    item.rejection = &rejection_;
  }
  return item;
}

std::string in_segments_terms(std::string_view error) {
  struct Term {
    std::string_view activity;
    std::string_view segment;
  };
  // The decoder begins an error text with the name of the member. Each name is followed by a space, so that
  // no name matches a longer one.
  constexpr std::array<Term, 5> terms{
      Term{"user_id ", "userId or anonymousId "},
      {"activity_type ", "event "},
      {"message_id ", "messageId "},
      {"metadata.page_url ", "properties.url or context.page.url "},
      {"metadata.referrer ", "properties.referrer or context.page.referrer "}};
  for (const auto& [activity, segment] : terms)
    if (error.starts_with(activity)) return std::string(segment).append(error.substr(activity.size()));
  return std::string(error);
}

}  // namespace weir::segment
