// How a record is processed:
//
//   before live_from_   validate, then only remember its message_id           (rebuild_dedupe)
//   from live_from_ on  validate; then one of tallied, duplicate, dead letter  (count)
//                       a replay of a dead letter is decided by the flush, which locks its dead letter
//
// Everything runs on the thread that holds the object: the consumer's thread or, within process(), a worker.
#include "consumer/partition.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/ensure.hpp"
#include "base/hash.hpp"

namespace weir::consumer {
namespace {

// Returns the time by which an event is too old for its minute. This is the record's time or, if that is in
// the future, the settled time. Otherwise one record with a wrong time would hide the present minutes.
RecordTime lateness_time(const RecordView& record, ReadTime at) {
  const bool ahead = record.time > at.settled && record.time - at.settled > limits::clock_lead_max;
  return ahead ? at.settled : record.time;
}

}  // namespace

Partition::Partition(OpenedPartition opened, const PartitionSettings& settings, MonoTime now)
    : settings_(settings),
      values_(settings.dimensions),
      ledger_(opened.ledger),
      live_from_(opened.ledger.next_offset),
      dedupe_(settings.dedupe.window, settings.dedupe.records),
      known_dead_letters_(std::move(opened.dead_letters)),
      failed_replays_(std::move(opened.failed_replays)),
      position_(std::min(opened.read_from, opened.ledger.next_offset)),
      log_end_(opened.log_end),
      open_(settings.minute_retention) {
  open_.next_offset = live_from_;
  skip_to(opened.read_from);  // counts a gap now: no record may ever follow it
  for (const WindowStart minute : opened.pending_rollups) pending_rollups_.emplace(minute, now);
}

void Partition::process(const Records& records, activity::Decoder& decoder, ReadTime at) {
  log_end_ = std::max(records.log_end, records.next_offset);
  const RecordView* last_counted = nullptr;
  for (const RecordView& record : records.records) {
    if (record.offset < position_) continue;  // already processed
    skip_to(record.offset);
    position_ = record.offset + 1;
    last_read_at_ = std::min(record.time, at.wall);
    dedupe_.advance(record.offset, record.time);
    if (record.offset < live_from_) {
      rebuild_dedupe(record, decoder);
    } else {
      count(record, decoder, at);
      last_counted = &record;
    }
    // The batch ends with this record, so that no transaction becomes much larger than its bounds.
    if (is_full(open_)) {
      open_.next_offset = position_;
      open_.last_record_hash = hash_of(record);
      last_counted = nullptr;
      move_open_batch_to_sealed();
    }
  }
  // The batch needs the hash of its last record only, so the other records are not hashed.
  if (last_counted) {
    open_.next_offset = position_;
    open_.last_record_hash = hash_of(*last_counted);
  }
  skip_to(records.next_offset);
}

// Counts the offsets from position_ to `offset` as skipped: they hold no record for us. Those before
// live_from_ are already part of the ledger.
void Partition::skip_to(std::int64_t offset) {
  if (offset <= position_) return;
  const std::int64_t first = std::max(position_, live_from_);
  position_ = offset;
  if (offset <= first) return;
  open_.counts.skipped += offset - first;
  open_.next_offset = offset;
  open_.last_record_hash.reset();
}

// A dead letter is not remembered; otherwise its replay would be a duplicate. Older rules may have rejected
// a record that is valid today, so the store decides: it has a row of each dead letter. A failed replay has
// none, but the row that it names has further attempts. While no replay of that row is counted, all failed.
void Partition::rebuild_dedupe(const RecordView& record, activity::Decoder& decoder) {
  while (dead_letters_passed_ < known_dead_letters_.size() &&
         known_dead_letters_[dead_letters_passed_] < record.offset)
    ++dead_letters_passed_;
  const bool is_dead_letter = dead_letters_passed_ < known_dead_letters_.size() &&
                              known_dead_letters_[dead_letters_passed_] == record.offset;
  if (is_dead_letter || is_failed_replay(record)) return;
  if (const Result<activity::UserActivity> activity = validate(record, decoder))
    (void)is_duplicate(*activity);
}

bool Partition::is_failed_replay(const RecordView& record) const {
  if (failed_replays_.empty() || !record.replay_source) return false;
  const auto source = commit::parse_dead_letter_id(*record.replay_source);
  return source && std::ranges::binary_search(failed_replays_, *source);
}

void Partition::count(const RecordView& record, activity::Decoder& decoder, ReadTime at) {
  ++open_.counts.read;
  if (!open_.first_record_at) open_.first_record_at = std::min(record.time, at.wall);
  if (settings_.trace_records && !record.traceparent.empty()) note_trace(record, at);

  Result<activity::UserActivity> activity = validate(record, decoder);
  if (record.replay_source) {
    if (auto source = commit::parse_dead_letter_id(*record.replay_source))
      return count_replay(record, *std::move(source), std::move(activity), at);
  }
  if (activity) return count_activity(record, *activity, at);
  ++open_.counts.dead_lettered;
  open_.dead_letters.push_back(reject(record, std::move(activity).error()));
}

// A context that is not sampled, or not valid, has no spans.
void Partition::note_trace(const RecordView& record, ReadTime at) {
  auto context = tracing::parse_trace_context(record.traceparent, record.tracestate);
  if (context && context->sampled)
    open_.traces.add(*std::move(context), ledger_.partition, record.offset, at.wall);
}

Result<activity::UserActivity> Partition::validate(const RecordView& record,
                                                   activity::Decoder& decoder) const {
  if (!record.value) return fail(ErrorKind::invalid, "value_missing", "the record has no value");
  if (record.value->size() > settings_.event_bytes_max) {
    return fail(ErrorKind::invalid, "event_too_large",
                "the event has " + std::to_string(record.value->size()) + " bytes, at most " +
                    std::to_string(settings_.event_bytes_max) + " are allowed");
  }
  Result<activity::UserActivity> activity = decoder.decode(*record.value, values_.metadata_members());
  if (!activity) return activity;
  Result<void> in_time = activity::check_time_of_record(*activity, record.time);
  if (!in_time) return propagate(in_time);
  if (settings_.schemas != nullptr) {
    Result<void> checked = settings_.schemas->check(activity->activity_type, *record.value);
    if (!checked) return propagate(checked);
  }
  return activity;
}

void Partition::count_activity(const RecordView& record, const activity::UserActivity& activity,
                               ReadTime at) {
  if (is_duplicate(activity)) {
    ++open_.counts.duplicate;
    return;
  }
  ++open_.counts.tallied;
  open_.tally.add(counted(activity), murmur3(activity.user_id).low, lateness_time(record, at));
}

tally::CountedEvent Partition::counted(const activity::UserActivity& activity) {
  return {
      .at = activity.timestamp, .is_page_view = activity.is_page_view(), .values = values_.read(activity)};
}

// Whether a replay counts depends on the state of its dead letter, which only the flush can lock. The batch
// keeps the replay for it.
void Partition::count_replay(const RecordView& record, commit::DeadLetterId source,
                             Result<activity::UserActivity> activity, ReadTime at) {
  commit::Replay& replay = open_.replays.emplace_back();
  replay.offset = record.offset;
  replay.source = std::move(source);
  if (!activity)
    replay.dead_letter = reject(record, std::move(activity).error());
  else if (!is_duplicate(*activity)) {
    replay.event.emplace(counted(*activity), murmur3(activity->user_id).low, lateness_time(record, at));
    open_.dead_letter_bytes += record.value->size();
  }
}

bool Partition::is_duplicate(const activity::UserActivity& activity) {
  return activity.message_id && dedupe_.check_and_remember(tally::fingerprint(
                                    activity.user_id, *activity.message_id)) == tally::Verdict::duplicate;
}

commit::DeadLetter Partition::reject(const RecordView& record, Error why) {
  if (settings_.dlq_enabled) pending_dlq_writes_.add(record.offset);
  if (record.value) open_.dead_letter_bytes += record.value->size();
  return make_dead_letter(ledger_.partition, record, std::move(why));
}

// Batches.

commit::Backlog Partition::backlog() const {
  commit::Backlog sum = open_.backlog();
  for (const commit::PendingBatch& batch : sealed_) sum += batch.backlog();
  return sum += in_transaction_backlog_;
}

void Partition::seal_open_batch() {
  if (sealed_.empty() && !open_.empty()) move_open_batch_to_sealed();
}

void Partition::move_open_batch_to_sealed() {
  commit::PendingBatch next(settings_.minute_retention);
  next.next_offset = open_.next_offset;
  sealed_.push_back(std::exchange(open_, std::move(next)));
}

bool Partition::has_writable_batch() const {
  return !sealed_.empty() && pending_dlq_writes_.none_before(sealed_.front().next_offset);
}

commit::PendingBatch Partition::take_batch() {
  // The ledger row that one batch writes is the fence of the next batch.
  ensure(!in_transaction_, "one batch at a time is in a transaction");
  in_transaction_ = true;
  seal_open_batch();
  if (!has_writable_batch()) return commit::PendingBatch(settings_.minute_retention);
  commit::PendingBatch batch = std::move(sealed_.front());
  sealed_.pop_front();
  in_transaction_backlog_ = batch.backlog();
  in_transaction_first_at_ = batch.first_record_at;
  return batch;
}

void Partition::on_committed(const tally::LedgerRow& ledger) {
  ensure(ledger.partition == ledger_.partition && ledger.version == ledger_.version + 1,
         "a commit raises the version of a ledger row by one");
  ledger_ = ledger;
  in_transaction_ = false;
  in_transaction_backlog_ = {};
  in_transaction_first_at_.reset();
}

// Copies of dead letters.

std::vector<DeadLetterTopic::Copy> Partition::take_dlq_copies(Now now) {
  std::vector<DeadLetterTopic::Copy> copies;
  for (const std::int64_t offset : pending_dlq_writes_.take_due(now.mono)) {
    const auto sealed = std::ranges::find_if(
        sealed_, [&](const commit::PendingBatch& batch) { return offset < batch.next_offset; });
    const commit::PendingBatch& batch = sealed == sealed_.end() ? open_ : *sealed;
    copies.push_back(make_dlq_copy(settings_.topic, ledger_.partition, batch, offset));
    copies.back().dead_letter.at = now.wall;
  }
  return copies;
}

// What ledger, health and metrics report.

std::optional<RecordTime> Partition::first_unwritten_at() const {
  for (const commit::PendingBatch& batch : sealed_) {
    if (batch.first_record_at) return batch.first_record_at;
  }
  return open_.first_record_at;
}

tally::Observation Partition::observation_at(std::int64_t next_offset, WallTime now) const {
  tally::Observation seen{.log_end_offset = std::max(log_end_, next_offset), .observed_at = now};
  // No record is unread: the transaction reaches the end of the log.
  if (next_offset >= seen.log_end_offset) return seen;
  const std::optional<RecordTime> first = first_unwritten_at();
  seen.oldest_unread_at = first ? first : last_read_at_;
  return seen;
}

std::optional<RecordTime> Partition::oldest_unread_at() const {
  if (is_catching_up()) return std::nullopt;
  if (in_transaction_first_at_) return in_transaction_first_at_;
  if (const std::optional<RecordTime> first = first_unwritten_at()) return first;
  return position_ < log_end_ ? last_read_at_ : std::nullopt;
}

void Partition::on_clock_step(std::chrono::milliseconds by) {
  for (std::optional<RecordTime>* time : {&in_transaction_first_at_, &open_.first_record_at, &last_read_at_})
    if (*time) **time += by;
  for (commit::PendingBatch& batch : sealed_)
    if (batch.first_record_at) *batch.first_record_at += by;
}

// Pending roll-ups.

void Partition::on_minutes_written(std::span<const WindowStart> minutes, MonoTime now) {
  for (const WindowStart minute : minutes) pending_rollups_.insert_or_assign(minute, now);
}

void Partition::on_minutes_rolled_up(std::span<const WindowStart> minutes) {
  for (const WindowStart minute : minutes) pending_rollups_.erase(minute);
}

std::vector<WindowStart> Partition::quiet_minutes(MonoTime quiet_since, std::size_t minutes_max) const {
  std::vector<WindowStart> quiet;
  for (const auto& [minute, written_at] : pending_rollups_) {
    if (quiet.size() == minutes_max) break;
    if (written_at <= quiet_since) quiet.push_back(minute);
  }
  return quiet;
}

}  // namespace weir::consumer
