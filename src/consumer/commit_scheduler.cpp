// The order of decisions in next():
//
//   at_once (stopping, or a partition was revoked)   flush what is pending, nothing else
//   flush and roll-up both due                       the kind that did not run last, so that neither starves
//   flush due                                        by Pacing, or to renew an observation
//   roll-up due                                      looked for once a second
//
// A flush takes batches of the partitions in turn until one more would exceed the transaction's size. The
// next flush begins with the partition that was left out.
#include "consumer/commit_scheduler.hpp"

#include <algorithm>
#include <utility>

#include "commit/roll_up.hpp"

namespace weir::consumer {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr seconds roll_up_check_every{1};
constexpr minutes metrics_prune_every{1};

bool may_write(const AssignedPartition& assigned) {
  return assigned.state == AssignedPartition::State::open && !assigned.partition->is_catching_up() &&
         !assigned.in_transaction;
}

commit::PartitionCommit commit_of(const AssignedPartition& assigned, tally::LedgerRow after, WallTime now) {
  // Every transaction renews the observation, since it writes the ledger row anyway.
  after.observed = assigned.partition->observation_at(after.next_offset, now);
  return {
      .generation = assigned.generation, .before = assigned.partition->ledger(), .after = std::move(after)};
}

struct PruneInterval {
  tally::Granularity granularity;
  seconds every;
};
constexpr std::array prune_intervals{PruneInterval{tally::Granularity::minute, minutes{1}},
                                     PruneInterval{tally::Granularity::hour, hours{1}},
                                     PruneInterval{tally::Granularity::day, hours{1}}};

std::chrono::days retention_of(const Retention& retention, tally::Granularity granularity) {
  if (granularity == tally::Granularity::minute) return retention.minute;
  return granularity == tally::Granularity::hour ? retention.hour : retention.day;
}

// Returns the revoked partitions first, then the others: from number `from` to the last, then from the first.
std::vector<std::pair<std::int32_t, AssignedPartition*>> in_turn(AssignedPartitions& partitions,
                                                                 std::int32_t from) {
  std::vector<std::pair<std::int32_t, AssignedPartition*>> turns;
  const auto add = [&](bool revoked, auto first, auto last) {
    for (auto at = first; at != last; ++at) {
      if (at->second.revoke_by.has_value() == revoked) turns.emplace_back(at->first, &at->second);
    }
  };
  const auto middle = partitions.lower_bound(from);
  add(true, partitions.begin(), partitions.end());
  add(false, middle, partitions.end());
  add(false, partitions.begin(), middle);
  return turns;
}

bool exceeds(const commit::RowBounds& size, const commit::RowBounds& bounds) {
  return size.rows > bounds.rows || size.bytes > bounds.bytes;
}

}  // namespace

std::optional<CommitScheduler::Scheduled> CommitScheduler::next(AssignedPartitions& partitions, Now now,
                                                                WallTime settled, bool at_once) {
  note_pending(partitions, now.mono);
  // A partition that is in a transaction or is catching up has to wait.
  if (at_once) {
    const bool has_unwritten = std::ranges::any_of(partitions, [](const auto& entry) {
      return may_write(entry.second) && entry.second.partition->has_unwritten();
    });
    if (has_unwritten) return make_flush(partitions, now, settled);
    return std::nullopt;
  }
  const bool flush_due = flush_is_due(partitions, now.mono);
  if (flush_due && last_ == Kind::roll_up) {
    if (std::optional<Scheduled> flush = make_flush(partitions, now, settled)) return flush;
  }
  if (!roll_up_checked_at_ || now.mono >= *roll_up_checked_at_ + roll_up_check_every) {
    if (std::optional<Scheduled> roll_up = make_roll_up(partitions, now, settled)) return roll_up;
    roll_up_checked_at_ = now.mono;
  }
  if (flush_due) return make_flush(partitions, now, settled);
  return std::nullopt;
}

void CommitScheduler::on_committed(Kind kind, MonoTime now) {
  last_ = kind;
  if (kind == Kind::flush) pacing_.on_flush_committed(now);
  size_.on_committed();
}

