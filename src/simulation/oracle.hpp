// Computes what the store must contain for a given log, and compares it with the store.
//
// The oracle knows the TestEvents that were appended, so it uses the simplest means: no decoding, no merging,
// no bounded memory. simulation_test and scenario_test compare every transaction and the final state with it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "commit/testing/fake_metrics_store.hpp"
#include "consumer/commit_scheduler.hpp"
#include "consumer/partition_opener.hpp"
#include "consumer/testing/fake_dead_letter_topic.hpp"
#include "consumer/testing/fake_log_reader.hpp"
#include "consumer/testing/test_event.hpp"

namespace weir::simulation {

// One thread. Memory grows with the log; a run has some hundred records.
class Oracle {
 public:
  // What becomes of a record. gone: the log lost it before it was read.
  enum class Verdict : std::uint8_t { tallied, duplicate, dead_lettered, gone };

  // `dedupe`: of one partition. `retention`: as the consumer's settings.
  Oracle(consumer::DedupeBounds dedupe, const consumer::Retention& retention)
      : dedupe_(dedupe), retention_(retention) {}

  // What happens in the cluster.

  // The wall clock now shows `now`; it may step.
  void on_clock(WallTime now) { latest_ = std::max(latest_, now); }
  // A record was appended. Call it in the order of offsets; offsets without a call are holes. Returns the
  // record's verdict. For a valid replay the verdict is preliminary: the transaction that commits it decides.
  // `now`: the clock of the readers. It is before the record's time if that is in the future.
  Verdict on_appended(std::int32_t partition, std::int64_t offset, const consumer::FakeRecord& record,
                      const consumer::TestEvent& event, WallTime now);
  // The topic was recreated: later records are in new logs. The hash of a ledger row's last record tells
  // which log it has counted, so such a topic must have no holes.
  void on_topic_recreated();
  // A ledger row and its dead letters were archived under another topic name.
  void on_ledger_archived(const commit::LedgerArchival& archival);
  // The log lost its records before `offset`. Whether a record was read in time is known when the partition's
  // next transaction is committed.
  void on_log_cut(std::int32_t partition, std::int64_t offset);
  // A transaction was committed. `before`: each partition's next_offset and version before it.
  void on_committed(const commit::Changes& changes, const std::map<std::int32_t, commit::Fence>& before);
  // Remembers the committed state, as SimulatedCluster::checkpoint() does.
  void checkpoint() { checkpoint_dead_letters_ = dead_letters_; }
  // The store has the state of the last checkpoint again. Later verdicts are open again.
  void restore_checkpoint(const commit::FakeTables& tables);

  // The comparison. Each returns the first difference as text, or nullopt.

  // Compares the store with the records before each ledger row's next_offset. It covers ledger rows, windows
  // (as the views show them), horizons, dead letters and the sums of user_activity_metrics.
  [[nodiscard]] std::optional<std::string> find_fault(const commit::FakeDatabase& database) const;
  // Finds a window that retention should have pruned at the time `before`.
  [[nodiscard]] std::optional<std::string> find_unpruned(const commit::FakeDatabase& database,
                                                         WallTime before) const;
  // Checks one transaction: the ledger's identities, the order of versions and offsets, and the exact values
  // of the row in user_activity_metrics. `before`: each partition's next_offset and version before it.
  [[nodiscard]] std::optional<std::string> find_fault(
      const commit::Changes& changes, const std::map<std::int32_t, commit::Fence>& before) const;
  // Finds a dead letter of this transaction that has no copy on the dead letter topic.
  [[nodiscard]] std::optional<std::string> find_missing_copy(
      const commit::Changes& changes, const std::map<std::int32_t, commit::Fence>& before,
      const consumer::FakeDlq& dlq) const;

 private:
  // A record and what became of it.
  struct Fact {
    consumer::TestEvent event;
    RecordTime record_time;
    // The time by which the event may be too old for its minute.
    RecordTime lateness_time;
    std::uint64_t user_hash = 0;
    // The verdict before the record is committed.
    Verdict first_verdict = Verdict::tallied;
    // For a valid replay: the verdict as last committed.
    Verdict verdict = Verdict::tallied;
    // The message_id was seen before.
    bool is_repeated = false;
    // The dead letter of which the record is a replay.
    std::optional<commit::DeadLetterId> source;
    std::int64_t hash = 0;
  };
  // The records of one log of one partition, by offset.
  using Facts = std::map<std::int64_t, Fact>;
  // A row of activity_dead_letters.
  struct DeadLetterRow {
    std::int64_t attempts = 1;
    bool replayed = false;

