// A request passes these steps. 1 to 4 run on the caller's thread, an io thread; 5 runs on a thread of the
// log, or on the caller's thread if the log reports at once.
//
//   1. refuse_if_draining
//   2. check_event for each event: decode, size, time. Good events are copied into one EventBatch.
//   3. InFlight counts the bytes of the batch, and the request is refused if that is too much.
//   4. pass_breaker, then EventLog::append.
//   5. apply_receipts completes the outcome, SharedState::on_receipts informs the breaker, and the outcome
//      goes to the caller's callback.
//
// Step 5 may run after the destructor, so it uses only SharedState, which it shares by shared_ptr.
#include "intake/intake.hpp"

#include <algorithm>
#include <array>
#include <mutex>

#include "activity/decoder.hpp"
#include "intake/append_durations.hpp"
#include "telemetry/exposition.hpp"
#include "telemetry/log_throttle.hpp"
#include "telemetry/logger.hpp"

namespace weir::intake {

namespace {

using activity::UserActivity;

Error event_too_large(std::size_t bytes_max) {
  return {ErrorKind::invalid, "event_too_large",
          "the event is larger than " + std::to_string(bytes_max) + " bytes"};
}

// The member of metadata that the decoder must find for the key.
std::span<const std::string> key_members(const PartitionKey& key) {
  if (key.kind != PartitionKey::Kind::metadata) return {};
  return {&key.member, 1};
}

// Only a string or a number can be a key.
std::string_view key_text(const activity::MemberText& member) {
  using enum activity::MemberText::Kind;
  return member.kind == string || member.kind == number ? member.text : std::string_view();
}

// Decodes one event and checks whether it is accepted. A too large event is decoded all the same, up to
// event_bytes_read_max(): another error in it helps its sender more than its size.
Result<UserActivity> check_event(activity::Decoder& decoder, std::string_view json, WallTime now,
                                 const IntakeSettings& settings) {
  if (json.size() > settings.event_bytes_read_max())
    return std::unexpected(event_too_large(settings.event_bytes_max));
  auto activity = decoder.decode(json, key_members(settings.partition_key));
  if (!activity) return activity;
  if (json.size() > settings.event_bytes_max)
    return std::unexpected(event_too_large(settings.event_bytes_max));
  auto timely = check_time_at_ingest(*activity, now);
  if (!timely) return propagate(timely);
  if (settings.schemas != nullptr) {
    auto checked = settings.schemas->check(activity->activity_type, json);
    if (!checked) return propagate(checked);
  }
  return activity;
}

// Appends a record with this key and value to the batch.
void add_record(EventBatch& events, std::string_view key, std::string_view json) {
  RecordSlice record;
  record.key_at = static_cast<std::uint32_t>(events.bytes.size());
  record.key_bytes = static_cast<std::uint32_t>(key.size());
  events.bytes.append(key);
  record.value_at = static_cast<std::uint32_t>(events.bytes.size());
  record.value_bytes = static_cast<std::uint32_t>(json.size());
  events.bytes.append(json);
  events.records.push_back(std::move(record));
}

// The log rejects the event itself; sending it again cannot help.
bool is_fault_of_event(const Receipts& receipts) { return receipts.why.kind == ErrorKind::invalid; }

std::string_view code_of(const Receipts& receipts) {
  return receipts.why.code.empty() ? "unspecified" : receipts.why.code;
}

// Completes the outcome and the counters with the receipts of the log.
void apply_receipts(Outcome& outcome, const Receipts& receipts, const std::vector<std::size_t>& indexes,
                    IntakeCounts& counts) {
  std::array<std::uint64_t, 3> by_receipt{};
  for (std::size_t record = 0; record < indexes.size(); ++record) {
    const Receipt receipt = receipts.of(record);
    ++by_receipt[static_cast<std::size_t>(receipt)];
    outcome.receipt = std::max(outcome.receipt, receipt);
    if (receipt != Receipt::kept) outcome.failed.push_back(indexes[record]);
  }
  outcome.accepted = by_receipt[static_cast<std::size_t>(Receipt::kept)];
  counts.accepted.fetch_add(outcome.accepted, std::memory_order_relaxed);
  if (outcome.failed.empty()) return;
  outcome.code = code_of(receipts);
  const auto not_kept = by_receipt[static_cast<std::size_t>(Receipt::not_kept)];
  const auto unknown = by_receipt[static_cast<std::size_t>(Receipt::unknown)];
  if (not_kept > 0) counts.not_kept.add(outcome.code, not_kept);
  if (unknown > 0) counts.unknown.add(outcome.code, unknown);
}

// Reports the failed events as rejected, like those that do not decode.
void move_failed_to_rejected(Outcome& outcome, const Receipts& receipts) {
  outcome.receipt = Receipt::kept;
  for (const std::size_t index : std::exchange(outcome.failed, {}))
    outcome.rejected.push_back({index, receipts.why.text});
  std::ranges::sort(outcome.rejected, {}, &Rejected::index);
}

Outcome refused_outcome(Error why) {
  Outcome outcome;
  outcome.refused = std::move(why);
  return outcome;
}

// What the receipts say about the health of the log.
Breaker::AppendResult breaker_result(const Receipts& receipts, const Outcome& outcome) {
  if (outcome.accepted > 0) return Breaker::AppendResult::success;
  if (is_fault_of_event(receipts)) return Breaker::AppendResult::ignored;
  // The log refuses these at once, so a breaker would save nothing. Some of them need an operator; a pause of
  // the breaker would only delay the recovery after that.
  constexpr std::array<std::string_view, 7> refused_at_once{
      "log_full",       "log_away",          "log_stopping", "topic_unknown",
      "not_authorised", "not_authenticated", "tls_failed"};
  const bool at_once = std::ranges::find(refused_at_once, receipts.why.code) != refused_at_once.end();
  return at_once ? Breaker::AppendResult::ignored : Breaker::AppendResult::failure;
}

}  // namespace

// What requests in flight share. It outlives the Intake as long as receipts are outstanding.
struct Intake::SharedState {
  SharedState(const IntakeSettings& settings, Clock its_clock, telemetry::Logger& its_logger)
      : breaker(settings.breaker), clock(std::move(its_clock)), logger(its_logger) {}

