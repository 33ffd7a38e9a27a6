// Converts rows of the metrics store: from an answer of PostgreSQL to C++ values, for the store and the
// reader, and from C++ values to the parameters of store_sql.hpp. Pure.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "commit/metrics_store.hpp"
#include "postgres/connection.hpp"
#include "report/dead_letters.hpp"
#include "tally/ledger.hpp"
#include "tally/ledger_columns.hpp"
#include "tally/window.hpp"

namespace weir::postgres {

// Reads a row that was selected by tally::ledger_columns. ledger_kinds is Statement::columns for it.
inline constexpr std::string_view ledger_kinds = "nnnnnnnnnNnMmmN";
static_assert(ledger_kinds.size() == tally::ledger_column_count);
[[nodiscard]] tally::LedgerRow ledger_row(const Rows& rows, int row);

// The columns that window_row() reads, of activity_windows AS w. The kinds are Statement::columns for them.
inline constexpr std::string_view window_columns =
    "w.granularity, w.dimension, w.window_start, w.partition, w.value, w.events, w.page_views, "
    "w.rolled_events, w.rolled_page_views, w.place, w.stored_values, w.users";
inline constexpr int window_column_count = 12;
inline constexpr std::string_view window_kinds = "nnmntnnnnnTt";
inline constexpr std::string_view window_and_count_kinds = "nnmntnnnnnTtn";
// For store_sql::read_windows, which returns NULL for a window where it returns only the size.
inline constexpr std::string_view window_or_size_kinds = "NNMNTNNNNNTTn";
static_assert(window_kinds.size() == window_column_count);
// ErrorKind::internal: stored_values is not as Weir writes it (tally/stored_values.hpp).
[[nodiscard]] Result<tally::WindowRow> window_row(const Rows& rows, int row);
// Reads the answer of store_sql::read_windows: the windows, or nothing if they have more than `bytes_max`
// bytes. ErrorKind::invalid, code_tables_differ: a window has NULL where window_kinds allows none.
[[nodiscard]] Result<commit::MetricsStore::WindowRows> window_rows(const Rows& rows, std::size_t bytes_max);

// Reads rows that were selected by dimension_columns. dimension_kinds is Statement::columns for them.
inline constexpr std::string_view dimension_columns = "id, name, source, since";
inline constexpr std::string_view dimension_kinds = "nttM";
[[nodiscard]] std::vector<tally::KnownDimension> known_dimensions(const Rows& rows);
[[nodiscard]] Parameters dimension_parameters(std::span<const tally::KnownDimension> dimensions);

// Reads a row that was selected by dead_letter_columns, and one of reader_sql::dead_letter_groups.
// dead_letter_kinds is Statement::columns for the former.
inline constexpr std::string_view dead_letter_columns =
    "partition, \"offset\", reason, detail, key, value, at, attempts, replayed_at";
inline constexpr std::string_view dead_letter_kinds = "nnttTTmnM";
[[nodiscard]] report::DeadLetterRow dead_letter_row(const Rows& rows, int row);
[[nodiscard]] report::DeadLetterGroup dead_letter_group(const Rows& rows, int row);

// The number of a granularity or dimension in activity_windows.
template <class Enum>
[[nodiscard]] constexpr std::int64_t number_of(Enum name) {
  return static_cast<std::int64_t>(name);
}
[[nodiscard]] WindowStart window_start(const Rows& rows, int row, int column);

// The parameters of the statements in store_sql.hpp, in their order.
[[nodiscard]] Parameters start_parameters(std::string_view topic, std::string_view group,
                                          std::span<const commit::PartitionStart> starts, WallTime now);
[[nodiscard]] Parameters fence_parameters(std::string_view topic, std::span<const commit::Fence> fences);
[[nodiscard]] Parameters key_parameters(std::string_view topic, std::span<const tally::WindowKey> keys,
                                        std::size_t bytes_max);
[[nodiscard]] Parameters minute_parameters(std::string_view topic, std::int32_t partition,
                                           std::span<const WindowStart> minutes);
[[nodiscard]] Parameters window_parameters(std::string_view topic, WallTime now,
                                           std::span<const tally::WindowRow> windows);
[[nodiscard]] Parameters pending_rollup_parameters(std::string_view topic,
                                                   std::span<const commit::PendingRollup> minutes);
[[nodiscard]] Parameters horizon_parameters(std::span<const commit::HorizonRaise> horizons);
[[nodiscard]] Parameters dead_letter_parameters(std::string_view topic,
                                                std::span<const commit::DeadLetter> letters);
[[nodiscard]] Parameters dead_letter_id_parameters(std::span<const commit::DeadLetterId> ids);
[[nodiscard]] Parameters flush_parameters(const commit::FlushRow& flush, WallTime now);
[[nodiscard]] Parameters ledger_parameters(std::string_view topic, std::span<const tally::LedgerRow> ledgers);
[[nodiscard]] Parameters prune_parameters(std::string_view topic, const commit::Prune& prune);

}  // namespace weir::postgres
