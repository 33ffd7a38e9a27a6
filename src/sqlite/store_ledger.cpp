// The life of a row of activity_ledger outside of a flush: how it is created, read and archived. Each call is
// one transaction of its own.
#include "base/ensure.hpp"
#include "sqlite/metrics_store.hpp"
#include "sqlite/store_rows.hpp"
#include "sqlite/store_sql.hpp"

namespace weir::sqlite {
namespace {

// A partition that is counted from its start: no offsets are left out.
commit::PartitionStart start_at(std::int32_t partition, std::int64_t offset) {
  return {.partition = partition, .start_offset = offset, .next_offset = offset, .last_record_hash = {}};
}

}  // namespace

// Each step of `work` may fail; the first error rolls everything back. A commit that fails is reported as an
// error: the caller opens the partition again and so finds out.
template <class Work>
auto SqliteMetricsStore::in_one_transaction(Work work) -> decltype(work()) {
  if (auto begun = database_.begin(); !begun) return std::unexpected(give_up(std::move(begun).error()));
  auto answer = work();
  if (!answer) return std::unexpected(give_up(std::move(answer).error()));
  if (auto ended = database_.commit(); !ended) return std::unexpected(give_up(std::move(ended).error()));
  return answer;
}

Result<tally::LedgerRow> SqliteMetricsStore::open_ledger(std::int32_t partition, std::int64_t start_offset,
                                                         WallTime now) {
  return in_one_transaction([&]() -> Result<tally::LedgerRow> {
    if (auto checked = check_group(); !checked) return propagate(checked);
    // Does nothing if there is a row. Then start_offset does not matter.
    if (auto made = insert_ledger(start_at(partition, start_offset), 0, now); !made) return propagate(made);
    auto row = find_ledger(topic_, partition);
    if (!row) return propagate(row);
    ensure(row->has_value(), "a ledger row that was just created can be read");
    return **row;
  });
}

Result<bool> SqliteMetricsStore::begin_topic(std::span<const commit::PartitionStart> starts, WallTime now) {
  return in_one_transaction([&]() -> Result<bool> {
    // All rows or none: a topic with a ledger has begun already.
    Statement& any = statement(store_sql::find_any_ledger).bind_text(1, topic_);
    const auto found = any.step();
    any.reset();
    if (!found) return std::unexpected(found.error());
    if (*found) return false;
    for (const commit::PartitionStart& start : starts) {
      if (auto made = insert_ledger(start, 0, now); !made) return propagate(made);
    }
    return true;
  });
}

Result<std::optional<tally::LedgerRow>> SqliteMetricsStore::archive_ledger(
    const commit::LedgerArchival& archival) {
  const commit::Fence& seen = archival.seen;
  return in_one_transaction([&]() -> Result<std::optional<tally::LedgerRow>> {
    // Names of archives have seconds, so two archivals within one second collide.
    auto existing = find_ledger(archival.as_topic, seen.partition);
    if (!existing) return propagate(existing);
    if (*existing) {
      return fail(ErrorKind::unavailable, "ledger_archived",
                  "partition " + std::to_string(seen.partition) + " of " + topic_ + " was archived as " +
                      archival.as_topic + " within the same second");
    }
    auto archived = statement(store_sql::archive_ledger)
                        .bind_text(1, topic_)
                        .bind(2, seen.partition)
                        .bind(3, seen.next_offset)
                        .bind(4, seen.version)
                        .bind_text(5, archival.as_topic)
                        .run();
    if (!archived) return propagate(archived);
    if (database_.rows_changed() == 0) return std::nullopt;  // not as `seen` any more
    auto renamed = statement(store_sql::archive_dead_letters)
                       .bind_text(1, topic_)
                       .bind(2, seen.partition)
                       .bind_text(3, archival.as_topic)
                       .run();
    if (!renamed) return propagate(renamed);
    // The version goes on from the old row's, so that no fence of the old row holds for the new one.
    const auto start = start_at(seen.partition, archival.start_offset);
    auto made = insert_ledger(start, seen.version + 1, archival.now);
    if (!made) return propagate(made);
    return find_ledger(topic_, seen.partition);
  });
}

// One database serves one consumer group for each topic.
Result<void> SqliteMetricsStore::check_group() {
  Statement& group = statement(store_sql::find_other_group).bind_text(1, topic_).bind_text(2, group_id_);
  auto found = group.step();
  if (!found) return propagate(found);
  if (!*found) return {};
  // Copied before the reset, which ends the life of the text.
  const std::string other(group.text(0));
  group.reset();
  return fail(ErrorKind::invalid, "another_group",
              "the ledger of " + topic_ + " belongs to the consumer group " + other + ", not to " +
                  group_id_ + ": set KAFKA_GROUP_ID to the former, or use another database");
}

Result<void> SqliteMetricsStore::insert_ledger(const commit::PartitionStart& start, std::int64_t version,
                                               WallTime now) {
  const std::string moment = moment_text(now);
  Statement& insert = statement(store_sql::insert_ledger)
                          .bind_text(1, topic_)
                          .bind(2, start.partition)
                          .bind_text(3, group_id_)
                          .bind(4, start.start_offset)
                          .bind_text(5, moment)
                          .bind(6, version)
                          .bind(7, start.next_offset);
  if (start.last_record_hash)
    insert.bind(8, *start.last_record_hash);
  else
    insert.bind_null(8);
  return insert.run();
}

Result<std::optional<tally::LedgerRow>> SqliteMetricsStore::find_ledger(const std::string& topic,
                                                                        std::int32_t partition) {
  Statement& ledger = statement(store_sql::read_ledger).bind_text(1, topic).bind(2, partition);
  auto found = ledger.step();
  if (!found) return propagate(found);
  if (!*found) return std::nullopt;
  auto row = ledger_row(ledger);
  ledger.reset();
  if (!row) return propagate(row);
  return *std::move(row);
}

}  // namespace weir::sqlite