  IntakeCounts counts;
  AppendDurations append_durations;
  Breaker breaker;
  const Clock clock;
  telemetry::Logger& logger;
  std::mutex mutex;  // guards the next two
  telemetry::LogThrottle failures;
  std::uint64_t requests_refused = 0;  // since the breaker opened

  // Informs the breaker, and logs when appends begin to fail or succeed again.
  void on_receipts(Breaker::Epoch epoch, const Receipts& receipts, const Outcome& outcome) {
    const Breaker::AppendResult result = breaker_result(receipts, outcome);
    // A success while the breaker is closed, the usual case, needs no look at the clock.
    const bool needs_time = result != Breaker::AppendResult::success || !breaker.is_closed();
    const MonoTime now = needs_time ? clock() : MonoTime{};
    const Breaker::Change change = breaker.on_result(epoch, result, now);
    if (result == Breaker::AppendResult::failure) log_failure(receipts, outcome, now);
    if (change == Breaker::Change::opened)
      logger.warn("appends to the event log fail: requests are refused until it accepts events again",
                  {{"code", std::string(code_of(receipts))}, {"reason", receipts.why.text}});
    if (change == Breaker::Change::closed) log_recovery();
  }

  void log_failure(const Receipts& receipts, const Outcome& outcome, MonoTime now) {
    const std::scoped_lock lock(mutex);
    const auto times = failures.on_occurrence(now);
    if (!times) return;
    logger.warn("an append to the event log failed",
                {{"code", std::string(code_of(receipts))},
                 {"reason", receipts.why.text},
                 {"outcome", outcome.receipt == Receipt::unknown ? "unknown" : "not kept"},
                 {"times", std::to_string(*times)}});
  }

