#include "intake/intake.hpp"

#include "activity/decoder.hpp"
#include "dialects/json_batch.hpp"

namespace weir::intake {

namespace {

using activity::UserActivity;

Error event_too_large(std::size_t bytes_max) {
  return {Move::caller, "event_too_large",
          "the event is larger than " + std::to_string(bytes_max) + " bytes"};
}

// Whether the door takes this event. One that is too large is looked at all the same as long as that is
// cheap: what else is wrong with it helps its sender more.
Result<UserActivity> judge(activity::Decoder& decoder, std::string_view json, WallTime now,
                           const IntakeSettings& settings) {
  if (json.size() > settings.event_bytes_read_max())
    return std::unexpected(event_too_large(settings.event_bytes_max));
  auto activity = decoder.decode(json);
  if (!activity) return activity;
  if (json.size() > settings.event_bytes_max)
    return std::unexpected(event_too_large(settings.event_bytes_max));
  auto timely = check_time_at_door(*activity, now);
  if (!timely) return pass_on(timely);
  return activity;
}

// The event's key and bytes, as a record behind those that `events` has.
void add_record(Append& events, std::string_view user_id, std::string_view json) {
  RecordSlice record;
  record.key_at = static_cast<std::uint32_t>(events.bytes.size());
  record.key_bytes = static_cast<std::uint32_t>(user_id.size());
  events.bytes.append(user_id);
  record.value_at = static_cast<std::uint32_t>(events.bytes.size());
  record.value_bytes = static_cast<std::uint32_t>(json.size());
  events.bytes.append(json);
  events.records.push_back(std::move(record));
}

void add(std::atomic<std::uint64_t>& count, std::uint64_t more) {
  count.fetch_add(more, std::memory_order_relaxed);
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
  add(counts.accepted, outcome.accepted);
  add(counts.not_kept, by_receipt[static_cast<std::size_t>(Receipt::not_kept)]);
  add(counts.unknown, by_receipt[static_cast<std::size_t>(Receipt::unknown)]);
}

Outcome refused(Error why) {
  Outcome outcome;
  outcome.refused = std::move(why);
  return outcome;
}

}  // namespace

// The bytes of one request, counted from before they are handed to the log until its answer is there.
class Intake::InFlight {
 public:
  InFlight(std::shared_ptr<IntakeCounts> counts, std::size_t bytes)
      : counts_(std::move(counts)), bytes_(bytes) {
    all_ = counts_->in_flight_bytes.fetch_add(bytes_, std::memory_order_relaxed) + bytes_;
  }
  InFlight(InFlight&& other) noexcept = default;
  InFlight& operator=(InFlight&&) = delete;
  ~InFlight() {
    if (counts_) counts_->in_flight_bytes.fetch_sub(bytes_, std::memory_order_relaxed);
  }

  [[nodiscard]] std::size_t bytes_of_all() const { return all_; }
  [[nodiscard]] IntakeCounts& counts() const { return *counts_; }

 private:
  std::shared_ptr<IntakeCounts> counts_;
  std::size_t bytes_ = 0;
  std::size_t all_ = 0;
};

Intake::Intake(EventLog& log, IntakeSettings settings)
    : log_(log), settings_(settings), counts_(std::make_shared<IntakeCounts>()) {}

Intake::~Intake() = default;

void Intake::drain() { draining_.store(true, std::memory_order_relaxed); }

bool Intake::open_to(Done& done) {
  add(counts_->requests, 1);
  if (!draining_.load(std::memory_order_relaxed)) return true;
  add(counts_->refused_draining, 1);
  done(refused({Move::peer, "shutting_down", "shutting down"}));
  return false;
}

void Intake::accept_one(activity::Decoder& decoder, std::string_view body, WallTime now, Done done) {
  if (!open_to(done)) return;
  auto activity = judge(decoder, body, now, settings_);
  if (!activity) {
    add(counts_->rejected, 1);
    return done(refused(std::move(activity).error()));
  }
  Batch batch;
  batch.events.bytes.reserve(activity->user_id.size() + body.size());
  add_record(batch.events, activity->user_id, body);
  batch.indexes.push_back(0);
  hand_to_log(std::move(batch), std::move(done));
}

void Intake::accept_batch(activity::Decoder& decoder, std::string_view body, WallTime now, Done done) {
  if (!open_to(done)) return;
  Batch batch;
  batch.events.bytes.reserve(body.size() + body.size() / 8);  // the keys stand beside the events
  dialects::JsonBatch items(body);
  while (true) {
    auto item = items.next();
    if (!item) return done(refused(std::move(item).error()));
    if (!*item) break;
    const auto& [index, json] = **item;
    auto activity = judge(decoder, json, now, settings_);
    if (activity) {
      add_record(batch.events, activity->user_id, json);
      batch.indexes.push_back(index);
    } else if (batch.outcome.rejected.size() < limits::rejected_items_max) {
      batch.outcome.rejected.push_back({index, std::move(activity).error().text});
    } else {
      return done(
          refused({Move::caller, "too_many_rejected",
                   "more than " + std::to_string(limits::rejected_items_max) +
                       " items are wrong, the first of them " + batch.outcome.rejected.front().error}));
    }
  }
  add(counts_->rejected, batch.outcome.rejected.size());
  if (batch.indexes.empty()) return done(std::move(batch.outcome));
  hand_to_log(std::move(batch), std::move(done));
}

void Intake::hand_to_log(Batch batch, Done done) {
  const std::size_t bytes = batch.events.bytes.capacity() + batch.events.records.size() * sizeof(RecordSlice);
  InFlight in_flight(counts_, bytes);
  if (in_flight.bytes_of_all() > settings_.in_flight_bytes_max) {
    add(counts_->refused_busy, 1);
    return done(refused({Move::peer, "too_much_in_flight", "too much is in flight, try again"}));
  }
  log_.append(std::move(batch.events),
              [in_flight = std::move(in_flight), indexes = std::move(batch.indexes),
               outcome = std::move(batch.outcome), done = std::move(done)](Receipts receipts) mutable {
                settle(outcome, receipts, indexes, in_flight.counts());
                done(std::move(outcome));
              });
}

}  // namespace weir::intake
