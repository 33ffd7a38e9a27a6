// Selects the statement by which a store reads the rows of a WindowQuery. All stores make the same choice,
// and each has its own SQL for it. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "report/metrics_reader.hpp"

namespace weir::report {

// Identifies one of the statements that read window rows of one granularity and dimension.
struct Scan {
  enum class Values : std::uint8_t {
    all,   // every value
    few,   // the given values, each looked up in each window
    many,  // the given values, selected from all rows of the range
  };
  // A lookup costs about as much as reading 20 rows. A window has at most limits::values_per_window_max rows.
  static constexpr std::size_t few_values_max = 50;
  static constexpr std::size_t count = 12;  // the number of different scans

  // True: read the pending counts of minutes, instead of the rows of the granularity.
  bool pending_rollup = false;
  Values values = Values::all;
  bool users = false;  // true: with sketches

  friend bool operator==(const Scan&, const Scan&) = default;
};

// Returns the scan for the rows of a query, or for the counts that are pending roll-up in its windows. The
// result of a query is the rows of both scans, unless its granularity is the finest one.
[[nodiscard]] Scan scan_for(const WindowQuery& query, bool pending_rollup);

// Convert a scan to a number from 0 to Scan::count − 1, and back: the index in a table of prepared
// statements.
[[nodiscard]] std::size_t index_of(const Scan& scan);
[[nodiscard]] Scan scan_at(std::size_t index);

// Returns the part of a run that is not pruned: the windows that begin in the run, and at or after the
// horizon of its granularity. The result can be empty (from >= to).
[[nodiscard]] WindowRun kept_part(const WindowRun& run, const Horizons& horizons);

}  // namespace weir::report
