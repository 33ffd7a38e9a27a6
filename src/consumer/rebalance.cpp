// A revoke is answered at the next tick, not at once: the same poll() may report the partition as lost, or
// assign it again. Until then no further record of it is processed, so its last flush is bounded.
#include "consumer/rebalance.hpp"

#include <algorithm>
#include <utility>

namespace weir::consumer {
namespace {

bool is_releasable(const AssignedPartition& assigned, bool store_failing) {
  // Without an open, caught-up Partition there is nothing to flush.
  if (assigned.state != AssignedPartition::State::open || assigned.partition->is_catching_up()) return true;
  if (store_failing) return true;
  return !assigned.partition->has_unwritten() && !assigned.in_transaction;
}

}  // namespace

void Assignment::on_assigned(const Assigned& event, MonoTime now) {
  ever_assigned_ = true;
  for (const std::int32_t partition : event.partitions) {
    AssignedPartition& assigned = partitions_[partition];
    assigned = AssignedPartition();
    // Generations are unique in the process, so no late result fits a new assignment.
    assigned.generation = ++last_generation_;
    assigned.open_at = now;
    ++counts_.assigned;
  }
}

void Assignment::on_revoked(const Revoked& event, MonoTime now) {
  for (const std::int32_t partition : event.partitions) {
    AssignedPartition* const assigned = find(partition);
    if (assigned == nullptr) continue;
    assigned->revoke_by = now + revoke_timeout_;
    ++counts_.revoked;
  }
}

void Assignment::on_lost(const Lost& event) {
  for (const std::int32_t partition : event.partitions)
    counts_.lost += static_cast<std::int64_t>(partitions_.erase(partition));
}

std::vector<std::int32_t> Assignment::take_releasable(MonoTime now, bool store_failing) {
  std::vector<std::int32_t> released;
  for (const auto& [partition, assigned] : partitions_) {
    if (assigned.revoke_by && (is_releasable(assigned, store_failing) || now >= *assigned.revoke_by))
      released.push_back(partition);
  }
  // Erased before release() is executed: after it another process may own them.
  for (const std::int32_t partition : released) partitions_.erase(partition);
  return released;
}

AssignedPartition* Assignment::find(std::int32_t partition) {
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? nullptr : &found->second;
}

AssignedPartition* Assignment::find(std::int32_t partition, std::uint64_t generation) {
  AssignedPartition* const found = find(partition);
  return found != nullptr && found->generation == generation ? found : nullptr;
}

void Assignment::reopen(AssignedPartition& assigned, MonoTime at) {
  assigned.generation = ++last_generation_;
  assigned.opener.reset();
  assigned.partition.reset();
  assigned.in_transaction = false;
  assigned.state = AssignedPartition::State::waiting;
  assigned.open_at = at;
}

void Assignment::leave_out_stale(commit::Transaction& transaction) const {
  for (const commit::PartitionCommit& commit : transaction.commits()) {
    const auto found = partitions_.find(commit.partition());
    if (found == partitions_.end() || found->second.generation != commit.generation)
      transaction.leave_out(commit.partition());
  }
}

std::vector<DeadLetterTopic::Copy> Assignment::take_dlq_copies(Now now) {
  std::vector<DeadLetterTopic::Copy> all;
  for (auto& [partition, assigned] : partitions_) {
    if (!assigned.partition) continue;
    for (DeadLetterTopic::Copy& copy : assigned.partition->take_dlq_copies(now)) {
      copy.ticket.generation = assigned.generation;
      all.push_back(std::move(copy));
    }
  }
  return all;
}

void Assignment::on_clock_step(std::chrono::milliseconds by) {
  for (auto& [partition, assigned] : partitions_) {
    if (assigned.partition) assigned.partition->on_clock_step(by);
  }
}

bool Assignment::all_opened() const {
  return ever_assigned_ && std::ranges::none_of(partitions_, [](const auto& entry) {
           return entry.second.state == AssignedPartition::State::waiting ||
                  entry.second.state == AssignedPartition::State::opening;
         });
}

bool Assignment::has_revoked() const {
  return std::ranges::any_of(partitions_,
                             [](const auto& entry) { return entry.second.revoke_by.has_value(); });
}

bool Assignment::has_unwritten() const {
  return std::ranges::any_of(partitions_, [](const auto& entry) {
    return entry.second.partition && entry.second.partition->has_unwritten();
  });
}

}  // namespace weir::consumer
