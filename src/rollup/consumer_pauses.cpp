// What holds the consumer up: copies of dead letters that are to end well first, and too much that waits.
#include <algorithm>
#include <utility>

#include "rollup/consumer.hpp"

namespace weir::rollup {

// Copies of dead letters.

void Consumer::send_copies(Now now) {
  for (auto& [partition, slot] : slots_) {
    if (!slot.partition) continue;
    std::vector<LetterCopies::Copy> copies = slot.partition->copies_to_send(now);
    if (copies.empty()) continue;
    for (LetterCopies::Copy& copy : copies) copy.ticket.generation = slot.generation;
    commands_.push_back(CopyLetters{std::move(copies)});
  }
}

void Consumer::copied(const LetterCopies::Ended& ended, Now now) {
  const auto at = slots_.find(ended.ticket.partition);
  if (finished_ || at == slots_.end() || at->second.generation != ended.ticket.generation) return;
  Partition& partition = *at->second.partition;
  const bool was_failing = partition.uncopied().failing();
  partition.copied(ended.ticket.offset, ended.failure, now.mono);
  if (was_failing == partition.uncopied().failing()) return;
  const std::string number = std::to_string(ended.ticket.partition);
  if (was_failing) return log_.info("dead letters are copied again", {{"partition", number}});
  log_.warn("dead letters cannot be copied: what has them is not written until they are",
            {{"partition", number}, {"reason", partition.uncopied().reason()}});
}

// Pauses.

bool Consumer::is_overfull(const Load& load, bool was, std::int64_t divided_by) const {
  // Once over a bound, everything must have sunk to half of its bound: not to pause and resume with each record.
  const std::int64_t share = divided_by * (was ? 2 : 1);
  const auto size_share = static_cast<std::size_t>(share);
  return load.events >= settings_.waiting_events_max / share ||
         load.letters >= settings_.waiting_letters_max / size_share ||
         load.letter_bytes >= settings_.waiting_letter_bytes_max / size_share;
}

void Consumer::update_pauses() {
  const auto held =
      std::ranges::count_if(slots_, [](const auto& entry) { return entry.second.partition != nullptr; });
  Load flowing;
  for (auto& [partition, slot] : slots_) {
    if (!slot.partition) continue;
    // What waits for its letters' copies is bounded for itself, or one partition would hold up the others: all that
    // can wait so take half as much again.
    if (slot.partition->held_up()) {
      slot.overfull = is_overfull(slot.partition->waiting(), slot.overfull, 2 * held);
      continue;
    }
    slot.overfull = false;
    flowing += slot.partition->waiting();
  }
  overfull_ = is_overfull(flowing, overfull_, 1);

  const bool was_paused = std::exchange(status_.paused, overfull_ || retries_.exhausted());
  if (status_.paused && !was_paused) ++status_.pauses;
  for (auto& [partition, slot] : slots_) {
    const bool pause =
        status_.paused || stopping_ || slot.revoke_by || slot.overfull || slot.state == Slot::State::refused;
    if (slot.paused == pause) continue;
    slot.paused = pause;
    if (pause)
      commands_.push_back(Pause{partition});
    else
      commands_.push_back(Resume{partition});
  }
}

}  // namespace weir::rollup
