// The columns of activity_ledger that make a LedgerRow. Both stores and both readers select this list, and
// ledger_row() of each store reads a column by its index in it.
#pragma once

#include <string_view>

namespace weir::tally {

// Without `topic` and `group_id`, which are equal in all rows that a process reads.
inline constexpr std::string_view ledger_columns =
    "partition, start_offset, next_offset, version, read, tallied, duplicate, dead_lettered, skipped, "
    "last_record_hash, log_end_offset, oldest_unread_at, observed_at, updated_at, counted_from";
inline constexpr int ledger_column_count = 15;

}  // namespace weir::tally
