// The door: bytes of strangers in, durable events out, and an honest word about each.
//
// What is decided here: which events are taken (decoded whole, within their size, not too far ahead of the
// clock), that the events of one request go to the log together, and what may be said about each when the log
// has answered. How that is put into a reply is the business of http.
#pragma once

#include <atomic>
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
#include "intake/event_log.hpp"

namespace weir::activity {
class Decoder;
}

namespace weir::intake {

struct IntakeSettings {
  std::size_t event_bytes_max = limits::event_bytes_default;
  std::size_t body_bytes_max = limits::body_bytes_default;  // of a batch; who hands bodies in holds it
  std::size_t in_flight_bytes_max = limits::in_flight_bytes_max;

  // A body with one event of up to this size is worth reading, so that the connection can be kept and the
  // refusal can say more than its size.
  [[nodiscard]] std::size_t event_bytes_read_max() const { return 4 * event_bytes_max; }
};

struct Rejected {
  std::size_t index = 0;  // of the item in its batch
  std::string error;      // names the member
};

// What became of one request. Exactly one of these holds:
//   refused is set: nothing was handed to the log. Move::caller, the body as a whole is wrong: event_too_large
//     and the decoder's codes; of a batch not_json and too_many_rejected. Move::peer, it is surely not kept and
//     may be sent again: shutting_down, too_much_in_flight.
//   else: accepted + rejected + failed are all its events.
struct Outcome {
  std::optional<Error> refused;
  std::size_t accepted = 0;         // durable
  std::vector<Rejected> rejected;   // in order
  std::vector<std::size_t> failed;  // indexes of the events that were good and whose receipt is not `kept`
  Receipt receipt = Receipt::kept;  // the least sure of those receipts
};

// Called exactly once; on the caller's thread before accept_… returns, or on a thread of the log's, where it
// must only hand the outcome on.
using Done = std::move_only_function<void(Outcome)>;

// For health and metrics; each is right by itself, together they are of about the same moment.
struct IntakeCounts {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> rejected{0};      // events that were wrong, alone or in a batch
  std::atomic<std::uint64_t> refused_busy{0};  // requests: too_much_in_flight
  std::atomic<std::uint64_t> refused_draining{0};
  std::atomic<std::uint64_t> not_kept{0};  // events, by the log's word
  std::atomic<std::uint64_t> unknown{0};   // events, by the log's word
  std::atomic<std::size_t> in_flight_bytes{0};
};

// Any thread may call, each with a decoder of its own. Requests under way may outlive it.
class Intake {
 public:
  Intake(EventLog& log, IntakeSettings settings);
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;
  ~Intake();

  // `body` is one activity; limits::json_slack_bytes behind it must be readable, and it is not needed any
  // more when the call returns.
  void accept_one(activity::Decoder& decoder, std::string_view body, WallTime now, Done done);

  // `body` is a JSON array or NDJSON of activities, with the same slack behind it. Bad items are named, the
  // others go to the log in one append.
  void accept_batch(activity::Decoder& decoder, std::string_view body, WallTime now, Done done);

  // From now on every request is refused (shutting_down); what is in flight is answered as ever.
  void drain();

  [[nodiscard]] const IntakeCounts& counts() const { return *counts_; }
  [[nodiscard]] const IntakeSettings& settings() const { return settings_; }

 private:
  class InFlight;
  struct Batch {  // what is handed to the log, and what is already known
    Append events;
    std::vector<std::size_t> indexes;  // of each record, in the request
    Outcome outcome;
  };

  [[nodiscard]] bool open_to(Done& done);
  void hand_to_log(Batch batch, Done done);

  EventLog& log_;
  const IntakeSettings settings_;
  std::atomic<bool> draining_{false};
  std::shared_ptr<IntakeCounts> counts_;  // shared with the receipts that are still to come
};

}  // namespace weir::intake
