// What the store must say about a log, reckoned from what was put into the log by the simplest means: no
// decoding, no merging, no memory that is bounded. The other side of the comparison in simulation_test and
// story_test.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "commit/testing/fake_metrics_store.hpp"
#include "consumer/commit_scheduler.hpp"
#include "consumer/partition_opener.hpp"
#include "consumer/testing/fake_dead_letter_topic.hpp"
#include "consumer/testing/fake_log_reader.hpp"

namespace weir::simulation {

// A record as the test means it.
struct Told {
  enum class Kind : std::uint8_t {
    activity,
    garbage,
    without_value,
    ahead
  };  // the last three are dead letters

  Kind kind = Kind::activity;
  std::string user = "u";
  std::string type = "page_view";
  std::string page;      // a path; empty: none
  std::string referrer;  // a host; empty: none
  std::string campaign;  // metadata.campaign; empty: none
  std::string term;      // the parameter `term` of the page's query; empty: none
  std::optional<std::string> message_id;
  WallTime at;                           // when it happened
  std::optional<std::string> replay_of;  // header weir.replay
};

// Of metadata.campaign and query.term.
[[nodiscard]] std::vector<tally::CountedDimension> own_dimensions();

// The record's bytes.
[[nodiscard]] consumer::FakeRecord written_down(const Told& told, RecordTime record_time);

class Oracle {
 public:
  enum class Verdict : std::uint8_t { tallied, duplicate, dead_lettered, gone };

  // `dimensions`: those that the consumers count besides the built-in ones; of own_dimensions().
  Oracle(consumer::DedupeBounds dedupe, const consumer::Retention& retention,
         std::vector<tally::CountedDimension> dimensions)
      : dedupe_(dedupe), retention_(retention), dimensions_(std::move(dimensions)) {}

  // The wall clock shows this now; it may jump.
  void clock_shows(WallTime now) { latest_ = std::max(latest_, now); }
  // In the order of offsets. Offsets that are never told of are holes. Of a good replay the answer is a
  // guess: what becomes of it shows when it is committed. `now`: what the clock of those who read it shows,
  // about: it is earlier than the record's time where that is from the future.
  Verdict told(std::int32_t partition, std::int64_t offset, const consumer::FakeRecord& record,
               const Told& what, WallTime now);
  // The topic was made anew: from now on what is told is in other logs. Which of them an account is about is
  // known by the hash of its last record, so there must be no holes then.
  void made_anew();
  // An account was put away, and its letters with it.
  void retired(const commit::LedgerArchival& retirement);
  // The log lost what stands below this offset. Of a record that was not read in time, what becomes of it
  // shows when it is committed.
  void cut_off(std::int32_t partition, std::int64_t offset);

  // A transaction has been committed; `before` holds each partition's next_offset and version as they were.
  void committed(const commit::Changes& changes, const std::map<std::int32_t, commit::Fence>& before);
  // What the store has now is what it may fall back to…
  void keep() { kept_letters_ = letters_; }
  // …and here it has: what was committed since is to be judged again, and may be judged otherwise.
  void fall_back(const commit::FakeTables& tables);

  // What is wrong in the store, if anything is: its ledgers, windows (as the views show them), horizons,
  // letters and sums of user_activity_metrics against the records before each ledger's next_offset.
  [[nodiscard]] std::optional<std::string> find_fault(const commit::FakeDatabase& database) const;
  // A window that retention should have taken by `before` less its granularity's days, and has not.
  [[nodiscard]] std::optional<std::string> find_unpruned(const commit::FakeDatabase& database,
                                                         WallTime before) const;
  // What is wrong in one transaction: identities, order of versions and offsets, and the flush's exact
  // numbers. `before` holds each partition's next_offset and version as they were.
  [[nodiscard]] std::optional<std::string> find_fault(
      const commit::Changes& changes, const std::map<std::int32_t, commit::Fence>& before) const;
  // A dead letter of this transaction of which there is no copy.
  [[nodiscard]] std::optional<std::string> find_uncopied(const commit::Changes& changes,
                                                         const std::map<std::int32_t, commit::Fence>& before,
                                                         const consumer::FakeDlq& copies) const;

 private:
  struct Fact {
    Told what;
    RecordTime record_time;
    RecordTime lateness_time;  // by which it may be too old for its minute
    std::uint64_t user_hash = 0;
    Verdict first_verdict = Verdict::tallied;    // while it is not committed
    Verdict verdict = Verdict::tallied;          // of a good replay: as last committed
    bool repeated = false;                       // by its message_id
    std::optional<commit::DeadLetterId> source;  // it is a replay of this
    std::int64_t hash = 0;
  };
  using Facts = std::map<std::int64_t, Fact>;
  struct Letter {
    std::int64_t attempts = 1;
    bool replayed = false;

