// The choice of a scan and its number in a table of statements.
#include "report/scan.hpp"

#include <algorithm>
#include <chrono>

#include "report/range.hpp"

namespace weir::report {

Scan scan_for(const WindowQuery& query, bool pending_rollup) {
  Scan scan{.pending_rollup = pending_rollup, .users = query.with_users};
  if (query.values)
    scan.values = query.values->size() <= Scan::few_values_max ? Scan::Values::few : Scan::Values::many;
  return scan;
}

// A number in mixed radix: one digit for each member.
std::size_t index_of(const Scan& scan) {
  return (scan.pending_rollup ? 1U : 0U) + (scan.users ? 2U : 0U) +
         4U * static_cast<std::size_t>(scan.values);
}

Scan scan_at(std::size_t index) {
  return {.pending_rollup = index % 2 != 0,
          .values = static_cast<Scan::Values>(index / 4),
          .users = index / 2 % 2 != 0};
}

WindowRun kept_part(const WindowRun& run, const Horizons& horizons) {
  // Horizons have milliseconds. A window that begins in the same second before the horizon is not complete,
  // so the horizon is rounded up.
  const auto kept_from = std::chrono::ceil<std::chrono::seconds>(horizons.of(run.granularity));
  return {.granularity = run.granularity,
          .from = ceil_to(run.granularity, std::max(run.from, kept_from)),
          .to = ceil_to(run.granularity, run.to)};
}

}  // namespace weir::report
