// The rows of activity_dimensions, outside the transactions of a flush.
#include "commit/dimension_registration.hpp"
#include "sqlite/metrics_store.hpp"
#include "sqlite/store_rows.hpp"
#include "sqlite/store_sql.hpp"

namespace weir::sqlite {

Result<std::vector<tally::CountedDimension>> SqliteMetricsStore::register_dimensions(
    std::span<const tally::OwnDimension> wanted, WallTime now) {
  // One transaction for the read and the writes: another process cannot assign the same numbers in between.
  return in_one_transaction([&]() -> Result<std::vector<tally::CountedDimension>> {
    auto known = read_dimensions();
    if (!known) return propagate(known);
    auto plan = commit::plan_registration(*known, wanted, now);
    if (!plan) return propagate(plan);
    for (const tally::KnownDimension& row : plan->to_write) {
      if (auto put = put_dimension(row); !put) return propagate(put);
    }
    return std::move(plan->counted);
  });
}

Result<std::vector<tally::KnownDimension>> SqliteMetricsStore::read_dimensions() {
  Statement& rows = statement(store_sql::read_dimensions);
  std::vector<tally::KnownDimension> known;
  while (true) {
    auto there = rows.step();
    if (!there) return propagate(there);
    if (!*there) return known;
    auto row = known_dimension(rows);
    if (!row) {
      // Ends the statement, so that the transaction can end.
      rows.reset();
      return propagate(row);
    }
    known.push_back(*std::move(row));
  }
}

Result<void> SqliteMetricsStore::put_dimension(const tally::KnownDimension& row) {
  const std::string since = row.since ? moment_text(*row.since) : "";
  Statement& put = statement(store_sql::put_dimension)
                       .bind(1, number_of(row.dimension))
                       .bind_text(2, row.name)
                       .bind_text(3, row.source);
  if (row.since)
    put.bind_text(4, since);
  else
    put.bind_null(4);
  return put.run();
}

}  // namespace weir::sqlite
