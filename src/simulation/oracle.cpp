// Oracle: what happened in the cluster, and the verdict of each record.
//
// A verdict is known when the record is appended, with two exceptions. A valid replay is decided by the
// transaction that commits it, for the state of its dead letter decides. A record that the log lost before it
// was read (Verdict::gone) is known by the ledger row, which counts it as skipped.
#include "simulation/oracle.hpp"

#include <algorithm>
#include <utility>

#include "base/hash.hpp"

namespace weir::simulation {

Oracle::Verdict Oracle::on_appended(std::int32_t partition, std::int64_t offset,
                                    const consumer::FakeRecord& record, const consumer::TestEvent& event,
                                    WallTime now) {
  auto& facts = facts_[partition];
  Fact fact{.event = event,
            .record_time = record.time,
            .lateness_time = std::min(record.time, now),
            .user_hash = murmur3(event.user).low};
  fact.hash =
      consumer::hash_of({.offset = offset, .time = record.time, .key = record.key, .value = record.value});
  if (event.kind != consumer::TestEvent::Kind::activity)
    fact.verdict = Verdict::dead_lettered;
  else if (event.message_id && is_duplicate(facts, offset, fact)) {
    fact.verdict = Verdict::duplicate;
    fact.is_repeated = true;
  }
  // A valid replay keeps this verdict until its transaction is committed.
  fact.first_verdict = fact.verdict;
  if (event.replay_of) fact.source = commit::parse_dead_letter_id(*event.replay_of);
  return facts.emplace(offset, std::move(fact)).first->second.verdict;
}

// The records of the old log stay: archived ledger rows are still compared with them.
void Oracle::on_topic_recreated() {
  for (auto& [partition, facts] : facts_) old_logs_[partition].push_back(std::exchange(facts, {}));
}

void Oracle::on_ledger_archived(const commit::LedgerArchival& archival) {
  const auto is_archived = [&](const auto& entry) {
    return entry.first.topic == commit::FakeMetricsStore::topic &&
           entry.first.partition == archival.seen.partition;
  };
  std::map<commit::DeadLetterId, DeadLetterRow> renamed;
  for (const auto& [id, row] : dead_letters_) {
    if (is_archived(std::pair(id, row))) renamed[{archival.as_topic, id.partition, id.offset}] = row;
  }
  std::erase_if(dead_letters_, is_archived);
  dead_letters_.merge(renamed);
}

// Records after the restored next_offset are counted again, perhaps in another order of partitions.
void Oracle::restore_checkpoint(const commit::FakeTables& tables) {
  dead_letters_ = checkpoint_dead_letters_;
  std::map<const Facts*, std::int64_t> counted_to;
  for (const auto& [partition, row] : tables.ledgers) counted_to[&facts_of(*this, row)] = row.next_offset;
  for (const auto& [name, row] : tables.archived) counted_to[&facts_of(*this, row)] = row.next_offset;
  const auto reset_verdicts = [&](Facts& facts) {
    const auto counted = counted_to.find(&facts);
    for (auto at = facts.lower_bound(counted == counted_to.end() ? 0 : counted->second); at != facts.end();
         ++at)
      at->second.verdict = at->second.first_verdict;
  };
  for (auto& [partition, facts] : facts_) reset_verdicts(facts);
  for (auto& [partition, logs] : old_logs_) std::ranges::for_each(logs, reset_verdicts);
}

void Oracle::on_log_cut(std::int32_t partition, std::int64_t offset) {
  cut_at_[partition] = std::max(cut_at_[partition], offset);
}

// A gap is counted when the partition is opened, so it precedes all other records of the transaction.
void Oracle::mark_gone(const tally::LedgerRow& row, std::int64_t from) {
  const auto cut_at = cut_at_.find(row.partition);
  if (cut_at == cut_at_.end()) return;
  Facts& facts = facts_of(*this, row);
  std::int64_t missing = -row.read;
  for_each_counted(row,
                   [&](std::int64_t, const Fact& fact) { missing += fact.verdict == Verdict::gone ? 0 : 1; });
  for (auto at = facts.lower_bound(from); at != facts.end() && missing > 0 && at->first < cut_at->second;
       ++at, --missing)
    at->second.verdict = Verdict::gone;
}

// The order of a flush: first dead letters, then replays by partition and offset.
void Oracle::on_committed(const commit::Changes& changes,
                          const std::map<std::int32_t, commit::Fence>& before) {
  for (const tally::LedgerRow& row : changes.ledgers) {
    if (const auto was = before.find(row.partition); was != before.end())
      mark_gone(row, was->second.next_offset);
  }
  for (const bool replays : {false, true}) {
    for (const tally::LedgerRow& row : changes.ledgers) {
      const auto was = before.find(row.partition);
      if (was == before.end()) continue;
      Facts& facts = facts_of(*this, row);
      for (auto at = facts.lower_bound(was->second.next_offset);
           at != facts.end() && at->first < row.next_offset; ++at) {
        const commit::DeadLetterId id{commit::FakeMetricsStore::topic, row.partition, at->first};
        Fact& fact = at->second;
        if (fact.verdict == Verdict::gone) continue;
        if (fact.source && replays) decide_replay(id, fact);
        if (!fact.source && !replays && fact.verdict == Verdict::dead_lettered) dead_letters_[id] = {};
      }
    }
  }
}

// The table in commit/replay.hpp, applied to one replay.
void Oracle::decide_replay(const commit::DeadLetterId& id, Fact& fact) {
  const auto found = dead_letters_.find(*fact.source);
  const bool known = found != dead_letters_.end();
  if (fact.verdict == Verdict::dead_lettered) {
    if (known)
      ++found->second.attempts;
    else
      dead_letters_[id] = {};
    return;
  }
  const bool was_replayed = known && found->second.replayed;
  fact.verdict = fact.is_repeated || was_replayed ? Verdict::duplicate : Verdict::tallied;
  if (known) found->second.replayed = true;
}

// The rule of tally/dedupe.hpp, by a search through all earlier records.
bool Oracle::is_duplicate(const Facts& facts, std::int64_t offset, const Fact& fact) const {
  for (auto at = facts.rbegin(); at != facts.rend() && offset - at->first <= dedupe_.records; ++at) {
    const Fact& earlier = at->second;
    if (earlier.verdict == Verdict::dead_lettered || earlier.event.message_id != fact.event.message_id ||
        earlier.event.user != fact.event.user)
      continue;
    // The latest earlier record with the same id decides. Records before it have no effect.
    return fact.record_time - earlier.record_time <= dedupe_.window;
  }
  return false;
}

}  // namespace weir::simulation
