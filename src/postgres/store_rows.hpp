// The rows of the metrics store as values: what its writer and its reader both read, and what the writer
// hands over.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "commit/metrics_store.hpp"
#include "postgres/connection.hpp"
#include "tally/ledger.hpp"
#include "tally/window.hpp"

namespace weir::postgres {

// The columns of activity_ledger that ledger_row() reads, for a SELECT.
inline constexpr std::string_view ledger_columns =
    "partition, start_offset, next_offset, version, read, tallied, duplicate, dead_lettered, skipped, "
    "last_record_hash, log_end_offset, oldest_unread_at, observed_at, updated_at, counted_from";
inline constexpr std::string_view ledger_kinds = "nnnnnnnnnNnMmmN";  // Statement::columns
[[nodiscard]] tally::LedgerRow ledger_row(const Rows& rows, int row);

// The columns of activity_windows AS w that window_row() reads, for a SELECT.
inline constexpr std::string_view window_columns =
    "w.granularity, w.dimension, w.window_start, w.partition, w.value, w.events, w.page_views, "
    "w.rolled_events, "
    "w.rolled_page_views, w.place, w.stored_activity_types, w.stored_pages, w.stored_referrers, w.users";
inline constexpr std::string_view window_kinds = "nnmntnnnnnNNNt";
inline constexpr std::string_view window_and_count_kinds = "nnmntnnnnnNNNtn";
// Of store_sql::read_windows: the windows are absent (NULL) where only their size is answered.
inline constexpr std::string_view window_or_size_kinds = "NNMNTNNNNNNNNTn";
[[nodiscard]] tally::WindowRow window_row(const Rows& rows, int row);
inline constexpr int window_column_count = 14;
// What store_sql::read_windows answers. ErrorKind::invalid, code_tables_differ: a window has NULL where
// window_kinds allows none.
[[nodiscard]] Result<commit::MetricsStore::WindowRows> window_rows(const Rows& rows, std::size_t bytes_max);

// How names are numbered in activity_windows.
template <class Enum>
[[nodiscard]] constexpr std::int64_t number_of(Enum name) {
  return static_cast<std::int64_t>(name);
}
[[nodiscard]] WindowStart window_start(const Rows& rows, int row, int column);

// What the statements of store_sql.hpp take.
[[nodiscard]] Parameters start_parameters(std::string_view topic, std::string_view group,
                                          std::span<const commit::PartitionStart> starts, WallTime now);
[[nodiscard]] Parameters fence_parameters(std::string_view topic, std::span<const commit::Fence> fences);
[[nodiscard]] Parameters key_parameters(std::string_view topic, std::span<const tally::WindowKey> keys,
                                        std::size_t bytes_max);
[[nodiscard]] Parameters minute_parameters(std::string_view topic, std::int32_t partition,
                                           std::span<const WindowStart> minutes);
[[nodiscard]] Parameters window_parameters(std::string_view topic, WallTime now,
                                           std::span<const tally::WindowRow> windows);
[[nodiscard]] Parameters unrolled_parameters(std::string_view topic,
                                             std::span<const commit::PendingRollup> minutes);
[[nodiscard]] Parameters horizon_parameters(std::span<const commit::HorizonRaise> horizons);
[[nodiscard]] Parameters letter_parameters(std::string_view topic,
                                           std::span<const commit::DeadLetter> letters);
[[nodiscard]] Parameters source_parameters(std::span<const commit::DeadLetterId> sources);
[[nodiscard]] Parameters flush_parameters(const commit::FlushRow& flush, WallTime now);
[[nodiscard]] Parameters ledger_parameters(std::string_view topic, std::span<const tally::LedgerRow> ledgers);
[[nodiscard]] Parameters prune_parameters(std::string_view topic, const commit::Prune& prune);

}  // namespace weir::postgres
