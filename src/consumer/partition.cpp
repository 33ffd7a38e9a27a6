#include "consumer/partition.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/ensure.hpp"
#include "base/hash.hpp"

namespace weir::consumer {
namespace {

// The time by which an event is too old for its minute: the record's, unless that is from the future.
RecordTime lateness_time(const RecordView& record, ReadAt at) {
  const bool ahead = record.time > at.settled && record.time - at.settled > limits::clock_lead_max;
  return ahead ? at.settled : record.time;
}

}  // namespace

Partition::Partition(OpenedPartition opened, const PartitionRules& rules, MonoTime now)
    : rules_(rules),
      values_(rules.dimensions),
      ledger_(opened.ledger),
      live_from_(opened.ledger.next_offset),
      dedupe_(rules.dedupe.window, rules.dedupe.records),
      known_letters_(std::move(opened.letters)),
      position_(std::min(opened.read_from, opened.ledger.next_offset)),
      log_end_(opened.log_end),
      open_(rules.minute_retention) {
  open_.next_offset = live_from_;
  skip_to(opened.read_from);  // what is gone from the log, though nothing may ever come behind it
  for (const WindowStart minute : opened.unrolled) unrolled_.emplace(minute, now);
}

void Partition::take(const Records& records, activity::Decoder& decoder, ReadAt at) {
  log_end_ = std::max(records.log_end, records.next_offset);
  const RecordView* last_counted = nullptr;
  for (const RecordView& record : records.records) {
    if (record.offset < position_) continue;  // it was taken already
    skip_to(record.offset);
    position_ = record.offset + 1;
    last_read_at_ = std::min(record.time, at.wall);
    dedupe_.advance(record.offset, record.time);
    if (record.offset < live_from_) {
      remember(record, decoder);
    } else {
      count(record, decoder, at);
      last_counted = &record;
    }
    if (is_full(open_)) {
      open_.next_offset = position_;
      open_.last_record_hash = hash_of(record);
      last_counted = nullptr;
      seal_open_part();
    }
  }
  if (last_counted) {
    open_.next_offset = position_;
    open_.last_record_hash = hash_of(*last_counted);
  }
  skip_to(records.next_offset);
}

// Offsets up to here hold no record for us. Those before the account's end are in the account.
void Partition::skip_to(std::int64_t offset) {
  if (offset <= position_) return;
  const std::int64_t first = std::max(position_, live_from_);
  position_ = offset;
  if (offset <= first) return;
  open_.counts.skipped += offset - first;
  open_.next_offset = offset;
  open_.last_record_hash.reset();
}

// What is judged bad is not remembered, or its replay would be taken for a repetition. A letter that was
// judged by other rules then stands in the table; a replay that was still bad stands nowhere and is judged
// again.
void Partition::remember(const RecordView& record, activity::Decoder& decoder) {
  while (letters_passed_ < known_letters_.size() && known_letters_[letters_passed_] < record.offset)
    ++letters_passed_;
  const bool is_letter =
      letters_passed_ < known_letters_.size() && known_letters_[letters_passed_] == record.offset;
  if (is_letter) return;
  if (const Result<activity::UserActivity> activity = judge(record, decoder)) (void)is_repeated(*activity);
}

void Partition::count(const RecordView& record, activity::Decoder& decoder, ReadAt at) {
  ++open_.counts.read;
  if (!open_.first_record_at) open_.first_record_at = std::min(record.time, at.wall);

  Result<activity::UserActivity> activity = judge(record, decoder);
  if (record.replay_source) {
    if (auto source = commit::parse_dead_letter_id(*record.replay_source))
      return take_replay(record, *std::move(source), std::move(activity), at);
  }
  if (activity) return tally(record, *activity, at);
  ++open_.counts.dead_lettered;
  open_.letters.push_back(letter_of(record, std::move(activity).error()));
}

Result<activity::UserActivity> Partition::judge(const RecordView& record, activity::Decoder& decoder) const {
  if (!record.value) return fail(ErrorKind::invalid, "value_missing", "the record has no value");
  if (record.value->size() > rules_.event_bytes_max) {
    return fail(ErrorKind::invalid, "event_too_large",
                "the event has " + std::to_string(record.value->size()) + " bytes, at most " +
                    std::to_string(rules_.event_bytes_max) + " are allowed");
  }
  Result<activity::UserActivity> activity = decoder.decode(*record.value, values_.metadata_members());
  if (!activity) return activity;
  Result<void> in_time = activity::check_time_of_record(*activity, record.time);
  if (!in_time) return propagate(in_time);
  return activity;
}

void Partition::tally(const RecordView& record, const activity::UserActivity& activity, ReadAt at) {
  if (is_repeated(activity)) {
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

void Partition::take_replay(const RecordView& record, commit::DeadLetterId source,
                            Result<activity::UserActivity> activity, ReadAt at) {
  commit::Replay& replay = open_.replays.emplace_back();
  replay.offset = record.offset;
  replay.source = std::move(source);
  if (!activity)
    replay.letter = letter_of(record, std::move(activity).error());
  else if (!is_repeated(*activity)) {
    replay.event.emplace(counted(*activity), murmur3(activity->user_id).low, lateness_time(record, at));
    open_.letter_bytes += record.value->size();
  }
}

bool Partition::is_repeated(const activity::UserActivity& activity) {
  return activity.message_id && dedupe_.seen(tally::fingerprint(activity.user_id, *activity.message_id)) ==
                                    tally::Verdict::duplicate;
}

commit::DeadLetter Partition::letter_of(const RecordView& record, Error why) {
  commit::DeadLetter letter{.partition = ledger_.partition,
                            .offset = record.offset,
                            .reason = std::string(why.code),
                            .detail = std::move(why.text),
                            .key = {},
                            .value = {},
                            .at = {}};
  if (rules_.copy_letters) uncopied_.found(record.offset);
  if (!record.key.empty()) letter.key = std::string(record.key);
  if (!record.value) return letter;
  letter.value = std::string(*record.value);
  open_.letter_bytes += record.value->size();
  return letter;
}

// Parts.

commit::Backlog Partition::waiting() const {
  commit::Backlog load = open_.load();
  for (const commit::PendingBatch& part : sealed_) load += part.load();
  return load += closed_load_;
}

void Partition::seal() {
  if (sealed_.empty() && !open_.empty()) seal_open_part();
}

void Partition::seal_open_part() {
  commit::PendingBatch next(rules_.minute_retention);
  next.next_offset = open_.next_offset;
  sealed_.push_back(std::exchange(open_, std::move(next)));
}

bool Partition::writable() const {
  return !sealed_.empty() && uncopied_.none_before(sealed_.front().next_offset);
}

commit::PendingBatch Partition::close_part() {
  ensure(!closed_, "one part at a time is on its way into the store");
  closed_ = true;
  seal();
  if (!writable()) return commit::PendingBatch(rules_.minute_retention);
  commit::PendingBatch part = std::move(sealed_.front());
  sealed_.pop_front();
  closed_load_ = part.load();
  closed_first_at_ = part.first_record_at;
  return part;
}

void Partition::advance_to(const tally::LedgerRow& ledger) {
  ensure(ledger.partition == ledger_.partition && ledger.version == ledger_.version + 1,
         "an account moves on one version at a time");
  ledger_ = ledger;
  closed_ = false;
  closed_load_ = {};
  closed_first_at_.reset();
}

// Copies.

std::vector<DeadLetterTopic::Copy> Partition::copies_to_send(Now now) {
  std::vector<DeadLetterTopic::Copy> copies;
  for (const std::int64_t offset : uncopied_.take_due(now.mono)) {
    const auto part = std::ranges::find_if(
        sealed_, [&](const commit::PendingBatch& each) { return offset < each.next_offset; });
    add_copy(part == sealed_.end() ? open_ : *part, offset, copies);
    copies.back().letter.at = now.wall;
  }
  return copies;
}

void Partition::add_copy(const commit::PendingBatch& part, std::int64_t offset,
                         std::vector<DeadLetterTopic::Copy>& copies) const {
  DeadLetterTopic::Copy copy{.ticket = {.partition = ledger_.partition, .offset = offset},
                             .letter = {},
                             .source = {rules_.topic, ledger_.partition, offset}};
  const auto letter = std::ranges::lower_bound(part.letters, offset, {}, &commit::DeadLetter::offset);
  if (letter != part.letters.end() && letter->offset == offset) {
    copy.letter = *letter;
  } else {
    const auto replay = std::ranges::lower_bound(part.replays, offset, {}, &commit::Replay::offset);
    ensure(replay != part.replays.end() && replay->offset == offset && replay->letter,
           "a letter without its copy is still in its part");
    copy.letter = *replay->letter;
    copy.source = replay->source;
  }
  copies.push_back(std::move(copy));
}

// What is told of it.

std::optional<RecordTime> Partition::first_unwritten() const {
  for (const commit::PendingBatch& part : sealed_) {
    if (part.first_record_at) return part.first_record_at;
  }
  return open_.first_record_at;
}

tally::Observation Partition::observe(std::int64_t next_offset, WallTime now) const {
  tally::Observation seen{.log_end_offset = std::max(log_end_, next_offset), .observed_at = now};
  if (next_offset >= seen.log_end_offset) return seen;
  const std::optional<RecordTime> first = first_unwritten();
  seen.oldest_unread_at = first ? first : last_read_at_;
  return seen;
}

std::optional<RecordTime> Partition::oldest_unread() const {
  if (catching_up()) return std::nullopt;
  if (closed_first_at_) return closed_first_at_;
  if (const std::optional<RecordTime> first = first_unwritten()) return first;
  return position_ < log_end_ ? last_read_at_ : std::nullopt;
}

void Partition::clock_stepped(std::chrono::milliseconds by) {
  for (std::optional<RecordTime>* time : {&closed_first_at_, &open_.first_record_at, &last_read_at_})
    if (*time) **time += by;
  for (commit::PendingBatch& part : sealed_)
    if (part.first_record_at) *part.first_record_at += by;
}

void Partition::touched(std::span<const WindowStart> minutes, MonoTime now) {
  for (const WindowStart minute : minutes) unrolled_.insert_or_assign(minute, now);
}

void Partition::rolled_up(std::span<const WindowStart> minutes) {
  for (const WindowStart minute : minutes) unrolled_.erase(minute);
}

std::vector<WindowStart> Partition::quiet_minutes(MonoTime quiet_since, std::size_t minutes_max) const {
  std::vector<WindowStart> quiet;
  for (const auto& [minute, at] : unrolled_) {
    if (quiet.size() == minutes_max) break;
    if (at <= quiet_since) quiet.push_back(minute);
  }
  return quiet;
}

}  // namespace weir::consumer
