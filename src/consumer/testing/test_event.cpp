#include "consumer/testing/test_event.hpp"

#include "activity/rfc3339.hpp"
#include "base/json_text.hpp"

namespace weir::consumer {

FakeRecord make_record(const TestEvent& event, RecordTime record_time) {
  FakeRecord record{
      .time = record_time, .key = event.user, .value = std::nullopt, .replay_source = event.replay_of};
  if (event.kind == TestEvent::Kind::without_value) return record;
  if (event.kind == TestEvent::Kind::garbage) {
    record.value = "{]";
    return record;
  }
  // Kind::ahead is a well-formed event: its timestamp makes it a dead letter.
  JsonText json;
  json.begin_object().member("user_id", event.user).member("activity_type", event.type);
  json.member("timestamp", activity::format_rfc3339(event.at)).key("metadata").begin_object();
  if (!event.page.empty()) json.member("page_url", event.page);
  if (!event.referrer.empty()) json.member("referrer", "https://" + event.referrer + "/");
  json.end_object();
  if (event.message_id) json.member("message_id", *event.message_id);
  record.value = json.end_object().take();
  return record;
}

}  // namespace weir::consumer
