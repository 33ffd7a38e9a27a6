// Events for tests, and the log records that carry them.
//
// A test states what happened (TestEvent); make_record() encodes it as a client would. The oracle of the
// simulation compares the store with the same TestEvents, so it never decodes a record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "consumer/testing/fake_log_reader.hpp"

namespace weir::consumer {

struct TestEvent {
  enum class Kind : std::uint8_t {
    activity,
    garbage,        // the value is not JSON: a dead letter
    without_value,  // a tombstone: a dead letter
    ahead,          // `at` is too far ahead of the record's time: a dead letter
  };

  Kind kind = Kind::activity;
  std::string user = "u";
  std::string type = "page_view";
  std::string page;      // a path; empty: the event has no page_url
  std::string referrer;  // a host; empty: the event has no referrer
  std::optional<std::string> message_id;
  WallTime at;                           // the event's timestamp
  std::optional<std::string> replay_of;  // the header weir.replay: "topic/partition/offset"
};

// Returns the record that a producer would write for `event` at `record_time`.
[[nodiscard]] FakeRecord make_record(const TestEvent& event, RecordTime record_time);

}  // namespace weir::consumer
