// How accounts begin and end: the rows of activity_ledger, outside the transactions of a flush.
#include <utility>

#include "postgres/errors.hpp"
#include "postgres/metrics_store.hpp"
#include "postgres/store_rows.hpp"
#include "postgres/store_sql.hpp"

namespace weir::postgres {

Connection::Call PostgresMetricsStore::make_ledger(std::int32_t partition, std::int64_t start_offset,
                                                   std::int64_t version, WallTime now) const {
  Parameters parameters;
  parameters.add(options_.topic).add(Type::int4, partition).add(options_.group_id);
  parameters.add(Type::int8, start_offset).add(now).add(Type::int8, version);
  return {store_sql::make_ledger, std::move(parameters)};
}

Connection::Call PostgresMetricsStore::read_ledger(std::int32_t partition) const {
  return {store_sql::read_ledger, std::move(Parameters().add(options_.topic).add(Type::int4, partition))};
}

Connection::Call PostgresMetricsStore::lock_topic() const {
  return {store_sql::lock_topic, std::move(Parameters().add(options_.topic))};
}

Connection::Call PostgresMetricsStore::find_stranger() const {
  return {store_sql::find_stranger, std::move(Parameters().add(options_.topic).add(options_.group_id))};
}

Error PostgresMetricsStore::another_group(const Rows& found) const {
  const std::string theirs = found.count() > 0 ? std::string(found.bytes(0, 0)) : "that has just come";
  return {ErrorKind::invalid, "another_group",
          "the numbers of " + options_.topic + " belong to the consumer group " + theirs + ", not to " +
              options_.group_id + ": set KAFKA_GROUP_ID to it, or use another database"};
}

Result<tally::LedgerRow> PostgresMetricsStore::open_ledger(std::int32_t partition, std::int64_t start_offset,
                                                           WallTime now) {
  auto answers = run_outside({{store_sql::begin},
                              lock_topic(),
                              make_ledger(partition, start_offset, 0, now),
                              find_stranger(),
                              read_ledger(partition),
                              {store_sql::commit}});
  if (!answers) return propagate(answers);
  const Rows& stranger = (*answers)[3];
  const Rows& row = (*answers)[4];
  if (stranger.count() > 0 || row.count() == 0) return std::unexpected(another_group(stranger));
  return ledger_row(row, 0);
}

Result<bool> PostgresMetricsStore::begin_topic(std::span<const commit::PartitionStart> starts, WallTime now) {
  auto done =
      run_outside({{store_sql::begin},
                   lock_topic(),
                   {store_sql::begin_topic, start_parameters(options_.topic, options_.group_id, starts, now)},
                   {store_sql::commit}});
  if (!done) return propagate(done);
  return (*done)[2].rows_changed() > 0;
}

Result<std::optional<tally::LedgerRow>> PostgresMetricsStore::archive_ledger(
    const commit::LedgerArchival& retirement) {
  using Fresh = std::optional<tally::LedgerRow>;
  const commit::Fence& seen = retirement.seen;
  const std::int32_t partition = seen.partition;
  Parameters fence;
  fence.add(options_.topic).add(Type::int4, partition);
  fence.add(Type::int8, seen.next_offset).add(Type::int8, seen.version).add(retirement.as_topic);
  auto fenced = run_outside({{store_sql::begin}, {store_sql::archive_ledger, std::move(fence)}});
  if (!fenced && fenced.error().code == code_exists) {
    return fail(ErrorKind::unavailable, "ledger_archived",
                "partition " + std::to_string(partition) + " of " + options_.topic + " was put away as " +
                    retirement.as_topic + " just now");
  }
  if (!fenced) return propagate(fenced);
  if (fenced->back().count() == 0) {
    rollback();
    return Fresh();
  }
  Parameters letters;
  letters.add(options_.topic).add(Type::int4, partition).add(retirement.as_topic);
  auto made = run_inside({{store_sql::retire_letters, std::move(letters)},
                          make_ledger(partition, retirement.start_offset, seen.version + 1, retirement.now),
                          find_stranger(),
                          read_ledger(partition)});
  if (!made) return propagate(made);
  if (made->back().count() == 0) return std::unexpected(give_up(another_group((*made)[2])));
  commit::CommitOutcome ended = commit();
  if (ended.status != commit::CommitStatus::committed) return std::unexpected(std::move(ended.why));
  return ledger_row(made->back(), 0);
}

}  // namespace weir::postgres
