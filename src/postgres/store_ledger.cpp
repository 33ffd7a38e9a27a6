// The life of a row of activity_ledger outside of a flush: how it is created, read and archived. Each call is
// one transaction of its own.
#include <utility>

#include "postgres/errors.hpp"
#include "postgres/metrics_store.hpp"
#include "postgres/store_rows.hpp"
#include "postgres/store_sql.hpp"

namespace weir::postgres {

Connection::Call PostgresMetricsStore::insert_ledger(std::int32_t partition, std::int64_t start_offset,
                                                     std::int64_t version, WallTime now) const {
  Parameters parameters;
  parameters.add(options_.topic).add(Type::int4, partition).add(options_.group_id);
  parameters.add(Type::int8, start_offset).add(now).add(Type::int8, version);
  return {store_sql::insert_ledger, std::move(parameters)};
}

Connection::Call PostgresMetricsStore::read_ledger(std::int32_t partition) const {
  return {store_sql::read_ledger, std::move(Parameters().add(options_.topic).add(Type::int4, partition))};
}

Connection::Call PostgresMetricsStore::lock_topic() const {
  return {store_sql::lock_topic, std::move(Parameters().add(options_.topic))};
}

Connection::Call PostgresMetricsStore::find_other_group() const {
  return {store_sql::find_other_group, std::move(Parameters().add(options_.topic).add(options_.group_id))};
}

// `found` is the answer of find_other_group. If it is empty, the text names no group.
Error PostgresMetricsStore::another_group(const Rows& found) const {
  const std::string other =
      found.count() > 0 ? std::string(found.bytes(0, 0)) : "that has started at the same moment";
  return {ErrorKind::invalid, "another_group",
          "the ledger of " + options_.topic + " belongs to the consumer group " + other + ", not to " +
              options_.group_id + ": set KAFKA_GROUP_ID to the former, or use another database"};
}

// One round trip. lock_topic makes processes that open partitions of a topic wait for each other, so
// find_other_group sees every group that has a row.
Result<tally::LedgerRow> PostgresMetricsStore::open_ledger(std::int32_t partition, std::int64_t start_offset,
                                                           WallTime now) {
  auto answers = run_outside({{store_sql::begin},
                              lock_topic(),
                              insert_ledger(partition, start_offset, 0, now),
                              find_other_group(),
                              read_ledger(partition),
                              {store_sql::commit}});
  if (!answers) return propagate(answers);
  const Rows& other_group = (*answers)[3];
  const Rows& row = (*answers)[4];
  if (other_group.count() > 0 || row.count() == 0) return std::unexpected(another_group(other_group));
  return ledger_row(row, 0);
}

// The statement inserts all rows or, if the topic has a ledger row already, none.
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
    const commit::LedgerArchival& archival) {
  const commit::Fence& seen = archival.seen;
  const std::int32_t partition = seen.partition;
  Parameters fence;
  fence.add(options_.topic).add(Type::int4, partition);
  fence.add(Type::int8, seen.next_offset).add(Type::int8, seen.version).add(archival.as_topic);
  auto fenced = run_outside({{store_sql::begin}, {store_sql::archive_ledger, std::move(fence)}});
  // The primary key: the archive topic has a row of this partition already.
  if (!fenced && fenced.error().code == code_exists) {
    return fail(ErrorKind::unavailable, "ledger_archived",
                "partition " + std::to_string(partition) + " of " + options_.topic + " was archived as " +
                    archival.as_topic + " within the same second");
  }
  if (!fenced) return propagate(fenced);
  if (fenced->back().count() == 0) {
    rollback();
    return std::nullopt;  // not as `seen` any more
  }
  Parameters dead_letters;
  dead_letters.add(options_.topic).add(Type::int4, partition).add(archival.as_topic);
  auto made = run_inside({{store_sql::archive_dead_letters, std::move(dead_letters)},
                          insert_ledger(partition, archival.start_offset, seen.version + 1, archival.now),
                          find_other_group(),
                          read_ledger(partition)});
  if (!made) return propagate(made);
  // insert_ledger inserts nothing beside the row of another group.
  if (made->back().count() == 0) return std::unexpected(give_up(another_group((*made)[2])));
  commit::CommitOutcome ended = commit();
  if (ended.status != commit::CommitStatus::committed) return std::unexpected(std::move(ended.why));
  return ledger_row(made->back(), 0);
}

}  // namespace weir::postgres
