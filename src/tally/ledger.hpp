// The ledger of a partition: how many offsets were consumed, and the outcome of each of them.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace weir::tally {

// The last known state of a partition's log, for lag. It does not count for adds_up(). The consumer that owns
// the partition writes it.
struct Observation {
  std::int64_t log_end_offset = 0;
  std::optional<RecordTime> oldest_unread_at;  // of the first record with an offset >= next_offset
  WallTime observed_at;                        // when the consumer read both from the log

  friend bool operator==(const Observation&, const Observation&) = default;
};

// A row of activity_ledger. A flush writes it in the transaction that writes the window rows.
struct LedgerRow {
  std::int32_t partition = 0;
  std::int64_t start_offset = 0;  // the first offset of the ledger
  std::int64_t next_offset = 0;   // the first offset that is not counted yet
  std::int64_t counted_from = 0;  // KAFKA_START=latest skipped the offsets before it; 0: none were skipped
  std::int64_t version = 0;       // increases by 1 with every write; with next_offset it forms the fence
  std::int64_t read = 0;          // records that were read
  std::int64_t tallied = 0;       // of these: counted in windows
  std::int64_t duplicate = 0;     // of these: duplicates by message_id
  std::int64_t dead_lettered = 0;
  std::int64_t skipped = 0;  // offsets without a record for the consumer: control records, compacted, deleted
  std::optional<std::int64_t> last_record_hash;  // of the record at next_offset − 1, if one was read
  Observation observed;
  WallTime updated_at;

  // The two equations of the contract. They hold in every committed row.
  [[nodiscard]] bool adds_up() const {
    return read == tallied + duplicate + dead_lettered && next_offset - start_offset == read + skipped;
  }
  friend bool operator==(const LedgerRow&, const LedgerRow&) = default;
};

}  // namespace weir::tally
