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
  ensure(sources.size() == states.size(), "each letter that was asked for has a state");
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

SettledReplays settle(std::span<const Replay> replays, const tally::Tally& tally, const std::string& topic,
                      ReplaySettlement& book) {
  SettledReplays settled;
  for (const Replay& replay : replays) {
    const DeadLetterState state = book.state(replay.source);
    if (replay.letter) {
      ++settled.counts.dead_lettered;
      ++settled.reasons[replay.letter->reason];
      if (state != DeadLetterState::unknown) {
        book.add_attempt(replay.source);
        continue;
      }
      settled.letters.push_back(*replay.letter);
      book.written({topic, replay.letter->partition, replay.letter->offset});
      continue;
    }
    if (state == DeadLetterState::waiting) book.mark_replayed(replay.source);
    if (!replay.event || state == DeadLetterState::replayed) {
      ++settled.counts.duplicate;
      continue;
    }
    ++settled.counts.tallied;
    if (!settled.tally) settled.tally = tally;
    replay.event->add_to(*settled.tally);
  }
  return settled;
}

}  // namespace weir::commit
