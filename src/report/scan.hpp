// How a store reads the rows of one WindowQuery. The choice is the same for all stores; each has its own SQL
// for it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "report/metrics_reader.hpp"

namespace weir::report {

// One of the statements by which a store reads window rows of one granularity and dimension.
struct Scan {
  enum class Values : std::uint8_t {
    all,   // every value
    few,   // the given values, each looked up in each window
    many,  // the given values, picked out of all rows of the range
  };
  // A lookup costs about as much as reading 20 rows. A window has at most limits::values_per_window_max rows.
  static constexpr std::size_t few_values_max = 50;
  static constexpr std::size_t count = 12;  // of different scans

  bool pending_rollup = false;  // instead of the rows: the counts of minutes that are not rolled up yet
  Values values = Values::all;
  bool users = false;  // with sketches

  friend bool operator==(const Scan&, const Scan&) = default;
};

// The scan that reads the rows of a query, or the counts that are pending roll-up in its windows.
[[nodiscard]] Scan scan_for(const WindowQuery& query, bool pending_rollup);

// Numbers the scans from 0 to Scan::count − 1, and back. For a table of prepared statements.
[[nodiscard]] std::size_t index_of(const Scan& scan);
[[nodiscard]] Scan scan_at(std::size_t index);

// The part of a run that is kept: the windows that begin in it and at or after the horizon of its
// granularity. The result may be empty (from >= to).
[[nodiscard]] WindowRun kept_part(const WindowRun& run, const Horizons& horizons);

}  // namespace weir::report
