// The door: bytes of strangers in, durable events out, and an honest word about each.
//
// What is decided here: which events are taken (decoded whole, within their size, not too far ahead of the
// clock), that the events of one request go to the log together, and what may be said about each when the log
// has answered. How that is put into a reply is the business of http.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "intake/breaker.hpp"
#include "intake/event_log.hpp"
#include "telemetry/counts_by_code.hpp"

namespace weir::activity {
class Decoder;
struct UserActivity;
}  // namespace weir::activity
namespace weir::telemetry {
class Exposition;
class Logger;
}  // namespace weir::telemetry

namespace weir::intake {

// What decides an event's partition: its record's key. An event that has no such key has its message_id as
// the key, so that the partition is always a function of the event and a copy that is sent again meets the
// first one. An event without a message_id either has no key: any partition.
struct PartitionKey {
  enum class Kind : std::uint8_t { user_id, activity_type, metadata, none };
  Kind kind = Kind::user_id;
  // Of metadata: its text, if it is a string that is not empty or a number; at most limits::user_id_bytes_max
  // bytes of it.
  std::string member;
};

struct IntakeSettings {
  std::size_t event_bytes_max = limits::event_bytes_default;
  std::size_t body_bytes_max = limits::body_bytes_default;  // of a batch; who hands bodies in holds it
  std::size_t in_flight_bytes_max = limits::in_flight_bytes_max;
  PartitionKey partition_key;
  BreakerSettings breaker;

  // A body with one event of up to this size is worth reading, so that the connection can be kept and the
  // refusal can say more than its size.
  [[nodiscard]] std::size_t event_bytes_read_max() const { return 4 * event_bytes_max; }

  // Of in_flight_bytes_max: only requests of one event, or not larger than one, may use it. So large batches
  // of some clients leave room for the small requests of others.
  [[nodiscard]] std::size_t in_flight_reserve() const {
    return std::min(limits::in_flight_reserve_bytes, in_flight_bytes_max / 8);
  }
};

struct Rejected {
  std::size_t index = 0;  // of the item in its batch
  std::string error;      // names the member
};

// What became of one request. Exactly one of these holds:
//   refused is set: nothing of it is in the log. ErrorKind::invalid, it is wrong as a whole: event_too_large and the decoder's
//     codes; of a batch not_json and too_many_rejected; record_too_large and record_refused, where the log takes no
//     such record. ErrorKind::unavailable, it may be sent again: shutting_down, too_much_in_flight, circuit_open.
//   else: accepted + rejected + failed are all its events.
struct Outcome {
  std::optional<Error> refused;
  std::size_t accepted = 0;         // durable
  std::vector<Rejected> rejected;   // in order
  std::vector<std::size_t> failed;  // indexes of the events that were good and whose receipt is not `kept`
  Receipt receipt = Receipt::kept;  // the least sure of those receipts
  std::string_view code;            // why some failed; static storage
  std::chrono::seconds retry_after{1};  // where sending again may help
};

// Called exactly once; on the caller's thread before accept_… returns, or on a thread of the log's, where it
// must only hand the outcome on.
using OutcomeCallback = std::move_only_function<void(Outcome)>;

// For health and metrics; each is right by itself, together they are of about the same moment.
struct IntakeCounts {
  std::atomic<std::uint64_t> accepted{0};  // events
  std::atomic<std::size_t> in_flight_bytes{0};
  telemetry::CountsByCode
      rejected;  // events that were wrong, alone or in a batch, and bodies that were wrong as a whole
  telemetry::CountsByCode refused;   // requests, by Outcome::refused with ErrorKind::unavailable
  telemetry::CountsByCode not_kept;  // events, by the log's word
  telemetry::CountsByCode unknown;   // events, by the log's word
};

// Any thread may call, each with a decoder of its own. Requests under way may outlive it.
//
// A log that does not answer is left alone for a while (breaker.hpp): requests are refused at once
// (circuit_open).
class Intake {
 public:
  using Clock = std::function<MonoTime()>;

  // `says` gets a line when the log stops and begins to take events; it outlives `log`, and so does what
  // `clock` uses.
  Intake(EventLog& log, IntakeSettings settings, Clock clock, telemetry::Logger& says);
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;
  ~Intake();

  // `body` is one activity; limits::json_slack_bytes behind it must be readable, and it is not needed any
  // more when the call returns.
  void accept_one(activity::Decoder& decoder, std::string_view body, WallTime now, OutcomeCallback done);

  // `body` is a JSON array or NDJSON of activities, with the same slack behind it. Bad items are named, the
  // others go to the log in one append.
  void accept_batch(activity::Decoder& decoder, std::string_view body, WallTime now, OutcomeCallback done);

  // From now on every request is refused (shutting_down); what is in flight is answered as ever.
  void drain();

  [[nodiscard]] const IntakeCounts& counts() const;
  [[nodiscard]] Breaker::State breaker_state() const;
  // weir_intake_…; from any thread.
  void collect(telemetry::Exposition& into) const;
  [[nodiscard]] const IntakeSettings& settings() const { return settings_; }

 private:
  class InFlight;
  struct SharedState;
  struct Batch {  // what is handed to the log, and what is already known
    EventBatch events;
    std::vector<std::size_t> indexes;  // of each record, in the request
    Outcome outcome;
    bool is_one = false;  // from accept_one
  };

  [[nodiscard]] bool open_to(OutcomeCallback& done);
  [[nodiscard]] std::string_view key_of(const activity::UserActivity& activity) const;
  void hand_to_log(Batch batch, OutcomeCallback done);
  // Answers the request itself if it must not pass.
  [[nodiscard]] std::optional<Breaker::Epoch> pass_breaker(OutcomeCallback& done);
  void reject_body(OutcomeCallback& done, Error why);
  void refuse(OutcomeCallback& done, Error why, std::chrono::seconds retry_after = std::chrono::seconds{1});

  EventLog& log_;
  const IntakeSettings settings_;
  std::atomic<bool> draining_{false};
  std::shared_ptr<SharedState> books_;  // shared with the receipts that are still to come
};

// weir_log_…: whether the log takes events, and how far it goes.
void collect(const LogHealth& health, telemetry::Exposition& into);

}  // namespace weir::intake