  void log_recovery() {
    const std::scoped_lock lock(mutex);
    logger.info("the event log accepts events again",
                {{"requests_refused", std::to_string(std::exchange(requests_refused, 0))},
                 {"failures_not_logged", std::to_string(failures.on_end())}});
  }
};

// Counts the bytes of one request as in flight, from its construction to its destruction.
class Intake::InFlight {
 public:
  InFlight(std::shared_ptr<SharedState> state, std::size_t bytes, std::size_t events)
      : state_(std::move(state)), bytes_(bytes), events_(events) {
    state_->counts.in_flight_events.fetch_add(events_, std::memory_order_relaxed);
    bytes_of_all_ = state_->counts.in_flight_bytes.fetch_add(bytes_, std::memory_order_relaxed) + bytes_;
  }
  InFlight(InFlight&& other) noexcept = default;
  InFlight& operator=(InFlight&&) = delete;
  ~InFlight() {
    if (!state_) return;
    state_->counts.in_flight_bytes.fetch_sub(bytes_, std::memory_order_relaxed);
    state_->counts.in_flight_events.fetch_sub(events_, std::memory_order_relaxed);
  }

  // Of all requests, when this one was added.
  [[nodiscard]] std::size_t bytes_of_all() const { return bytes_of_all_; }
  [[nodiscard]] SharedState& state() const { return *state_; }

