// The account of a partition: every offset that was passed, and what became of it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace weir::tally {

// What its owner last saw of a partition's log; an observation, not part of the account.
struct Observation {
  std::int64_t log_end_offset = 0;
  std::optional<RecordTime> oldest_unread_at;  // record time of the first record at or behind next_offset
  WallTime observed_at;

  friend bool operator==(const Observation&, const Observation&) = default;
};

struct LedgerRow {
  std::int32_t partition = 0;
  std::int64_t start_offset = 0;  // where this partition's account begins
  std::int64_t next_offset = 0;   // the first offset that is not in the numbers yet
  std::int64_t counted_from = 0;  // KAFKA_START=latest: offsets before it were left out; 0: none were
  std::int64_t version = 0;       // + 1 with every write; with next_offset it is the fence
  std::int64_t read = 0;
  std::int64_t tallied = 0;
  std::int64_t duplicate = 0;
  std::int64_t dead_lettered = 0;
  std::int64_t skipped = 0;  // offsets that hold no record for us: control, compacted, gone
  std::optional<std::int64_t> last_record_hash;  // of the record at next_offset − 1, if one was read
  Observation observed;
  WallTime updated_at;

  // The two identities of the contract. They hold in every committed row.
  [[nodiscard]] bool adds_up() const {
    return read == tallied + duplicate + dead_lettered && next_offset - start_offset == read + skipped;
  }
  friend bool operator==(const LedgerRow&, const LedgerRow&) = default;
};

}  // namespace weir::tally
