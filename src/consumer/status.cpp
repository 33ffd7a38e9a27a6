// Status is filled in two ways. The consumer's thread adds each committed transaction (count()). The members
// that describe the present state are computed for each copy (add_partitions()).
#include "consumer/status.hpp"

#include <algorithm>

namespace weir::consumer {
namespace {

std::string dlq_wait_reason(const PendingDlqWrites& pending) {
  return "waiting for the dead letter topic to acknowledge " + std::to_string(pending.size()) +
         (pending.size() == 1 ? " dead letter: " : " dead letters: ") + pending.reason();
}

}  // namespace

void Durations::add(std::chrono::nanoseconds duration) {
  const auto bound = std::ranges::lower_bound(bounds, duration);
  ++counts[static_cast<std::size_t>(bound - bounds.begin())];
  sum += duration;
}

void FlushSizes::add(std::int64_t events) {
  const auto bound = std::ranges::lower_bound(bounds, events);
  ++counts[static_cast<std::size_t>(bound - bounds.begin())];
  sum += events;
}

std::vector<CappedCount> make_capped_counts(std::span<const tally::CountedDimension> own,
                                            std::span<const std::string> own_names) {
  std::vector<CappedCount> counts;
  for (const tally::DimensionDescriptor& each : tally::built_in_dimensions)
    if (each.is_capped) counts.push_back({each.dimension, std::string(each.name)});
  for (std::size_t i = 0; i < std::min(own.size(), own_names.size()); ++i)
    counts.push_back({own[i].dimension, own_names[i]});
  return counts;
}

std::string_view name_of(PartitionStatus::State state) {
  switch (state) {
    case PartitionStatus::State::opening:
      return "opening";
    case PartitionStatus::State::catching_up:
      return "catching_up";
    case PartitionStatus::State::live:
      return "live";
    case PartitionStatus::State::refused:
      return "refused";
  }
  return "";
}

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::starting:
      return "starting";
    case Phase::opening:
      return "opening partitions";
    case Phase::catching_up:
      return "catching up";
    case Phase::live:
      return "live";
    case Phase::draining:
      return "draining";
    case Phase::stopped:
      return "stopped";
  }
  return "";
}

PartitionStatus status_of(std::int32_t partition, const AssignedPartition& assigned) {
  PartitionStatus status{.partition = partition,
                         .reason = assigned.reason,
                         .needs_operator = assigned.needs_operator,
                         .paused = assigned.paused,
                         .ledger = {}};
  if (assigned.state == AssignedPartition::State::refused) status.state = PartitionStatus::State::refused;
  if (!assigned.partition) return status;
  // A partition that waits for the dead letter topic is still live: its observation is written.
  const Partition& open = *assigned.partition;
  status.state = open.is_catching_up() ? PartitionStatus::State::catching_up : PartitionStatus::State::live;
  if (open.pending_dlq_writes().is_failing()) status.reason = dlq_wait_reason(open.pending_dlq_writes());
  status.ledger = {.next_offset = open.ledger().next_offset,
                   .log_end = open.log_end(),
                   .oldest_unread_at = open.oldest_unread_at(),
                   .observed_at = open.ledger().observed.observed_at,
                   .dedupe_entries = open.dedupe().size(),
                   .dedupe_span = open.dedupe().span()};
  return status;
}

std::optional<std::chrono::milliseconds> PartitionStatus::oldest_unread_age(WallTime now) const {
  if (state != State::live || !ledger) return std::nullopt;
  if (ledger->oldest_unread_at)
    return std::max(std::chrono::milliseconds{0}, now - *ledger->oldest_unread_at);
  if (ledger->lag() > 0) return std::nullopt;
  return std::chrono::milliseconds{0};
}

bool Status::add_partitions(const AssignedPartitions& assigned_partitions) {
  partitions.reserve(assigned_partitions.size());
  bool catching_up = false;
  for (const auto& [number, assigned] : assigned_partitions) {
    partitions.push_back(status_of(number, assigned));
    if (!assigned.partition) continue;
    const Partition& open = *assigned.partition;
    catching_up = catching_up || open.is_catching_up();
    read_offset_sum += open.position();
    backlog_events += open.backlog().events;
    // The first partition whose copies fail is named; health shows one reason.
    dlq_pending += static_cast<std::int64_t>(open.pending_dlq_writes().size());
    if (open.pending_dlq_writes().is_failing() && dlq_reason.empty())
      dlq_reason = "partition " + std::to_string(number) + ": " + dlq_wait_reason(open.pending_dlq_writes());
    const std::optional<RecordTime> oldest = open.oldest_unread_at();
    if (oldest && (!oldest_unread_at || *oldest < *oldest_unread_at)) oldest_unread_at = oldest;
  }
  return catching_up;
}

std::optional<std::chrono::milliseconds> Status::oldest_unread_age(WallTime now) const {
  if (oldest_unread_at) return std::max(std::chrono::milliseconds{0}, now - *oldest_unread_at);
  const bool nothing_unread = std::ranges::all_of(partitions, [](const PartitionStatus& each) {
    return each.state == PartitionStatus::State::live && each.ledger && each.ledger->lag() <= 0;
  });
  if (phase == Phase::starting || !nothing_unread) return std::nullopt;
  return std::chrono::milliseconds{0};
}

std::int64_t Status::count(const commit::Transaction& transaction, CommitScheduler::Kind kind, Now now) {
  std::int64_t offsets = 0;
  const std::int64_t read_before = counts.read;
  bool written = false;
  // A partition whose fence failed is part of the transaction, but was not written.
  for (const commit::PartitionCommit& each : transaction.commits()) {
    if (each.result != commit::CommitResult::committed) continue;
    written = true;
    offsets += each.after.next_offset - each.before.next_offset;
    counts.read += each.after.read - each.before.read;
    counts.tallied += each.after.tallied - each.before.tallied;
    counts.duplicate += each.after.duplicate - each.before.duplicate;
    counts.dead_lettered += each.after.dead_lettered - each.before.dead_lettered;
    counts.skipped += each.after.skipped - each.before.skipped;
  }
  if (!written) return 0;  // every fence failed
  ++(kind == CommitScheduler::Kind::flush ? flushes : roll_ups);
  if (kind == CommitScheduler::Kind::flush) {
    last_good_flush = now;
    flush_sizes.add(counts.read - read_before);
  }
  const commit::Plan::Counted& counted = transaction.plan().counted();
  windows_opened += counted.windows_opened;
  for (const auto& [reason, count] : counted.dead_letters) dead_letters[reason] += count;
  rows_written += counted.rows;
  sketch_bytes_written += counted.sketch_bytes;
  for (CappedCount& each : capped)
    if (const auto found = counted.capped.find(each.dimension); found != counted.capped.end())
      each.values += found->second;
  return offsets;
}

}  // namespace weir::consumer
