// Ingest: checks the events of untrusted requests, appends the good ones to the event log, and reports the
// outcome of each event.
//
// Intake decides three things:
//   - which events are accepted: they decode completely (activity/decoder.hpp), they are not too large, and
//     their timestamp is not too far ahead of the clock;
//   - that all accepted events of a request go to the log in one append;
//   - what the receipts of the log mean for the client.
// The routes turn the outcome into an HTTP reply.
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
#include "intake/item_reader.hpp"
#include "intake/partition_key.hpp"
#include "schema/schema_set.hpp"
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

struct IntakeSettings {
  std::size_t event_bytes_max = limits::event_bytes_default;
  // Of the body of a batch. Intake does not check it: the HTTP server does, before it calls.
  std::size_t body_bytes_max = limits::body_bytes_default;
  // Of all requests together, from the append to the receipts.
  std::size_t in_flight_bytes_max = limits::in_flight_bytes_max;
  PartitionKey partition_key;
  BreakerSettings breaker;
  // The schemas that events must match; null: none. Must outlive the Intake.
  const schema::Schemas* schemas = nullptr;

  // The server reads a single event up to this size, although it will be rejected: the connection can be kept
  // then, and the error can name more than the size.
  [[nodiscard]] std::size_t event_bytes_read_max() const { return 4 * event_bytes_max; }

  // The part of in_flight_bytes_max that is reserved for small requests: one event, or not larger than one.
  // Large batches of some clients leave it free for the small requests of others.
  [[nodiscard]] std::size_t in_flight_reserve() const {
    return std::min(limits::in_flight_reserve_bytes, in_flight_bytes_max / 8);
  }
};

struct Rejected {
  std::size_t index = 0;  // of the item in its batch
  std::string error;      // names the member that is wrong
};

// The outcome of one request. Either `refused` is set, and no event of the request is in the log; or the
// accepted, rejected and failed events are all events of the request.
struct Outcome {
  // ErrorKind::invalid: the request is wrong as a whole. Codes: event_too_large and the codes of the decoder;
  // for a batch the codes of its ItemReader, and too_many_rejected; record_too_large and record_refused if
  // the log cannot store such a record.
  // ErrorKind::unavailable: the client may send it again. Codes: shutting_down, too_much_in_flight,
  // circuit_open.
  std::optional<Error> refused;
  std::size_t accepted = 0;         // events that are durable
  std::vector<Rejected> rejected;   // by index
  std::vector<std::size_t> failed;  // indexes of good events whose receipt is not `kept`
  Receipt receipt = Receipt::kept;  // the worst receipt of the good events
  std::string_view code;            // why events failed; static storage
  std::chrono::seconds retry_after{1};
  // When the events were appended to the log, and when it answered; both zero if nothing was appended.
  MonoTime appended_at{};
  MonoTime answered_at{};
};

// Called exactly once per request: on the caller's thread before accept_one() or accept_batch() returns, or
// on a thread of the log. It must not block; it only passes the outcome on.
using OutcomeCallback = std::move_only_function<void(Outcome)>;

// Counters for health and metrics. Each is exact; a reader sees them at slightly different moments.
//
// An item is an event, or what is wrong as a whole: a body, or the rest of one after its last readable item.
// Each item ends in one counter, so at rest: received = accepted + rejected + refused_events + not_kept +
// unknown. Until then it is part of in_flight_events.
struct IntakeCounts {
  std::atomic<std::uint64_t> received{0};  // items
  std::atomic<std::uint64_t> accepted{0};  // events
  std::atomic<std::uint64_t> in_flight_events{0};
  std::atomic<std::size_t> in_flight_bytes{0};
  telemetry::CountsByCode
      rejected;                     // wrong events, alone or in a batch, and bodies that are wrong as a whole
  telemetry::CountsByCode refused;  // requests with Outcome::refused of ErrorKind::unavailable
  telemetry::CountsByCode refused_events;  // the good events of these requests, or 1 if none was read
  telemetry::CountsByCode not_kept;        // events, by the reason of the log
  telemetry::CountsByCode unknown;         // events, by the reason of the log
};

// Thread-safe, if each thread passes its own decoder. Intake may be destroyed while requests are in flight;
// their callbacks are still called.
//
// When appends fail repeatedly, a circuit breaker (breaker.hpp) refuses requests for a while without asking
// the log (circuit_open).
//
// CPU per event of 250 bytes, without the log: about 0.27 µs alone, 0.17 µs in a batch (bench/accept_bench).
class Intake {
 public:
  using Clock = std::function<MonoTime()>;

  // `logger` receives one line when appends begin to fail and one when they succeed again. `logger` and what
  // `clock` uses must outlive `log`, because requests in flight use them.
  Intake(EventLog& log, IntakeSettings settings, Clock clock, telemetry::Logger& logger);
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;
  ~Intake();

  // Accepts a request with one activity. limits::json_slack_bytes after `body` are readable. The body is not
  // needed after the call. `headers` become headers of the record: the trace context.
  void accept_one(activity::Decoder& decoder, std::string_view body, WallTime now, OutcomeCallback done,
                  std::vector<Header> headers = {});

  // Accepts a request with items of any format. Reads `items` to the end before it returns. Good events go to
  // the log in one append; the outcome lists the others with their index. `headers` become headers of each
  // record; if they are more than shared_header_bytes_max for all records together, of the first
  // ones.
  void accept_batch(activity::Decoder& decoder, ItemReader& items, WallTime now, OutcomeCallback done,
                    std::vector<Header> headers = {});

  // Refuses every further request (shutting_down). Requests in flight finish as usual.
  void drain();

  [[nodiscard]] const IntakeCounts& counts() const;
  [[nodiscard]] Breaker::State breaker_state() const;
  // Adds the metrics weir_intake_…
  void collect(telemetry::Exposition& into) const;
  [[nodiscard]] const IntakeSettings& settings() const { return settings_; }

 private:
  class InFlight;
  struct SharedState;
  // The part of a request that goes to the log, and the part of its outcome that is already known.
  struct Batch {
    EventBatch events;
    std::vector<std::size_t> indexes;  // for each record: its index in the request
    Outcome outcome;
    bool is_one = false;  // from accept_one()

    [[nodiscard]] std::size_t items() const { return indexes.size() + outcome.rejected.size(); }
  };

  void count_received(std::size_t items);
  [[nodiscard]] bool refuse_if_draining(OutcomeCallback& done);
  [[nodiscard]] std::string_view key_of(const activity::UserActivity& activity) const;
  void append_to_log(Batch batch, OutcomeCallback done);
  [[nodiscard]] std::optional<Breaker::Epoch> pass_breaker(OutcomeCallback& done, std::size_t events);
  void reject_request(OutcomeCallback& done, Error why, std::size_t good_events = 0);
  void refuse_request(OutcomeCallback& done, Error why, std::size_t events,
                      std::chrono::seconds retry_after = std::chrono::seconds{1});

  EventLog& log_;
  const IntakeSettings settings_;
  std::atomic<bool> draining_{false};
  std::shared_ptr<SharedState> state_;  // shared with the requests in flight
};

// Adds the metrics weir_intake_…_total and weir_intake_in_flight_….
void collect(const IntakeCounts& counts, telemetry::Exposition& into);

// Adds the metrics weir_log_…: whether the log accepts events, and its end offset.
void collect(const LogHealth& health, telemetry::Exposition& into);

}  // namespace weir::intake
