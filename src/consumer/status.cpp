#include "consumer/status.hpp"

#include <algorithm>

namespace weir::consumer {

void Durations::add(std::chrono::nanoseconds took) {
  const auto border = std::ranges::lower_bound(borders, took);
  ++counts[static_cast<std::size_t>(border - borders.begin())];
  sum += took;
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

std::optional<std::chrono::milliseconds> Status::oldest_unread_age(WallTime now) const {
  if (oldest_unread_at) return std::max(std::chrono::milliseconds{0}, now - *oldest_unread_at);
  const bool none_waits = std::ranges::all_of(partitions, [](const PartitionStatus& held) {
    return held.state == PartitionStatus::State::live && held.ledger && held.ledger->lag() <= 0;
  });
  if (phase == Phase::starting || !none_waits) return std::nullopt;
  return std::chrono::milliseconds{0};
}

std::int64_t Status::count(const commit::Transaction& transaction, CommitScheduler::Kind kind, Now now) {
  std::int64_t passed = 0;
  bool written = false;
  for (const commit::PartitionCommit& claim : transaction.commits()) {
    if (claim.result != commit::CommitResult::committed) continue;
    written = true;
    passed += claim.after.next_offset - claim.before.next_offset;
    counts.read += claim.after.read - claim.before.read;
    counts.tallied += claim.after.tallied - claim.before.tallied;
    counts.duplicate += claim.after.duplicate - claim.before.duplicate;
    counts.dead_lettered += claim.after.dead_lettered - claim.before.dead_lettered;
    counts.skipped += claim.after.skipped - claim.before.skipped;
  }
  if (!written) return 0;
  ++(kind == CommitScheduler::Kind::flush ? flushes : roll_ups);
  if (kind == CommitScheduler::Kind::flush) last_good_flush = now;
  const commit::Plan::Counted& done = transaction.plan().counted();
  windows_opened += done.windows_opened;
  for (const auto& [reason, count] : done.dead_letters) dead_letters[reason] += count;
  return passed;
}

}  // namespace weir::consumer
