// Runs at each tick of the consumer's thread. It only compares sums with bounds; the Consumer turns the
// changes into Pause and Resume commands. The records of a poll are processed before the check, so a backlog
// may exceed its bounds by one poll.
#include "consumer/backpressure.hpp"

#include <algorithm>
#include <utility>

namespace weir::consumer {

bool Backpressure::is_too_large(const commit::Backlog& backlog, bool was_too_large,
                                std::int64_t divided_by) const {
  // Hysteresis: a backlog that was too large must fall below half of each bound. Otherwise a partition would
  // pause and resume with each record.
  return bounds_.are_reached(backlog, divided_by * (was_too_large ? 2 : 1));
}

std::vector<Backpressure::Change> Backpressure::update(AssignedPartitions& partitions, bool store_unavailable,
                                                       bool stopping) {
  const auto open =
      std::ranges::count_if(partitions, [](const auto& entry) { return entry.second.partition != nullptr; });
  commit::Backlog flowing;  // of the partitions that do not wait for the dead letter topic
  for (auto& [number, assigned] : partitions) {
    if (!assigned.partition) continue;
    if (assigned.partition->waits_for_dlq()) {
      // All partitions that wait may hold half of the bounds together, in equal parts.
      assigned.dlq_backlog_full =
          is_too_large(assigned.partition->backlog(), assigned.dlq_backlog_full, 2 * open);
      continue;
    }
    assigned.dlq_backlog_full = false;
    flowing += assigned.partition->backlog();
  }
  backlog_too_large_ = is_too_large(flowing, backlog_too_large_, 1);

  const bool was_paused = std::exchange(paused_, backlog_too_large_ || store_unavailable);
  if (paused_ && !was_paused) ++pauses_;
  std::vector<Change> changes;
  for (auto& [number, assigned] : partitions) {
    const bool pause = paused_ || stopping || assigned.revoke_by || assigned.dlq_backlog_full ||
                       assigned.state == AssignedPartition::State::refused;
    if (assigned.paused == pause) continue;
    assigned.paused = pause;
    changes.push_back({number, pause});
  }
  return changes;
}

}  // namespace weir::consumer
