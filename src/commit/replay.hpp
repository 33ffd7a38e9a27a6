// Records that are replays of dead letters (header weir.replay). Whether one counts depends on its letter,
// which is known for sure only while it is locked in the flush's transaction. So a part carries its replays
// apart, and the flush settles them once the store has answered lock_dead_letters():
//
//   the letter   the replay is good        it is a duplicate by message_id   it is still bad
//   waiting      counted, letter marked    duplicate, letter marked          its letter has failed once more
//   replayed     duplicate                 duplicate                         its letter has failed once more
//   unknown      counted                   duplicate                         a dead letter of its own
//
// So no letter is counted twice however often it is sent, and the sum of dead_lettered is the sum of
// attempts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "commit/metrics_store.hpp"
#include "tally/tally.hpp"

namespace weir::commit {

// What became of a stretch of offsets.
struct Counts {
  std::int64_t read = 0;
  std::int64_t tallied = 0;
  std::int64_t duplicate = 0;
  std::int64_t dead_lettered = 0;
  std::int64_t skipped = 0;
};

// What a tally wants of an event, kept longer than the record's bytes.
class KeptEvent {
 public:
  KeptEvent(const tally::CountedEvent& event, std::uint64_t user_hash, RecordTime record_time);
  void add_to(tally::Tally& tally) const;

 private:
  struct KeptValue {
    tally::Dimension dimension;
    std::string text;
  };

  EventTime at_;
  bool is_page_view_;
  std::vector<KeptValue> values_;
  std::uint64_t user_hash_;
  RecordTime record_time_;
};

struct Replay {
  std::int64_t offset = 0;
  DeadLetterId source;
  // Neither of the two: a duplicate by its message_id.
  std::optional<KeptEvent> event;    // it is good
  std::optional<DeadLetter> letter;  // it is still bad; `at` is set by the flush
};

// The letters that one transaction has to do with, as they will stand when it is committed.
class ReplaySettlement {
 public:
  // As lock_dead_letters() answered, in the order asked.
  void locked(std::span<const DeadLetterId> sources, std::span<const DeadLetterState> states);
  // A letter that this transaction writes itself.
  void written(const DeadLetterId& source) { states_[source] = DeadLetterState::waiting; }

  [[nodiscard]] DeadLetterState state(const DeadLetterId& source) const;
  void mark_replayed(const DeadLetterId& source);
  void add_attempt(const DeadLetterId& source) { ++failed_[source]; }

  // For Changes.
  [[nodiscard]] const std::vector<DeadLetterId>& replayed() const { return replayed_; }
  [[nodiscard]] std::vector<Changes::FailedReplay> failed() const;

 private:
  std::map<DeadLetterId, DeadLetterState> states_;
  std::vector<DeadLetterId> replayed_;
  std::map<DeadLetterId, std::int64_t> failed_;
};

// What a part's replays add to it.
struct SettledReplays {
  std::optional<tally::Tally> tally;            // the part's with its replays; nothing if none of them counts
  Counts counts;                                // all but read and skipped, which the part has
  std::vector<DeadLetter> letters;              // of no known letter
  std::map<std::string, std::int64_t> reasons;  // of those that are still bad
};

// In the order of the log; `tally` is the part's. The letters of all parts that are written together stand in
// `book` by now.
[[nodiscard]] SettledReplays settle(std::span<const Replay> replays, const tally::Tally& tally,
                                    const std::string& topic, ReplaySettlement& book);

}  // namespace weir::commit
