// What the consumer has read of one partition between two flushes: the input of a Flush.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "commit/metrics_store.hpp"
#include "commit/replay.hpp"
#include "tally/ledger.hpp"
#include "tally/tally.hpp"

namespace weir::commit {

// What has been read and takes memory until it is written.
struct Backlog {
  std::int64_t events = 0;            // and letters
  std::size_t dead_letters = 0;       // and replays: both are kept whole, unlike events
  std::size_t dead_letter_bytes = 0;  // of their values
  std::size_t tally_bytes = 0;        // of the gathered windows with their values and users

  Backlog& operator+=(const Backlog& more);
};

// What was gathered of a partition between two flushes. A value: the writer gets it whole.
struct PendingBatch {
  explicit PendingBatch(std::chrono::days minute_retention) : tally(minute_retention) {}

  tally::Tally tally;
  std::vector<DeadLetter> dead_letters;  // `at` is set by the flush
  std::vector<Replay> replays;           // what becomes of them is for the flush to find out
  std::size_t dead_letter_bytes = 0;     // of the values of both
  Counts counts;                         // replays are only in `read`
  std::int64_t next_offset = 0;
  std::optional<std::int64_t> last_record_hash;  // of the record at next_offset − 1, if there is one
  std::optional<RecordTime> first_record_at;     // or when it was read, if its own time is later

  [[nodiscard]] bool empty() const { return counts.read == 0 && counts.skipped == 0; }
  [[nodiscard]] Backlog backlog() const {
    return {counts.read, dead_letters.size() + replays.size(), dead_letter_bytes, tally.memory_bytes()};
  }
  // What a transaction has to write of it.
  [[nodiscard]] std::size_t rows() const {
    return tally.deltas().size() + dead_letters.size() + replays.size();
  }
  [[nodiscard]] std::size_t bytes() const { return dead_letter_bytes + tally.memory_bytes(); }
  // The account once this part is in the numbers, and its replays were settled so.
  [[nodiscard]] tally::LedgerRow added_to(tally::LedgerRow before, const Counts& of_replays = {}) const;
};

}  // namespace weir::commit
