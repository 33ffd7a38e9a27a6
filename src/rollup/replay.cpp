#include "rollup/replay.hpp"

#include "base/ensure.hpp"
#include "base/hash.hpp"

namespace weir::rollup {
namespace {

std::optional<std::string> kept(const std::optional<std::string_view>& text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

}  // namespace

KeptEvent::KeptEvent(const activity::UserActivity& activity, RecordTime record_time)
    : user_hash_(murmur3(activity.user_id).low),
      activity_type_(activity.activity_type),
      page_url_(kept(activity.metadata.page_url)),
      referrer_(kept(activity.metadata.referrer)),
      timestamp_(activity.timestamp),
      record_time_(record_time) {}

void KeptEvent::add_to(tally::Tally& tally) const {
  activity::UserActivity activity{.user_id = {},  // only its hash counts
                                  .activity_type = activity_type_,
                                  .timestamp = timestamp_,
                                  .metadata = {},
                                  .message_id = {}};
  if (page_url_) activity.metadata.page_url = *page_url_;
  if (referrer_) activity.metadata.referrer = *referrer_;
  tally.add(activity, user_hash_, record_time_);
}

void LetterBook::locked(std::span<const LetterSource> sources, std::span<const LetterState> states) {
  ensure(sources.size() == states.size(), "each letter that was asked for has a state");
  for (std::size_t at = 0; at < sources.size(); ++at) {
    if (states[at] != LetterState::unknown) states_[sources[at]] = states[at];
  }
}

LetterState LetterBook::state(const LetterSource& source) const {
  const auto found = states_.find(source);
  return found == states_.end() ? LetterState::unknown : found->second;
}

void LetterBook::mark_replayed(const LetterSource& source) {
  states_[source] = LetterState::replayed;
  replayed_.push_back(source);
}

std::vector<Changes::FailedReplay> LetterBook::failed() const {
  std::vector<Changes::FailedReplay> failed;
  for (const auto& [source, times] : failed_) failed.push_back({source, times});
  return failed;
}

SettledReplays settle(std::span<const Replay> replays, const tally::Tally& tally, const std::string& topic,
                      LetterBook& book) {
  SettledReplays settled;
  for (const Replay& replay : replays) {
    const LetterState state = book.state(replay.source);
    if (replay.letter) {
      ++settled.counts.dead_lettered;
      ++settled.reasons[replay.letter->reason];
      if (state != LetterState::unknown) {
        book.add_attempt(replay.source);
        continue;
      }
      settled.letters.push_back(*replay.letter);
      book.written({topic, replay.letter->partition, replay.letter->offset});
      continue;
    }
    if (state == LetterState::waiting) book.mark_replayed(replay.source);
    if (!replay.event || state == LetterState::replayed) {
      ++settled.counts.duplicate;
      continue;
    }
    ++settled.counts.tallied;
    if (!settled.tally) settled.tally = tally;
    replay.event->add_to(*settled.tally);
  }
  return settled;
}

}  // namespace weir::rollup