 private:
  std::shared_ptr<SharedState> state_;
  std::size_t bytes_ = 0;
  std::size_t events_ = 0;
  std::size_t bytes_of_all_ = 0;
};

Intake::Intake(EventLog& log, IntakeSettings settings, Clock clock, telemetry::Logger& logger)
    : log_(log),
      settings_(std::move(settings)),
      state_(std::make_shared<SharedState>(settings_, std::move(clock), logger)) {}

Intake::~Intake() = default;

void Intake::drain() { draining_.store(true, std::memory_order_relaxed); }

const IntakeCounts& Intake::counts() const { return state_->counts; }

Breaker::State Intake::breaker_state() const { return state_->breaker.state(state_->clock()); }

void Intake::collect(telemetry::Exposition& into) const {
  intake::collect(state_->counts, into);
  using enum Breaker::State;
  const Breaker::State now = breaker_state();
  for (const Breaker::State state : {closed, open, half_open})
    into.gauge("weir_intake_breaker_state",
               "1 for the current state of the circuit breaker. open: requests are refused because appends "
               "fail; half_open: one request tries an append.",
               now == state ? 1 : 0, {{"state", name_of(state)}});
  state_->append_durations.collect(into);
}

void Intake::count_received(std::size_t items) {
  state_->counts.received.fetch_add(items, std::memory_order_relaxed);
}

void Intake::refuse_request(OutcomeCallback& done, Error why, std::size_t events,
                            std::chrono::seconds retry_after) {
  state_->counts.refused.add(why.code);
  state_->counts.refused_events.add(why.code, events);
  Outcome outcome = refused_outcome(std::move(why));
  outcome.retry_after = retry_after;
  done(std::move(outcome));
}

// The fault counts as one item. The good events that were read before it are rejected with it.
void Intake::reject_request(OutcomeCallback& done, Error why, std::size_t good_events) {
  count_received(1);
  state_->counts.rejected.add(why.code, 1 + good_events);
  done(refused_outcome(std::move(why)));
}

bool Intake::refuse_if_draining(OutcomeCallback& done) {
  if (!draining_.load(std::memory_order_relaxed)) return false;
  count_received(1);
  refuse_request(done, {ErrorKind::unavailable, "shutting_down", "shutting down"}, 1);
  return true;
}

std::string_view Intake::key_of(const UserActivity& activity) const {
  switch (settings_.partition_key.kind) {
    case PartitionKey::Kind::user_id:
      return activity.user_id;
    case PartitionKey::Kind::activity_type:
      return activity.activity_type;
    case PartitionKey::Kind::metadata:
      if (const auto text = key_text(activity.metadata.members.front()); !text.empty())
        return text.substr(0, limits::user_id_bytes_max);
      break;
    case PartitionKey::Kind::none:
      break;
  }
  // A copy that is sent again must reach the same partition, because dedupe works within one partition.
  return activity.message_id.value_or("");
}

void Intake::accept_one(activity::Decoder& decoder, std::string_view body, WallTime now, OutcomeCallback done,
                        std::vector<Header> headers) {
  if (refuse_if_draining(done)) return;
  auto activity = check_event(decoder, body, now, settings_);
  if (!activity) return reject_request(done, std::move(activity).error());
  count_received(1);
  const std::string_view key = key_of(*activity);
  Batch batch{.is_one = true};
  batch.events.bytes.reserve(key.size() + body.size());
  add_record(batch.events, key, body);
  batch.indexes.push_back(0);
  batch.events.share(std::move(headers));
  append_to_log(std::move(batch), std::move(done));
}

void Intake::accept_batch(activity::Decoder& decoder, ItemReader& items, WallTime now, OutcomeCallback done,
                          std::vector<Header> headers) {
  if (refuse_if_draining(done)) return;
  Batch batch;
  const std::size_t bytes = items.bytes_expected();
  batch.events.bytes.reserve(bytes + bytes / 8);  // the record keys need some, too
  while (true) {
    auto item = items.next();
    if (!item) {
      count_received(batch.items());
      return reject_request(done, std::move(item).error(), batch.indexes.size());
    }
    if (!*item) break;
    const auto& [index, event, rejection] = **item;
    auto activity = rejection ? Result<UserActivity>(std::unexpected(*rejection))
                              : check_event(decoder, event, now, settings_);
    if (!activity) state_->counts.rejected.add(activity.error().code);
    if (activity) {
      add_record(batch.events, key_of(*activity), event);
      batch.indexes.push_back(index);
    } else if (batch.outcome.rejected.size() < limits::rejected_items_max) {
      batch.outcome.rejected.push_back({index, std::move(activity).error().text});
    } else {
      count_received(batch.items() + 1);
      return reject_request(
          done,
          {ErrorKind::invalid, "too_many_rejected",
           "more than " + std::to_string(limits::rejected_items_max) +
               " items are wrong, the first of them " + batch.outcome.rejected.front().error},
          batch.indexes.size());
    }
  }
  count_received(batch.items());
  if (batch.indexes.empty()) return done(std::move(batch.outcome));
  batch.events.share(std::move(headers));
  append_to_log(std::move(batch), std::move(done));
}

void Intake::append_to_log(Batch batch, OutcomeCallback done) {
  const std::size_t bytes = batch.events.bytes.capacity() +
                            batch.events.records.size() * sizeof(RecordSlice) +
                            batch.events.shared_header_bytes();
  const std::size_t events = batch.indexes.size();
  InFlight in_flight(state_, bytes, events);
  const bool is_small = batch.is_one || bytes <= settings_.event_bytes_max;
  if (in_flight.bytes_of_all() >
      settings_.in_flight_bytes_max - (is_small ? 0 : settings_.in_flight_reserve()))
    return refuse_request(
        done, {ErrorKind::unavailable, "too_much_in_flight", "too much is in flight, try again"}, events);
  const auto epoch = pass_breaker(done, events);
  if (!epoch) return;
  const MonoTime begun = state_->clock();
  log_.append(std::move(batch.events),
              [begun, in_flight = std::move(in_flight), indexes = std::move(batch.indexes),
               outcome = std::move(batch.outcome), done = std::move(done), epoch = *epoch,
               is_one = batch.is_one](Receipts receipts) mutable {
                SharedState& state = in_flight.state();
                outcome.appended_at = begun;
                outcome.answered_at = state.clock();
                state.append_durations.observe(outcome.answered_at - begun);
                apply_receipts(outcome, receipts, indexes, state.counts);
                state.on_receipts(epoch, receipts, outcome);
                if (!outcome.failed.empty() && is_fault_of_event(receipts)) {
                  if (is_one)
                    outcome = refused_outcome(std::move(receipts.why));
                  else
                    move_failed_to_rejected(outcome, receipts);
                }
                done(std::move(outcome));
              });
}

// Returns nothing if the breaker is open; then it has refused the request.
std::optional<Breaker::Epoch> Intake::pass_breaker(OutcomeCallback& done, std::size_t events) {
  if (const auto epoch = state_->breaker.pass_if_closed()) return epoch;
  const MonoTime now = state_->clock();
  const auto epoch = state_->breaker.pass(now);
  if (epoch) return epoch;
  {
    const std::scoped_lock lock(state_->mutex);
    ++state_->requests_refused;
  }
  refuse_request(
      done,
      {ErrorKind::unavailable, "circuit_open", "the event log does not take events just now, try again"},
      events, state_->breaker.retry_after(now));
  return std::nullopt;
}

}  // namespace weir::intake
