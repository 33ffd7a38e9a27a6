// The rows of activity_dimensions, outside the transactions of a flush.
#include <utility>

#include "commit/dimension_registration.hpp"
#include "postgres/metrics_store.hpp"
#include "postgres/store_rows.hpp"
#include "postgres/store_sql.hpp"

namespace weir::postgres {

Result<std::vector<tally::CountedDimension>> PostgresMetricsStore::register_dimensions(
    std::span<const tally::OwnDimension> wanted, WallTime now) {
  // The lock makes the processes that start at the same time assign numbers one after the other.
  auto answers =
      run_outside({{store_sql::begin}, {store_sql::lock_dimensions}, {store_sql::read_dimensions}});
  if (!answers) return propagate(answers);
  auto plan = commit::plan_registration(known_dimensions(answers->back()), wanted, now);
  if (!plan) return std::unexpected(give_up(std::move(plan).error()));
  if (!plan->to_write.empty()) {
    auto put = run_inside({{store_sql::put_dimensions, dimension_parameters(plan->to_write)}});
    if (!put) return propagate(put);
  }
  commit::CommitOutcome ended = commit();
  if (ended.status != commit::CommitStatus::committed) return std::unexpected(std::move(ended.why));
  return std::move(plan->counted);
}

}  // namespace weir::postgres
