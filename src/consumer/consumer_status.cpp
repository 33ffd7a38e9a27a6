// What is told of the consumer.
#include <algorithm>
#include <optional>
#include <string>

#include "consumer/consumer.hpp"

namespace weir::consumer {
namespace {

std::string waits_for_copies(const Partition& partition) {
  return "it waits for the copies of its dead letters (" + std::to_string(partition.uncopied().size()) +
         "): " + partition.uncopied().reason();
}

}  // namespace

PartitionStatus Consumer::status_of(std::int32_t partition, const Slot& slot) {
  PartitionStatus status{.partition = partition,
                         .reason = slot.reason,
                         .needs_operator = slot.needs_operator,
                         .paused = slot.paused,
                         .ledger = {}};
  if (slot.state == Slot::State::refused) status.state = PartitionStatus::State::refused;
  if (!slot.partition) return status;
  const Partition& held = *slot.partition;
  status.state = held.catching_up() ? PartitionStatus::State::catching_up : PartitionStatus::State::live;
  if (held.uncopied().failing()) status.reason = waits_for_copies(held);
  status.ledger = {.next_offset = held.ledger().next_offset,
                   .log_end = held.log_end(),
                   .oldest_unread_at = held.oldest_unread(),
                   .observed_at = held.ledger().observed.observed_at};
  return status;
}

std::int64_t Consumer::waiting() const {
  std::int64_t events = 0;
  for (const auto& [partition, slot] : slots_) {
    if (slot.partition) events += slot.partition->waiting().events;
  }
  return events;
}

// Those that are refused are not waited for.
bool Consumer::all_open() const {
  return ever_assigned_ && std::ranges::none_of(slots_, [](const auto& entry) {
           return entry.second.state == Slot::State::waiting || entry.second.state == Slot::State::opening;
         });
}

Status Consumer::status() const {
  Status status = status_;
  status.partitions.reserve(slots_.size());
  bool catching_up = false;
  for (const auto& [partition, slot] : slots_) {
    status.partitions.push_back(status_of(partition, slot));
    if (!slot.partition) continue;
    catching_up = catching_up || slot.partition->catching_up();
    status.read_offset_sum += slot.partition->position();
    status.dlq_pending += static_cast<std::int64_t>(slot.partition->uncopied().size());
    if (slot.partition->uncopied().failing() && status.dlq_reason.empty()) {
      status.dlq_reason = "partition " + std::to_string(partition) + ": " + waits_for_copies(*slot.partition);
    }
    const std::optional<RecordTime> oldest = slot.partition->oldest_unread();
    if (oldest && (!status.oldest_unread_at || *oldest < *status.oldest_unread_at))
      status.oldest_unread_at = oldest;
  }
  status.phase = finished_     ? Phase::stopped
                 : stopping_   ? Phase::draining
                 : !all_open() ? (ever_open_ ? Phase::opening : Phase::starting)
                 : catching_up ? Phase::catching_up
                               : Phase::live;
  status.backlog_events = waiting();
  return status;
}

void Consumer::log_failed(const Error& why) {
  if (why.kind == ErrorKind::internal) return exit(1, why);
  if (status_.log_up) logger_.warn("the log cannot be read; it is tried again", {{"reason", why.text}});
  status_.log_up = false;
  status_.log_reason = why.text;
}

void Consumer::log_answers() {
  if (!status_.log_up) logger_.info("the log answers again");
  status_.log_up = true;
  status_.log_reason.clear();
}

}  // namespace weir::consumer