    friend bool operator==(const Letter&, const Letter&) = default;
  };
  struct Sums {
    std::int64_t events = 0;
    std::int64_t page_views = 0;
    std::set<std::uint64_t> users;

    friend bool operator==(const Sums&, const Sums&) = default;
  };
  using View = std::map<tally::WindowKey, Sums>;

  void settle_replay(const commit::DeadLetterId& place, Fact& fact);
  void mark_gone(const tally::LedgerRow& row, std::int64_t from);
  [[nodiscard]] bool is_duplicate(const Facts& facts, std::int64_t offset, const Fact& fact) const;
  // Of the log that an account is about.
  template <class Self>
  [[nodiscard]] static auto& facts_in(Self& self, const tally::LedgerRow& account);
  // Those that an account says are counted.
  template <class See>
  void for_each_counted(const tally::LedgerRow& account, See see) const;
  template <class See>
  void for_each_counted(const commit::FakeDatabase& database, See see) const;  // see(partition, fact)
  [[nodiscard]] View expected(const commit::FakeDatabase& database) const;
  [[nodiscard]] bool is_old(const Fact& fact) const;
  [[nodiscard]] WallTime minute_horizon(const commit::FakeDatabase& database) const;
  // The horizon that pruning may have raised by now.
  [[nodiscard]] WallTime pruned_at_most(tally::Granularity granularity) const;
  void add(View& view, std::int32_t partition, const Fact& fact) const;
  [[nodiscard]] std::optional<std::string> ledger_fault(const tally::LedgerRow& row) const;
  [[nodiscard]] std::optional<std::string> account_fault(const commit::FakeDatabase& database) const;
  [[nodiscard]] std::optional<std::string> letter_fault(const commit::FakeDatabase& database) const;
  [[nodiscard]] std::optional<std::string> horizon_fault(const commit::FakeDatabase& database) const;
  [[nodiscard]] static std::optional<std::string> view_fault(const commit::FakeDatabase& database,
                                                             const View& should);
  [[nodiscard]] std::optional<std::string> flush_fault(
      const commit::Changes& changes, const std::map<std::int32_t, commit::Fence>& before) const;

  consumer::DedupeBounds dedupe_;
  consumer::Retention retention_;
  std::vector<tally::CountedDimension> dimensions_;
  WallTime latest_;  // that any wall clock ever showed
  std::map<std::int32_t, Facts> facts_;
  std::map<std::int32_t, std::vector<Facts>> facts_of_old_logs_;
  Facts no_facts_;
  std::map<std::int32_t, std::int64_t> cut_at_;
  std::map<commit::DeadLetterId, Letter> letters_;  // of what is committed
  std::map<commit::DeadLetterId, Letter> kept_letters_;
};

template <class Self>
auto& Oracle::facts_in(Self& self, const tally::LedgerRow& account) {
  const auto present = self.facts_.find(account.partition);
  if (present == self.facts_.end()) return self.no_facts_;
  const auto old = self.facts_of_old_logs_.find(account.partition);
  if (old == self.facts_of_old_logs_.end()) return present->second;
  const auto is_of = [&](const Facts& facts) {
    const auto last = facts.find(account.next_offset - 1);
    return last != facts.end() && last->second.hash == account.last_record_hash;
  };
  const auto found = std::ranges::find_if(old->second, is_of);
  if (found != old->second.end()) return *found;
  return is_of(present->second) ? present->second : self.no_facts_;
}

template <class See>
void Oracle::for_each_counted(const tally::LedgerRow& account, See see) const {
  const Facts& facts = facts_in(*this, account);
  const auto end = facts.lower_bound(account.next_offset);
  for (auto at = facts.lower_bound(account.start_offset); at != end; ++at) see(at->first, at->second);
}

template <class See>
void Oracle::for_each_counted(const commit::FakeDatabase& database, See see) const {
  const auto pass = [&](const tally::LedgerRow& row) {
    for_each_counted(row, [&](std::int64_t, const Fact& fact) { see(row.partition, fact); });
  };
  for (const auto& [partition, row] : database.ledgers) pass(row);
  for (const auto& [name, row] : database.retired) pass(row);
}

}  // namespace weir::simulation