    friend bool operator==(const DeadLetterRow&, const DeadLetterRow&) = default;
  };
  // What a row of a view must show.
  struct Sums {
    std::int64_t events = 0;
    std::int64_t page_views = 0;
    std::set<std::uint64_t> users;

    friend bool operator==(const Sums&, const Sums&) = default;
  };
  using View = std::map<tally::WindowKey, Sums>;

  void decide_replay(const commit::DeadLetterId& id, Fact& fact);
  // Gives the records that the ledger row counts as skipped the verdict gone.
  void mark_gone(const tally::LedgerRow& row, std::int64_t from);
  // Applies the dedupe rule to the earlier records of the partition.
  [[nodiscard]] bool is_duplicate(const Facts& facts, std::int64_t offset, const Fact& fact) const;
  // The records of the log that a ledger row has counted.
  template <class Self>
  [[nodiscard]] static auto& facts_of(Self& self, const tally::LedgerRow& row);
  // Calls see(offset, fact) or see(partition, fact) for each record that a ledger row, or any row, has
  // counted.
  template <class See>
  void for_each_counted(const tally::LedgerRow& row, See see) const;
  template <class See>
  void for_each_counted(const commit::FakeDatabase& database, See see) const;
  // Returns the rows that the views must show.
  [[nodiscard]] View expected(const commit::FakeDatabase& database) const;
  // Whether the event is counted by hour and day only.
  [[nodiscard]] bool is_too_old(const Fact& fact) const;
  // Returns the horizon of minutes that the counted events require.
  [[nodiscard]] WallTime minute_horizon(const commit::FakeDatabase& database) const;
  // The highest horizon that pruning may have set by now.
  [[nodiscard]] WallTime pruned_at_most(tally::Granularity granularity) const;
  void add(View& view, std::int32_t partition, const Fact& fact) const;
  // Each compares one part of the store and returns the first difference.
  [[nodiscard]] std::optional<std::string> ledger_fault(const tally::LedgerRow& row) const;
  [[nodiscard]] std::optional<std::string> overlap_fault(const commit::FakeDatabase& database) const;
  [[nodiscard]] std::optional<std::string> dead_letter_fault(const commit::FakeDatabase& database) const;
  [[nodiscard]] std::optional<std::string> horizon_fault(const commit::FakeDatabase& database) const;
  [[nodiscard]] static std::optional<std::string> view_fault(const commit::FakeDatabase& database,
                                                             const View& should);
  [[nodiscard]] std::optional<std::string> flush_fault(
      const commit::Changes& changes, const std::map<std::int32_t, commit::Fence>& before) const;

  consumer::DedupeBounds dedupe_;
  consumer::Retention retention_;
  // The latest time that the wall clock has shown.
  WallTime latest_;
  // The present log of each partition, and the logs before it was recreated.
  std::map<std::int32_t, Facts> facts_;
  std::map<std::int32_t, std::vector<Facts>> old_logs_;
  // For a ledger row without a known log.
  Facts no_facts_;
  // Records before this offset were deleted from the log.
  std::map<std::int32_t, std::int64_t> cut_at_;
  // The table of dead letters, as committed.
  std::map<commit::DeadLetterId, DeadLetterRow> dead_letters_;
  std::map<commit::DeadLetterId, DeadLetterRow> checkpoint_dead_letters_;
};

template <class Self>
auto& Oracle::facts_of(Self& self, const tally::LedgerRow& row) {
  const auto present = self.facts_.find(row.partition);
  if (present == self.facts_.end()) return self.no_facts_;
  const auto old = self.old_logs_.find(row.partition);
  if (old == self.old_logs_.end()) return present->second;
  const auto is_of = [&](const Facts& facts) {
    const auto last = facts.find(row.next_offset - 1);
    return last != facts.end() && last->second.hash == row.last_record_hash;
  };
  const auto found = std::ranges::find_if(old->second, is_of);
  if (found != old->second.end()) return *found;
  return is_of(present->second) ? present->second : self.no_facts_;
}

template <class See>
void Oracle::for_each_counted(const tally::LedgerRow& row, See see) const {
  const Facts& facts = facts_of(*this, row);
  const auto end = facts.lower_bound(row.next_offset);
  for (auto at = facts.lower_bound(row.start_offset); at != end; ++at) see(at->first, at->second);
}

template <class See>
void Oracle::for_each_counted(const commit::FakeDatabase& database, See see) const {
  const auto pass = [&](const tally::LedgerRow& row) {
    for_each_counted(row, [&](std::int64_t, const Fact& fact) { see(row.partition, fact); });
  };
  for (const auto& [partition, row] : database.ledgers) pass(row);
  for (const auto& [name, row] : database.archived) pass(row);
}

}  // namespace weir::simulation
