#include "consumer/commit_scheduler.hpp"

#include <algorithm>
#include <utility>

#include "commit/flush.hpp"
#include "commit/roll_up.hpp"

namespace weir::consumer {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr seconds roll_up_look_every{1};
constexpr minutes metrics_prune_every{1};

bool may_write(const Slot& slot) {
  return slot.state == Slot::State::held && !slot.partition->catching_up() && !slot.in_transaction;
}

commit::PartitionCommit claim_of(const Slot& slot, tally::LedgerRow after, WallTime now) {
  after.observed = slot.partition->observe(after.next_offset, now);
  return {.generation = slot.generation, .before = slot.partition->ledger(), .after = std::move(after)};
}

struct PruneTurn {
  tally::Granularity granularity;
  seconds every;
};
constexpr std::array prune_turns{PruneTurn{tally::Granularity::minute, minutes{1}},
                                 PruneTurn{tally::Granularity::hour, hours{1}},
                                 PruneTurn{tally::Granularity::day, hours{1}}};

std::chrono::days kept_for(const Retention& retention, tally::Granularity granularity) {
  if (granularity == tally::Granularity::minute) return retention.minute;
  return granularity == tally::Granularity::hour ? retention.hour : retention.day;
}

// Those that the log wants back, then all others from this partition on, round and round.
std::vector<std::pair<std::int32_t, Slot*>> in_turn(Slots& slots, std::int32_t from) {
  std::vector<std::pair<std::int32_t, Slot*>> turns;
  const auto add = [&](bool revoked, auto first, auto last) {
    for (auto at = first; at != last; ++at) {
      if (at->second.revoke_by.has_value() == revoked) turns.emplace_back(at->first, &at->second);
    }
  };
  const auto middle = slots.lower_bound(from);
  add(true, slots.begin(), slots.end());
  add(false, middle, slots.end());
  add(false, slots.begin(), middle);
  return turns;
}

bool is_beyond(const commit::RowBounds& size, const commit::RowBounds& bounds) {
  return size.rows > bounds.rows || size.bytes > bounds.bytes;
}

}  // namespace

std::optional<CommitScheduler::Item> CommitScheduler::next(Slots& slots, Now now, WallTime settled,
                                                           bool at_once) {
  gather(slots, now.mono);
  if (at_once) {
    const bool anything = std::ranges::any_of(slots, [](const auto& entry) {
      return may_write(entry.second) && entry.second.partition->has_unwritten();
    });
    if (anything) return make_flush(slots, now, settled);
    return std::nullopt;
  }
  // They take turns where both are due, so that a slow store starves neither.
  const bool flush_due = flush_is_due(slots, now.mono);
  if (flush_due && last_ == Kind::roll_up) {
    if (std::optional<Item> flush = make_flush(slots, now, settled)) return flush;
  }
  if (!roll_up_looked_at_ || now.mono >= *roll_up_looked_at_ + roll_up_look_every) {
    if (std::optional<Item> roll_up = make_roll_up(slots, now, settled)) return roll_up;
    roll_up_looked_at_ = now.mono;
  }
  if (flush_due) return make_flush(slots, now, settled);
  return std::nullopt;
}

void CommitScheduler::ended(Kind kind, MonoTime now) {
  last_ = kind;
  if (kind == Kind::flush) pacing_.ended(now);
  size_.committed();
}

void CommitScheduler::prune_again(Slots& slots, MonoTime now) {
  const auto slot = slots.find(pruned_.first);
  if (slot == slots.end()) return;
  const auto which = static_cast<std::size_t>(pruned_.second);
  slot->second.pruned_at[which] = now - prune_turns[which].every;
}

void CommitScheduler::took_too_long(const commit::RowBounds& size, Slots& slots) {
  size_.took_too_long(size);
  for (auto& [number, slot] : slots) {
    if (slot.partition) slot.partition->bound_parts(part_bounds());
  }
}

commit::RowBounds CommitScheduler::part_bounds() const {
  return {std::min(rules_.part.rows, size_.now().rows), std::min(rules_.part.bytes, size_.now().bytes)};
}

MonoTime CommitScheduler::next_deadline(const Slots& slots, MonoTime now) {
  gather(slots, now);
  MonoTime at = roll_up_looked_at_ ? *roll_up_looked_at_ + roll_up_look_every : now;
  if (const std::optional<MonoTime> due = pacing_.due_at()) at = std::min(at, *due);
  return at;
}

// Stretches without any record count as one event, so that they are written down, too. What is held up counts
// not before it may be written, and then at once; what gathers behind it waits for it.
void CommitScheduler::gather(const Slots& slots, MonoTime now) {
  std::int64_t events = 0;
  bool overdue = false;
  bool full = false;
  for (const auto& [number, slot] : slots) {
    if (slot.state != Slot::State::held) continue;
    overdue = overdue || slot.partition->writable();
    full = full || slot.partition->has_full_part();
    const commit::PendingBatch& part = slot.partition->open_part();
    if (!part.empty() && !slot.partition->held_up()) events += std::max<std::int64_t>(part.counts.read, 1);
  }
  pacing_.gathered(events, now, overdue, full);
}

