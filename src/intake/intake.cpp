#include "intake/intake.hpp"

#include <algorithm>
#include <array>
#include <mutex>

#include "activity/decoder.hpp"
#include "activity/json_batch.hpp"
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

// Whether the door takes this event. One that is too large is looked at all the same as long as that is
// cheap: what else is wrong with it helps its sender more.
Result<UserActivity> judge(activity::Decoder& decoder, std::string_view json, WallTime now,
                           const IntakeSettings& settings) {
  if (json.size() > settings.event_bytes_read_max())
    return std::unexpected(event_too_large(settings.event_bytes_max));
  auto activity = decoder.decode(json, key_members(settings.partition_key));
  if (!activity) return activity;
  if (json.size() > settings.event_bytes_max)
    return std::unexpected(event_too_large(settings.event_bytes_max));
  auto timely = check_time_at_door(*activity, now);
  if (!timely) return propagate(timely);
  return activity;
}

// The event's key and bytes, as a record behind those that `events` has.
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

// What the log refuses because of the event itself: to send it again cannot help.
bool is_events_fault(const Receipts& receipts) { return receipts.why.kind == ErrorKind::invalid; }

std::string_view code_of(const Receipts& receipts) {
  return receipts.why.code.empty() ? "unspecified" : receipts.why.code;
}

