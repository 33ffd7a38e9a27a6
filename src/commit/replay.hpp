// Replays of dead letters: records with the header weir.replay, which names the dead letter.
//
// Whether a replay counts depends on the state of its dead letter. That state is certain only while the row
// is locked in the transaction of the flush. So a PendingBatch keeps its replays apart, and the flush applies
// them after lock_dead_letters() has returned:
//
//   state of the     the replay is a        the replay is a duplicate    the replay is still not
//   dead letter      valid event            by its message_id            a valid event
//   waiting          tallied; marked as     duplicate; marked as         dead_lettered; one more
//                    replayed               replayed                     attempt of the dead letter
//   replayed         duplicate              duplicate                    dead_lettered; one more attempt
//   unknown          tallied                duplicate                    dead_lettered; a new dead letter
//
// So no dead letter is tallied twice, however often it is replayed. And the sum of dead_lettered over all
// ledger rows equals the sum of attempts over all dead letters.
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

// What the offsets of a range counted as. The members have the meaning of the ledger's columns.
struct Counts {
  std::int64_t read = 0;
  std::int64_t tallied = 0;
  std::int64_t duplicate = 0;
  std::int64_t dead_lettered = 0;
  std::int64_t skipped = 0;
};

// The members of an event that a Tally needs. Owns its texts, so it outlives the bytes of the record.
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

// A replay of the dead letter `source`. It has an `event` if it is valid, a `dead_letter` if it is not, and
// neither if it is a duplicate. The flush sets `dead_letter->at`.
struct Replay {
  std::int64_t offset = 0;
  DeadLetterId source;
  std::optional<KeptEvent> event;
  std::optional<DeadLetter> dead_letter;
};

// The dead letters that one transaction reads or changes, in the state that its commit will give them. One
// transaction uses it, on one thread.
class ReplaySettlement {
 public:
  // `states` is the result of lock_dead_letters(sources), in the same order.
  void locked(std::span<const DeadLetterId> sources, std::span<const DeadLetterState> states);
  // This transaction inserts the dead letter.
  void written(const DeadLetterId& source) { states_[source] = DeadLetterState::waiting; }

  [[nodiscard]] DeadLetterState state(const DeadLetterId& source) const;
  void mark_replayed(const DeadLetterId& source);
  void add_attempt(const DeadLetterId& source) { ++failed_[source]; }

  // For the members of Changes with the same names.
  [[nodiscard]] const std::vector<DeadLetterId>& replayed() const { return replayed_; }
  [[nodiscard]] std::vector<Changes::FailedReplay> failed() const;

 private:
  std::map<DeadLetterId, DeadLetterState> states_;
  std::vector<DeadLetterId> replayed_;
  std::map<DeadLetterId, std::int64_t> failed_;
};

// What the replays of a batch add to it.
struct ReplayOutcome {
  // The tally of the batch with its replays, or nothing if no replay counts as tallied.
  std::optional<tally::Tally> tally;
  // `read` and `skipped` are 0: the batch has them already.
  Counts counts;
  // Replays of no known dead letter that are not valid.
  std::vector<DeadLetter> dead_letters;
  // How many replays are not valid, by reason.
  std::map<std::string, std::int64_t> reasons;
};

// Applies the replays of one batch in the order of their offsets. `tally` belongs to the batch and does not
// change. `settlement` must hold the dead letters of all batches of the transaction; it gets the changes.
[[nodiscard]] ReplayOutcome apply_replays(std::span<const Replay> replays, const tally::Tally& tally,
                                          const std::string& topic, ReplaySettlement& settlement);

}  // namespace weir::commit
