#include "rollup/agenda.hpp"

#include <algorithm>
#include <utility>

#include "rollup/flush.hpp"
#include "rollup/roll_up.hpp"

namespace weir::rollup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr seconds roll_up_look_every{1};
constexpr minutes metrics_prune_every{1};

bool may_write(const Slot& slot) {
  return slot.state == Slot::State::held && !slot.partition->catching_up() && !slot.in_transaction;
}

Claim claim_of(const Slot& slot, tally::LedgerRow after, WallTime now) {
  after.observed = slot.partition->observe(after.next_offset, now);
  return {.generation = slot.generation, .before = slot.partition->ledger(), .after = std::move(after)};
}

}  // namespace

std::optional<Agenda::Item> Agenda::next(Slots& slots, Now now, bool at_once) {
  gather(slots, now.mono);
  if (at_once) {
    const bool anything = std::ranges::any_of(slots, [](const auto& entry) {
      return may_write(entry.second) && entry.second.partition->has_unwritten();
    });
    if (anything) return make_flush(slots, now);
    return std::nullopt;
  }
  // They take turns where both are due, so that a slow store starves neither.
  const bool flush_due = flush_is_due(slots, now.mono);
  if (flush_due && last_ == Kind::roll_up) {
    if (std::optional<Item> flush = make_flush(slots, now)) return flush;
  }
  if (!roll_up_looked_at_ || now.mono >= *roll_up_looked_at_ + roll_up_look_every) {
    if (std::optional<Item> roll_up = make_roll_up(slots, now)) return roll_up;
    roll_up_looked_at_ = now.mono;
  }
  if (flush_due) return make_flush(slots, now);
  return std::nullopt;
}

void Agenda::ended(Kind kind, MonoTime now) {
  last_ = kind;
  if (kind == Kind::flush) pacing_.ended(now);
}

MonoTime Agenda::wake_at(const Slots& slots, MonoTime now) {
  gather(slots, now);
  MonoTime at = roll_up_looked_at_ ? *roll_up_looked_at_ + roll_up_look_every : now;
  if (const std::optional<MonoTime> due = pacing_.due_at()) at = std::min(at, *due);
  return at;
}

// Stretches without any record count as one event, so that they are written down, too. What is held up counts not
// before it may be written, and then at once; what gathers behind it waits for it.
void Agenda::gather(const Slots& slots, MonoTime now) {
  std::int64_t events = 0;
  bool overdue = false;
  for (const auto& [number, slot] : slots) {
    if (slot.state != Slot::State::held) continue;
    overdue = overdue || slot.partition->writable();
    const Part& part = slot.partition->open_part();
    if (!part.empty() && !slot.partition->held_up()) events += std::max<std::int64_t>(part.counts.read, 1);
  }
  pacing_.gathered(events, now, overdue);
}

bool Agenda::flush_is_due(const Slots& slots, MonoTime now) {
  if (const std::optional<MonoTime> due = pacing_.due_at(); due && *due <= now) return true;
  return std::ranges::any_of(slots, [&](const auto& entry) {
    return may_write(entry.second) && observation_is_due(entry.second, now);
  });
}

bool Agenda::observation_is_due(const Slot& slot, MonoTime now) const {
  return now >= slot.observed_at + rules_.observe_every;
}

std::optional<Agenda::Item> Agenda::make_flush(Slots& slots, Now now) {
  std::vector<Claim> claims;
  std::vector<Flush::Share> shares;
  Flush::Pruning pruning;
  for (auto& [number, slot] : slots) {
    if (!may_write(slot)) continue;
    slot.partition->seal();
    if (!slot.partition->writable() && !observation_is_due(slot, now.mono)) continue;
    Part part = slot.partition->close_part();
    claims.push_back(claim_of(slot, part.added_to(slot.partition->ledger()), now.wall));
    if (!part.empty()) shares.push_back({number, std::move(part)});
    add_prunes(number, slot, now, pruning.windows);
    slot.observed_at = now.mono;
    slot.in_transaction = true;
  }
  if (claims.empty()) return std::nullopt;  // all is held up
  const bool look = !metrics_pruned_at_ || now.mono >= *metrics_pruned_at_ + metrics_prune_every;
  if (look && rules_.retention.metrics.count() > 0) {
    pruning.flushes_before = now.wall - rules_.retention.metrics;
    metrics_pruned_at_ = now.mono;
  }
  pacing_.started(now.mono);
  auto plan = std::make_unique<Flush>(std::move(shares), std::move(pruning), topic_);
  return Item{Kind::flush, std::make_unique<Transaction>(std::move(claims), std::move(plan), now.wall)};
}

void Agenda::add_prunes(std::int32_t partition, Slot& slot, Now now, std::vector<Prune>& prunes) const {
  using tally::Granularity;
  struct Turn {
    Granularity granularity;
    std::chrono::days retention;
    seconds every;
  };
  const std::array turns{Turn{Granularity::minute, rules_.retention.minute, minutes{1}},
                         Turn{Granularity::hour, rules_.retention.hour, hours{1}},
                         Turn{Granularity::day, rules_.retention.day, hours{1}}};
  for (const Turn& turn : turns) {
    MonoTime& looked_at = slot.pruned_at[static_cast<std::size_t>(turn.granularity)];
    if (turn.retention.count() == 0 || now.mono < looked_at + turn.every) continue;
    looked_at = now.mono;
    prunes.push_back(
        {.partition = partition, .granularity = turn.granularity, .before = now.wall - turn.retention});
  }
}

std::optional<Agenda::Item> Agenda::make_roll_up(Slots& slots, Now now) {
  std::vector<Claim> claims;
  std::vector<RollUp::Share> shares;
  std::size_t room = rules_.roll_up_minutes_max;
  for (auto& [number, slot] : slots) {
    if (!may_write(slot) || slot.revoke_by || room == 0) continue;
    // A multiplier that spreads neighbouring partitions over the whole span.
    const auto span = rules_.roll_up_stagger.count() + 1;
    const seconds stagger{(number * 7) % span};
    const MonoTime quiet_since = now.mono - rules_.roll_up_quiet - stagger;
    std::vector<WindowStart> quiet = slot.partition->quiet_minutes(quiet_since, room);
    if (quiet.empty()) continue;
    room -= quiet.size();
    claims.push_back(claim_of(slot, slot.partition->ledger(), now.wall));
    shares.push_back({number, std::move(quiet)});
    slot.observed_at = now.mono;
    slot.in_transaction = true;
  }
  if (claims.empty()) return std::nullopt;
  auto plan = std::make_unique<RollUp>(std::move(shares));
  return Item{Kind::roll_up, std::make_unique<Transaction>(std::move(claims), std::move(plan), now.wall)};
}

}  // namespace weir::rollup