// What may be said to the client once the log has spoken.
void settle(Outcome& outcome, const Receipts& receipts, const std::vector<std::size_t>& indexes,
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

// The events that the log refuses for their own sake are wrong, as those are that the door refuses.
void blame_events(Outcome& outcome, const Receipts& receipts) {
  outcome.receipt = Receipt::kept;
  for (const std::size_t index : std::exchange(outcome.failed, {}))
    outcome.rejected.push_back({index, receipts.why.text});
  std::ranges::sort(outcome.rejected, {}, &Rejected::index);
}

Outcome refused(Error why) {
  Outcome outcome;
  outcome.refused = std::move(why);
  return outcome;
}

// What the log's answer says of the log.
Breaker::Verdict verdict_on(const Receipts& receipts, const Outcome& outcome) {
  if (outcome.accepted > 0) return Breaker::Verdict::good;
  if (is_events_fault(receipts)) return Breaker::Verdict::neither;
  // What the log knows without asking is refused at no cost, and what a person must mend is not mended by
  // waiting: a breaker would only delay the way back.
  constexpr std::array<std::string_view, 7> refused_at_once{
      "log_full",       "log_away",          "log_stopping", "topic_unknown",
      "not_authorised", "not_authenticated", "tls_failed"};
  const bool at_once = std::ranges::find(refused_at_once, receipts.why.code) != refused_at_once.end();
  return at_once ? Breaker::Verdict::neither : Breaker::Verdict::bad;
}

// How long the log took to answer appends. Any thread may add.
struct AppendDurations {
  static constexpr std::array<double, 13> seconds_max{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                      0.1,    0.25,  0.5,    1,     2.5,  10};

  void add(std::chrono::nanoseconds took) {
    const double seconds = std::chrono::duration<double>(took).count();
    const auto bucket = std::ranges::lower_bound(seconds_max, seconds) - seconds_max.begin();
    counts[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
    nanoseconds.fetch_add(static_cast<std::uint64_t>(took.count()), std::memory_order_relaxed);
  }

  void collect(telemetry::Exposition& into) const {
    std::array<std::uint64_t, seconds_max.size() + 1> all{};
    for (std::size_t bucket = 0; bucket < all.size(); ++bucket) all[bucket] = counts[bucket];
    into.histogram("weir_intake_append_duration_seconds",
                   "Time from handing events to the log until the log has answered for them.", seconds_max,
                   all, static_cast<double>(nanoseconds) / 1e9);
  }

  std::array<std::atomic<std::uint64_t>, seconds_max.size() + 1> counts{};
  std::atomic<std::uint64_t> nanoseconds{0};
};

}  // namespace

// What the requests under way need of the door, which may be gone when their answers come.
struct Intake::SharedState {
  SharedState(const IntakeSettings& settings, Clock its_clock, telemetry::Logger& its_log)
      : breaker(settings.breaker), clock(std::move(its_clock)), says(its_log) {}

  IntakeCounts counts;
  AppendDurations append_durations;
  Breaker breaker;
  const Clock clock;
  telemetry::Logger& says;
  std::mutex mutex;  // guards the next two
  telemetry::LogThrottle failure;
  std::uint64_t refused = 0;  // requests, since the breaker opened

  // Judges the log by its answer, and says what is new.
  void judge(Breaker::Epoch term, const Receipts& receipts, const Outcome& outcome) {
    const Breaker::Verdict verdict = verdict_on(receipts, outcome);
    const bool needs_time = verdict != Breaker::Verdict::good || !breaker.is_closed();
    const MonoTime now = needs_time ? clock() : MonoTime{};
    const Breaker::Change change = breaker.judge(term, verdict, now);
    if (verdict == Breaker::Verdict::bad) say_failure(receipts, outcome, now);
    if (change == Breaker::Change::opened)
      says.warn("requests are refused for a while: the event log does not take events",
                {{"code", std::string(code_of(receipts))}, {"reason", receipts.why.text}});
    if (change == Breaker::Change::closed) say_recovery();
  }

  void say_failure(const Receipts& receipts, const Outcome& outcome, MonoTime now) {
    const std::scoped_lock lock(mutex);
    const auto times = failure.happens(now);
    if (!times) return;
    says.warn("the event log did not keep what a request brought",
              {{"code", std::string(code_of(receipts))},
               {"reason", receipts.why.text},
               {"outcome", outcome.receipt == Receipt::unknown ? "unknown" : "not kept"},
               {"times", std::to_string(*times)}});
  }

  void say_recovery() {
    const std::scoped_lock lock(mutex);
    says.info("the event log takes events again",
              {{"requests_refused", std::to_string(std::exchange(refused, 0))},
               {"failures_not_said", std::to_string(failure.ends())}});
  }
};

// The bytes of one request, counted from before they are handed to the log until its answer is there.
class Intake::InFlight {
 public:
  InFlight(std::shared_ptr<SharedState> books, std::size_t bytes) : books_(std::move(books)), bytes_(bytes) {
    all_ = books_->counts.in_flight_bytes.fetch_add(bytes_, std::memory_order_relaxed) + bytes_;
  }
  InFlight(InFlight&& other) noexcept = default;
  InFlight& operator=(InFlight&&) = delete;
  ~InFlight() {
    if (books_) books_->counts.in_flight_bytes.fetch_sub(bytes_, std::memory_order_relaxed);
  }

  [[nodiscard]] std::size_t bytes_of_all() const { return all_; }
  [[nodiscard]] SharedState& books() const { return *books_; }

 private:
  std::shared_ptr<SharedState> books_;
  std::size_t bytes_ = 0;
  std::size_t all_ = 0;
};

Intake::Intake(EventLog& log, IntakeSettings settings, Clock clock, telemetry::Logger& says)
    : log_(log),
      settings_(std::move(settings)),
      books_(std::make_shared<SharedState>(settings_, std::move(clock), says)) {}

Intake::~Intake() = default;

void Intake::drain() { draining_.store(true, std::memory_order_relaxed); }

const IntakeCounts& Intake::counts() const { return books_->counts; }

Breaker::State Intake::breaker_state() const { return books_->breaker.state(books_->clock()); }

void Intake::refuse(OutcomeCallback& done, Error why, std::chrono::seconds retry_after) {
  books_->counts.refused.add(why.code);
  Outcome outcome = refused(std::move(why));
  outcome.retry_after = retry_after;
  done(std::move(outcome));
}

void Intake::collect(telemetry::Exposition& into) const {
  const IntakeCounts& counts = books_->counts;
  into.counter("weir_intake_accepted_total", "Events that the log has, as the client was told.",
               static_cast<double>(counts.accepted.load(std::memory_order_relaxed)));
  const auto by_code = [&into](std::string_view name, std::string_view help,
                               const telemetry::CountsByCode& its,
                               std::initializer_list<std::string_view> always) {
    auto all = its.all();
    for (const std::string_view code : always) all.try_emplace(code, 0);
    for (const auto& [code, times] : all)
      into.counter(name, help, static_cast<double>(times), {{"code", code}});
  };
  by_code("weir_intake_rejected_total", "Events, or bodies as a whole, that were wrong (4xx).",
          counts.rejected, {"not_json"});
  by_code("weir_intake_refused_total", "Requests that were refused before the log was asked (503).",
          counts.refused, {"circuit_open", "too_much_in_flight", "shutting_down"});
  by_code("weir_intake_not_kept_total", "Good events that the log surely does not have.", counts.not_kept,
          {"log_full"});
  by_code("weir_intake_unknown_total", "Good events that may or may not be in the log.", counts.unknown,
          {"timed_out"});
  into.gauge("weir_intake_in_flight_bytes", "Bytes of events that the log has not answered yet.",
             static_cast<double>(counts.in_flight_bytes.load(std::memory_order_relaxed)));
  using enum Breaker::State;
  const Breaker::State now = breaker_state();
  for (const Breaker::State state : {closed, open, half_open})
    into.gauge(
        "weir_intake_breaker_state",
        "1 for the circuit breaker's state. open: requests are refused because the log does not take events; "
        "half_open: one request tries.",
        now == state ? 1 : 0, {{"state", name_of(state)}});
  books_->append_durations.collect(into);
}

void Intake::reject_body(OutcomeCallback& done, Error why) {
  books_->counts.rejected.add(why.code);
  done(refused(std::move(why)));
}

bool Intake::open_to(OutcomeCallback& done) {
  if (!draining_.load(std::memory_order_relaxed)) return true;
  refuse(done, {ErrorKind::unavailable, "shutting_down", "shutting down"});
  return false;
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
  // A copy that is sent again must come to the same partition, or dedupe does not see both.
  return activity.message_id.value_or("");
}

void Intake::accept_one(activity::Decoder& decoder, std::string_view body, WallTime now,
                        OutcomeCallback done) {
  if (!open_to(done)) return;
  auto activity = judge(decoder, body, now, settings_);
  if (!activity) return reject_body(done, std::move(activity).error());
  const std::string_view key = key_of(*activity);
  Batch batch{.is_one = true};
  batch.events.bytes.reserve(key.size() + body.size());
  add_record(batch.events, key, body);
  batch.indexes.push_back(0);
  hand_to_log(std::move(batch), std::move(done));
}

void Intake::accept_batch(activity::Decoder& decoder, std::string_view body, WallTime now,
                          OutcomeCallback done) {
  if (!open_to(done)) return;
  Batch batch;
  batch.events.bytes.reserve(body.size() + body.size() / 8);  // the keys stand beside the events
  activity::JsonBatch items(body);
  while (true) {
    auto item = items.next();
    if (!item) return reject_body(done, std::move(item).error());
    if (!*item) break;
    const auto& [index, json] = **item;
    auto activity = judge(decoder, json, now, settings_);
    if (!activity) books_->counts.rejected.add(activity.error().code);
    if (activity) {
      add_record(batch.events, key_of(*activity), json);
      batch.indexes.push_back(index);
    } else if (batch.outcome.rejected.size() < limits::rejected_items_max) {
      batch.outcome.rejected.push_back({index, std::move(activity).error().text});
    } else {
      return reject_body(done,
                         {ErrorKind::invalid, "too_many_rejected",
                          "more than " + std::to_string(limits::rejected_items_max) +
                              " items are wrong, the first of them " + batch.outcome.rejected.front().error});
    }
  }
  if (batch.indexes.empty()) return done(std::move(batch.outcome));
  hand_to_log(std::move(batch), std::move(done));
}

void Intake::hand_to_log(Batch batch, OutcomeCallback done) {
  const std::size_t bytes = batch.events.bytes.capacity() + batch.events.records.size() * sizeof(RecordSlice);
  InFlight in_flight(books_, bytes);
  const bool is_small = batch.is_one || bytes <= settings_.event_bytes_max;
  if (in_flight.bytes_of_all() >
      settings_.in_flight_bytes_max - (is_small ? 0 : settings_.in_flight_reserve()))
    return refuse(done, {ErrorKind::unavailable, "too_much_in_flight", "too much is in flight, try again"});
  const auto term = pass_breaker(done);
  if (!term) return;
  const MonoTime begun = books_->clock();
  log_.append(std::move(batch.events),
              [begun, in_flight = std::move(in_flight), indexes = std::move(batch.indexes),
               outcome = std::move(batch.outcome), done = std::move(done), term = *term,
               is_one = batch.is_one](Receipts receipts) mutable {
                SharedState& books = in_flight.books();
                books.append_durations.add(books.clock() - begun);
                settle(outcome, receipts, indexes, books.counts);
                books.judge(term, receipts, outcome);
                if (!outcome.failed.empty() && is_events_fault(receipts)) {
                  if (is_one)
                    outcome = refused(std::move(receipts.why));
                  else
                    blame_events(outcome, receipts);
                }
                done(std::move(outcome));
              });
}

std::optional<Breaker::Epoch> Intake::pass_breaker(OutcomeCallback& done) {
  if (const auto term = books_->breaker.pass_if_closed()) return term;
  const MonoTime now = books_->clock();
  const auto term = books_->breaker.pass(now);
  if (term) return term;
  {
    const std::scoped_lock lock(books_->mutex);
    ++books_->refused;
  }
  refuse(done,
         {ErrorKind::unavailable, "circuit_open", "the event log does not take events just now, try again"},
         books_->breaker.retry_after(now));
  return std::nullopt;
}

void collect(const LogHealth& health, telemetry::Exposition& into) {
  into.gauge("weir_log_up", "1 while the log takes events.", health.up ? 1 : 0);
  into.gauge("weir_log_end_offset", "Sum of the end offsets of the log's partitions.",
             static_cast<double>(health.end));
  into.gauge("weir_log_partitions", "Partitions of the log; 0 while it is not known.",
             static_cast<double>(health.partitions));
}

}  // namespace weir::intake
