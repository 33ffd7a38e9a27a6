// The columns of activity_ledger that make a LedgerRow, for a SELECT. Both stores and both readers use this
// list: ledger_row() of each store reads the columns by their index in it.
#pragma once

#include <string_view>

namespace weir::tally {

// For a SELECT; `topic` and `group_id` are not in it, because they choose the row.
inline constexpr std::string_view ledger_columns =
    "partition, start_offset, next_offset, version, read, tallied, duplicate, dead_lettered, skipped, "
    "last_record_hash, log_end_offset, oldest_unread_at, observed_at, updated_at, counted_from";
inline constexpr int ledger_column_count = 15;

}  // namespace weir::tally
