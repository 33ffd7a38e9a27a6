// What the store must say about a log, reckoned from what was put into the log by the simplest means: no decoding, no
// merging, no memory that is bounded. The other side of the comparison in simulation_test and story_test.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "rollup/fake_letter_copies.hpp"
#include "rollup/fake_log_reader.hpp"
#include "rollup/fake_metrics_store.hpp"
#include "rollup/opening.hpp"

namespace weir::rollup {

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
  std::optional<std::string> message_id;
  WallTime at;                           // when it happened
  std::optional<std::string> replay_of;  // header weir.replay
};

// The record's bytes.
[[nodiscard]] FakeRecord written_down(const Told& told, RecordTime record_time);

class Oracle {
 public:
  enum class Verdict : std::uint8_t { tallied, duplicate, dead_lettered, gone };

  Oracle(DedupeBounds dedupe, std::chrono::days minute_retention)
      : dedupe_(dedupe), minute_retention_(minute_retention) {}

  // In the order of offsets. Offsets that are never told of are holes. Of a good replay the answer is a guess: what
  // becomes of it shows when it is committed.
  Verdict told(std::int32_t partition, std::int64_t offset, const FakeRecord& record, const Told& what);
  // The topic was made anew: from now on what is told is in other logs. Which of them an account is about is known by
  // the hash of its last record, so there must be no holes then.
  void made_anew();
  // An account was put away, and its letters with it.
  void retired(const Retirement& retirement);
  // The log lost what stands below this offset. Of a record that was not read in time, what becomes of it shows when
  // it is committed.
  void cut_off(std::int32_t partition, std::int64_t offset);

  // A transaction has been committed; `before` holds each partition's next_offset and version as they were.
  void committed(const Changes& changes, const std::map<std::int32_t, Fence>& before);
  // The store keeps what it has now, and after a power cut it has no more than that.
  void keep() { kept_letters_ = letters_; }
  void fall_back() { letters_ = kept_letters_; }

  // What is wrong in the store, if anything is: its ledgers, windows (as the views show them), letters and sums of
  // user_activity_metrics against the records before each ledger's next_offset.
  [[nodiscard]] std::optional<std::string> find_fault(const FakeDatabase& database) const;
  // What is wrong in one transaction: identities, order of versions and offsets, and the flush's exact numbers.
  // `before` holds each partition's next_offset and version as they were.
  [[nodiscard]] std::optional<std::string> find_fault(const Changes& changes,
                                                      const std::map<std::int32_t, Fence>& before) const;
  // A dead letter of this transaction of which there is no copy.
  [[nodiscard]] std::optional<std::string> find_uncopied(const Changes& changes,
                                                         const std::map<std::int32_t, Fence>& before,
                                                         const FakeLetterTopic& copies) const;

 private:
  struct Fact {
    Told what;
    RecordTime record_time;
    Verdict verdict = Verdict::tallied;  // of a good replay: as last committed
    bool repeated = false;               // by its message_id
    std::optional<LetterSource> source;  // it is a replay of this
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

  void settle_replay(const LetterSource& place, Fact& fact);
  void mark_gone(const tally::LedgerRow& row, std::int64_t from);
  [[nodiscard]] bool is_duplicate(const Facts& facts, std::int64_t offset, const Fact& fact) const;
  // Of the log that an account is about.
  template <class Self>
  [[nodiscard]] static auto& facts_in(Self& self, const tally::LedgerRow& account);
  // Those that an account says are counted.
  template <class See>
  void for_each_counted(const tally::LedgerRow& account, See see) const;
  template <class See>
  void for_each_counted(const FakeDatabase& database, See see) const;  // see(partition, fact)
  [[nodiscard]] View expected(const FakeDatabase& database) const;
  [[nodiscard]] bool is_old(const Fact& fact) const;
  [[nodiscard]] WallTime minute_horizon(const FakeDatabase& database) const;
  void add(View& view, std::int32_t partition, const Fact& fact) const;
  [[nodiscard]] std::optional<std::string> ledger_fault(const tally::LedgerRow& row) const;
  [[nodiscard]] std::optional<std::string> account_fault(const FakeDatabase& database) const;
  [[nodiscard]] std::optional<std::string> letter_fault(const FakeDatabase& database) const;

  DedupeBounds dedupe_;
  std::chrono::days minute_retention_;
  std::map<std::int32_t, Facts> facts_;
  std::map<std::int32_t, std::vector<Facts>> facts_of_old_logs_;
  Facts no_facts_;
  std::map<std::int32_t, std::int64_t> cut_at_;
  std::map<LetterSource, Letter> letters_;  // of what is committed
  std::map<LetterSource, Letter> kept_letters_;
};

}  // namespace weir::rollup