void CommitScheduler::prune_again(AssignedPartitions& partitions, MonoTime now) {
  const auto [partition, granularity] = last_prune_;
  const auto found = partitions.find(partition);
  if (found == partitions.end()) return;
  // As if the interval had passed: the next flush continues the prune.
  const auto at = static_cast<std::size_t>(granularity);
  found->second.pruned_at[at] = now - prune_intervals[at].every;
}

void CommitScheduler::on_timeout(const commit::RowBounds& size, AssignedPartitions& partitions) {
  size_.on_timeout(size);
  for (auto& [number, assigned] : partitions) {
    if (assigned.partition) assigned.partition->set_batch_bounds(batch_bounds());
  }
}

commit::RowBounds CommitScheduler::batch_bounds() const {
  return {std::min(settings_.batch.rows, size_.current().rows),
          std::min(settings_.batch.bytes, size_.current().bytes)};
}

MonoTime CommitScheduler::next_deadline(const AssignedPartitions& partitions, MonoTime now) {
  note_pending(partitions, now);
  MonoTime at = roll_up_checked_at_ ? *roll_up_checked_at_ + roll_up_check_every : now;
  if (const std::optional<MonoTime> due = pacing_.flush_due_at()) at = std::min(at, *due);
  return at;
}

// A batch of skipped offsets alone counts as one event, so that it is written, too. A batch that waits for
// the dead letter topic counts only once it can be written, and then it is overdue. The batches after it wait
// with it.
//
// Half of the backlog's bounds is as urgent as a full batch. Otherwise a consumer that reads faster than
// these bounds per flush interval would wait, paused, for the interval to end.
void CommitScheduler::note_pending(const AssignedPartitions& partitions, MonoTime now) {
  std::int64_t events = 0;
  bool overdue = false;
  bool full = false;
  commit::Backlog backlog;
  for (const auto& [number, assigned] : partitions) {
    if (assigned.state != AssignedPartition::State::open) continue;
    overdue = overdue || assigned.partition->has_writable_batch();
    full = full || assigned.partition->has_full_batch();
    const commit::PendingBatch& batch = assigned.partition->open_batch();
    if (batch.empty() || assigned.partition->waits_for_dlq()) continue;
    events += std::max<std::int64_t>(batch.counts.read, 1);
    backlog += batch.backlog();
  }
  pacing_.set_pending(events, now, overdue, full || (events > 0 && backlog_.are_reached(backlog, 2)));
}

bool CommitScheduler::flush_is_due(const AssignedPartitions& partitions, MonoTime now) {
  if (const std::optional<MonoTime> due = pacing_.flush_due_at(); due && *due <= now) return true;
  return std::ranges::any_of(partitions, [&](const auto& entry) {
    return may_write(entry.second) && observation_is_due(entry.second, now);
  });
}

bool CommitScheduler::observation_is_due(const AssignedPartition& assigned, MonoTime now) const {
  return now >= assigned.observed_at + settings_.observe_every;
}

std::optional<CommitScheduler::Scheduled> CommitScheduler::make_flush(AssignedPartitions& partitions, Now now,
                                                                      WallTime settled) {
  std::vector<commit::PartitionCommit> commits;
  std::vector<commit::Flush::PartitionBatch> batches;
  commit::RowBounds size{.rows = 0, .bytes = 0};
  for (auto& [number, assigned] : in_turn(partitions, flush_from_)) {
    if (!may_write(*assigned)) continue;
    assigned->partition->seal_open_batch();
    const bool writable = assigned->partition->has_writable_batch();
    if (!writable && !observation_is_due(*assigned, now.mono)) continue;
    if (writable) {
      size.rows += assigned->partition->first_sealed_batch()->rows();
      size.bytes += assigned->partition->first_sealed_batch()->bytes();
    }
    // The first partition is always taken, however large its batch is.
    if (!commits.empty() && exceeds(size, size_.current())) {
      flush_from_ = number;
      break;
    }
    commit::PendingBatch batch = assigned->partition->take_batch();
    commits.push_back(commit_of(*assigned, batch.added_to(assigned->partition->ledger()), now.wall));
    if (!batch.empty()) batches.push_back({number, std::move(batch)});
    assigned->observed_at = now.mono;
    assigned->in_transaction = true;
  }
  if (commits.empty()) return std::nullopt;  // every batch waits for the dead letter topic
  commit::Flush::Pruning pruning = make_pruning(partitions, commits, now.mono, settled);
  pacing_.on_flush_started(now.mono);
  note_pending(partitions, now.mono);  // the batches in this flush are no longer pending
  auto plan = std::make_unique<commit::Flush>(std::move(batches), std::move(pruning), topic_, settings_.step);
  return Scheduled{Kind::flush,
                   std::make_unique<commit::Transaction>(std::move(commits), std::move(plan), settled)};
}

