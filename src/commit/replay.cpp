#include "commit/replay.hpp"

#include "base/ensure.hpp"

namespace weir::commit {

KeptEvent::KeptEvent(const tally::CountedEvent& event, std::uint64_t user_hash, RecordTime record_time)
    : at_(event.at), is_page_view_(event.is_page_view), user_hash_(user_hash), record_time_(record_time) {
  for (const auto& [dimension, text] : event.values) values_.push_back({dimension, std::string(text)});
}

void KeptEvent::add_to(tally::Tally& tally) const {
  std::vector<tally::EventValue> values;
  for (const auto& [dimension, text] : values_) values.push_back({dimension, text});
  tally.add({.at = at_, .is_page_view = is_page_view_, .values = values}, user_hash_, record_time_);
}

void ReplaySettlement::locked(std::span<const DeadLetterId> sources,
                              std::span<const DeadLetterState> states) {
  ensure(sources.size() == states.size(), "the store returns the state of each dead letter");
  for (std::size_t at = 0; at < sources.size(); ++at) {
    if (states[at] != DeadLetterState::unknown) states_[sources[at]] = states[at];
  }
}

DeadLetterState ReplaySettlement::state(const DeadLetterId& source) const {
  const auto found = states_.find(source);
  return found == states_.end() ? DeadLetterState::unknown : found->second;
}

void ReplaySettlement::mark_replayed(const DeadLetterId& source) {
  states_[source] = DeadLetterState::replayed;
  replayed_.push_back(source);
}

std::vector<Changes::FailedReplay> ReplaySettlement::failed() const {
  std::vector<Changes::FailedReplay> failed;
  for (const auto& [source, times] : failed_) failed.push_back({source, times});
  return failed;
}

ReplayOutcome apply_replays(std::span<const Replay> replays, const tally::Tally& tally,
                            const std::string& topic, ReplaySettlement& settlement) {
  ReplayOutcome outcome;
  for (const Replay& replay : replays) {
    const DeadLetterState state = settlement.state(replay.source);
    // Column 3 of the table in replay.hpp: not a valid event.
    if (replay.dead_letter) {
      ++outcome.counts.dead_lettered;
      ++outcome.reasons[replay.dead_letter->reason];
      if (state != DeadLetterState::unknown) {
        settlement.add_attempt(replay.source);
        continue;
      }
      outcome.dead_letters.push_back(*replay.dead_letter);
      settlement.written({topic, replay.dead_letter->partition, replay.dead_letter->offset});
      continue;
    }
    // Columns 1 and 2. A duplicate marks its dead letter too: the event that it repeats is counted.
    if (state == DeadLetterState::waiting) settlement.mark_replayed(replay.source);
    if (!replay.event || state == DeadLetterState::replayed) {
      ++outcome.counts.duplicate;
      continue;
    }
    ++outcome.counts.tallied;
    // Copied only now, because most batches have no replay. The batch must not change: the flush may run
    // again.
    if (!outcome.tally) outcome.tally = tally;
    replay.event->add_to(*outcome.tally);
  }
  return outcome;
}

}  // namespace weir::commit
