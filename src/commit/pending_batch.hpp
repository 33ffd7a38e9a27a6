// The records of one partition that the consumer has read since the last flush: the input of a Flush.
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
#include "tracing/span.hpp"

namespace weir::commit {

// Records of one batch that carry the same trace context: usually those of one request.
struct TracedRecords {
  tracing::SpanContext context;
  std::int32_t partition = 0;
  std::int64_t first_offset = 0;
  std::int64_t records = 0;
  WallTime read_at;
};

// The trace contexts of a batch: at most span_links_max. Further records are counted only.
struct Traces {
  std::vector<TracedRecords> all;
  std::int64_t dropped = 0;

  // Adds one record. A known context is found by a linear search: the records of a request are usually
  // adjacent.
  void add(tracing::SpanContext context, std::int32_t partition, std::int64_t offset, WallTime read_at);
};

// What is read but not written yet, for the limits on memory.
struct Backlog {
  // Records, dead letters included.
  std::int64_t events = 0;
  // Dead letters and replays. Both keep their whole value, unlike an event; dead_letter_bytes is the sum of
  // these.
  std::size_t dead_letters = 0;
  std::size_t dead_letter_bytes = 0;
  // The memory of the open windows, with their values and users.
  std::size_t tally_bytes = 0;

  Backlog& operator+=(const Backlog& more);
};

// A value without locks: the consumer's thread fills it and then moves it to the writer's thread.
struct PendingBatch {
  // `minute_retention`: see Tally.
  explicit PendingBatch(std::chrono::days minute_retention) : tally(minute_retention) {}

  tally::Tally tally;
  // The flush sets `at`.
  std::vector<DeadLetter> dead_letters;
  // The flush decides what each replay counts as. Until then a replay is only in `counts.read`.
  std::vector<Replay> replays;
  // The bytes of the values of `dead_letters` and `replays`.
  std::size_t dead_letter_bytes = 0;
  Counts counts;
  std::int64_t next_offset = 0;
  // Of the record at next_offset - 1, if that offset yields a record.
  std::optional<std::int64_t> last_record_hash;
  // The timestamp of the first record, or the time when it was read if its timestamp is later.
  std::optional<RecordTime> first_record_at;
  // Empty without tracing.
  Traces traces;

  [[nodiscard]] bool empty() const { return counts.read == 0 && counts.skipped == 0; }
  [[nodiscard]] Backlog backlog() const {
    return {counts.read, dead_letters.size() + replays.size(), dead_letter_bytes, tally.memory_bytes()};
  }
  // The size of the transaction that writes this batch.
  [[nodiscard]] std::size_t rows() const {
    return tally.deltas().size() + dead_letters.size() + replays.size();
  }
  [[nodiscard]] std::size_t bytes() const { return dead_letter_bytes + tally.memory_bytes(); }
  // Returns the ledger row once this batch is counted. `of_replays`: what its replays counted as.
  [[nodiscard]] tally::LedgerRow added_to(tally::LedgerRow before, const Counts& of_replays = {}) const;
};

}  // namespace weir::commit