commit::Flush::Pruning CommitScheduler::make_pruning(AssignedPartitions& partitions,
                                                     const std::vector<commit::PartitionCommit>& commits,
                                                     MonoTime now, WallTime settled) {
  commit::Flush::Pruning pruning;
  if (std::optional<commit::Prune> prune = next_prune(partitions, commits, now, settled))
    pruning.windows.push_back(*prune);
  const bool is_due = !metrics_pruned_at_ || now >= *metrics_pruned_at_ + metrics_prune_every;
  if (is_due && settings_.retention.metrics.count() > 0) {
    pruning.flushes_before = settled - settings_.retention.metrics;
    metrics_pruned_at_ = now;
  }
  return pruning;
}

// Returns the one prune that is overdue the longest: each prune delays the flush that contains it.
std::optional<commit::Prune> CommitScheduler::next_prune(AssignedPartitions& partitions,
                                                         const std::vector<commit::PartitionCommit>& commits,
                                                         MonoTime now, WallTime settled) {
  std::optional<commit::Prune> next;
  MonoTime due_at = now;
  for (const commit::PartitionCommit& each : commits) {
    const AssignedPartition& assigned = partitions.at(each.partition());
    for (const auto& [granularity, every] : prune_intervals) {
      const std::chrono::days retention = retention_of(settings_.retention, granularity);
      const MonoTime due = assigned.pruned_at[static_cast<std::size_t>(granularity)] + every;
      if (retention.count() == 0 || due > due_at) continue;
      due_at = due;
      next = {.partition = each.partition(),
              .granularity = granularity,
              .before = settled - retention,
              .now = settled};
    }
  }
  if (!next) return next;
  partitions.at(next->partition).pruned_at[static_cast<std::size_t>(next->granularity)] = now;
  last_prune_ = {next->partition, next->granularity};
  return next;
}

std::optional<CommitScheduler::Scheduled> CommitScheduler::make_roll_up(AssignedPartitions& partitions,
                                                                        Now now, WallTime settled) {
  std::vector<commit::PartitionCommit> commits;
  std::vector<commit::RollUp::PartitionBatch> batches;
  std::size_t minutes_left = settings_.roll_up_minutes_max;
  for (auto& [number, assigned] : in_turn(partitions, roll_up_from_)) {
    if (!may_write(*assigned) || assigned->revoke_by || minutes_left == 0) continue;
    // The multiplier spreads neighbouring partitions over the whole stagger.
    const auto span = settings_.roll_up_stagger.count() + 1;
    const seconds stagger{(number * 7) % span};
    const MonoTime quiet_since = now.mono - settings_.roll_up_quiet - stagger;
    std::vector<WindowStart> quiet = assigned->partition->quiet_minutes(quiet_since, minutes_left);
    if (quiet.empty()) continue;
    minutes_left -= quiet.size();
    commits.push_back(commit_of(*assigned, assigned->partition->ledger(), now.wall));
    batches.push_back({number, std::move(quiet)});
    assigned->observed_at = now.mono;
    assigned->in_transaction = true;
    roll_up_from_ = number + 1;
  }
  if (commits.empty()) return std::nullopt;
  auto plan = std::make_unique<commit::RollUp>(std::move(batches), size_.current(), settings_.step);
  return Scheduled{Kind::roll_up,
                   std::make_unique<commit::Transaction>(std::move(commits), std::move(plan), settled)};
}

}  // namespace weir::consumer