bool CommitScheduler::flush_is_due(const Slots& slots, MonoTime now) {
  if (const std::optional<MonoTime> due = pacing_.due_at(); due && *due <= now) return true;
  return std::ranges::any_of(slots, [&](const auto& entry) {
    return may_write(entry.second) && observation_is_due(entry.second, now);
  });
}

bool CommitScheduler::observation_is_due(const Slot& slot, MonoTime now) const {
  return now >= slot.observed_at + rules_.observe_every;
}

std::optional<CommitScheduler::Item> CommitScheduler::make_flush(Slots& slots, Now now, WallTime settled) {
  std::vector<commit::PartitionCommit> claims;
  std::vector<commit::Flush::PartitionBatch> shares;
  commit::RowBounds size{.rows = 0, .bytes = 0};
  for (auto& [number, slot] : in_turn(slots, flush_from_)) {
    if (!may_write(*slot)) continue;
    slot->partition->seal();
    const bool writable = slot->partition->writable();
    if (!writable && !observation_is_due(*slot, now.mono)) continue;
    if (writable) {
      size.rows += slot->partition->first_part()->rows();
      size.bytes += slot->partition->first_part()->bytes();
    }
    if (!claims.empty() && is_beyond(size, size_.now())) {
      flush_from_ = number;  // the others follow in the next flush
      break;
    }
    commit::PendingBatch part = slot->partition->close_part();
    claims.push_back(claim_of(*slot, part.added_to(slot->partition->ledger()), now.wall));
    if (!part.empty()) shares.push_back({number, std::move(part)});
    slot->observed_at = now.mono;
    slot->in_transaction = true;
  }
  if (claims.empty()) return std::nullopt;  // all is held up
  commit::Flush::Pruning pruning;
  if (std::optional<commit::Prune> prune = next_prune(slots, claims, now.mono, settled))
    pruning.windows.push_back(*prune);
  const bool look = !metrics_pruned_at_ || now.mono >= *metrics_pruned_at_ + metrics_prune_every;
  if (look && rules_.retention.metrics.count() > 0) {
    pruning.flushes_before = settled - rules_.retention.metrics;
    metrics_pruned_at_ = now.mono;
  }
  pacing_.started(now.mono);
  gather(slots, now.mono);  // what is written now waits no longer
  auto plan = std::make_unique<commit::Flush>(std::move(shares), std::move(pruning), topic_, rules_.step);
  return Item{Kind::flush,
              std::make_unique<commit::Transaction>(std::move(claims), std::move(plan), settled)};
}

// One at a time, that which has waited longest: a prune holds up the flush that it is part of.
std::optional<commit::Prune> CommitScheduler::next_prune(Slots& slots,
                                                         const std::vector<commit::PartitionCommit>& claims,
                                                         MonoTime now, WallTime settled) {
  std::optional<commit::Prune> next;
  MonoTime due_at = now;
  for (const commit::PartitionCommit& claim : claims) {
    const Slot& slot = slots.at(claim.partition());
    for (const auto& [granularity, every] : prune_turns) {
      const std::chrono::days retention = kept_for(rules_.retention, granularity);
      const MonoTime due = slot.pruned_at[static_cast<std::size_t>(granularity)] + every;
      if (retention.count() == 0 || due > due_at) continue;
      due_at = due;
      next = {.partition = claim.partition(),
              .granularity = granularity,
              .before = settled - retention,
              .now = settled};
    }
  }
  if (!next) return next;
  slots.at(next->partition).pruned_at[static_cast<std::size_t>(next->granularity)] = now;
  pruned_ = {next->partition, next->granularity};
  return next;
}

std::optional<CommitScheduler::Item> CommitScheduler::make_roll_up(Slots& slots, Now now, WallTime settled) {
  std::vector<commit::PartitionCommit> claims;
  std::vector<commit::RollUp::PartitionBatch> shares;
  std::size_t room = rules_.roll_up_minutes_max;
  for (auto& [number, slot] : in_turn(slots, roll_up_from_)) {
    if (!may_write(*slot) || slot->revoke_by || room == 0) continue;
    // A multiplier that spreads neighbouring partitions over the whole span.
    const auto span = rules_.roll_up_stagger.count() + 1;
    const seconds stagger{(number * 7) % span};
    const MonoTime quiet_since = now.mono - rules_.roll_up_quiet - stagger;
    std::vector<WindowStart> quiet = slot->partition->quiet_minutes(quiet_since, room);
    if (quiet.empty()) continue;
    room -= quiet.size();
    claims.push_back(claim_of(*slot, slot->partition->ledger(), now.wall));
    shares.push_back({number, std::move(quiet)});
    slot->observed_at = now.mono;
    slot->in_transaction = true;
    roll_up_from_ = number + 1;
  }
  if (claims.empty()) return std::nullopt;
  auto plan = std::make_unique<commit::RollUp>(std::move(shares), size_.now(), rules_.step);
  return Item{Kind::roll_up,
              std::make_unique<commit::Transaction>(std::move(claims), std::move(plan), settled)};
}

}  // namespace weir::consumer
