// How accounts begin and end: the rows of activity_ledger, outside the transactions of a flush.
#include "base/ensure.hpp"
#include "sqlite/metrics_store.hpp"
#include "sqlite/store_rows.hpp"

namespace weir::sqlite {
namespace {

// Nothing is left out.
commit::PartitionStart fresh_start(std::int32_t partition, std::int64_t offset) {
  return {.partition = partition, .start_offset = offset, .next_offset = offset, .last_record_hash = {}};
}

}  // namespace

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
    if (auto ours = check_group(); !ours) return propagate(ours);
    if (auto made = make_ledger(fresh_start(partition, start_offset), 0, now); !made) return propagate(made);
    auto row = find_ledger(topic_, partition);
    if (!row) return propagate(row);
    ensure(row->has_value(), "a ledger row that was just made can be read");
    return **row;
  });
}

Result<bool> SqliteMetricsStore::begin_topic(std::span<const commit::PartitionStart> starts, WallTime now) {
  return in_one_transaction([&]() -> Result<bool> {
    Statement& any = statement(StoreSql::find_any_ledger).bind_text(1, topic_);
    const auto there = any.step();
    any.reset();
    if (!there) return std::unexpected(there.error());
    if (*there) return false;
    for (const commit::PartitionStart& start : starts) {
      if (auto made = make_ledger(start, 0, now); !made) return propagate(made);
    }
    return true;
  });
}

Result<std::optional<tally::LedgerRow>> SqliteMetricsStore::archive_ledger(
    const commit::LedgerArchival& retirement) {
  using Fresh = std::optional<tally::LedgerRow>;
  const commit::Fence& seen = retirement.seen;
  return in_one_transaction([&]() -> Result<Fresh> {
    auto taken = find_ledger(retirement.as_topic, seen.partition);
    if (!taken) return propagate(taken);
    if (*taken) {
      return fail(ErrorKind::unavailable, "ledger_archived",
                  "partition " + std::to_string(seen.partition) + " of " + topic_ + " was put away as " +
                      retirement.as_topic + " just now");
    }
    auto moved = statement(StoreSql::archive_ledger)
                     .bind_text(1, topic_)
                     .bind(2, seen.partition)
                     .bind(3, seen.next_offset)
                     .bind(4, seen.version)
                     .bind_text(5, retirement.as_topic)
                     .run();
    if (!moved) return propagate(moved);
    if (database_.rows_changed() == 0) return Fresh();
    auto renamed = statement(StoreSql::retire_letters)
                       .bind_text(1, topic_)
                       .bind(2, seen.partition)
                       .bind_text(3, retirement.as_topic)
                       .run();
    if (!renamed) return propagate(renamed);
    const auto start = fresh_start(seen.partition, retirement.start_offset);
    auto made = make_ledger(start, seen.version + 1, retirement.now);
    if (!made) return propagate(made);
    return find_ledger(topic_, seen.partition);
  });
}

Result<void> SqliteMetricsStore::check_group() {
  Statement& stranger = statement(StoreSql::find_stranger).bind_text(1, topic_).bind_text(2, group_id_);
  auto found = stranger.step();
  if (!found) return propagate(found);
  if (!*found) return {};
  const std::string other(stranger.text(0));
  stranger.reset();
  return fail(ErrorKind::invalid, "another_group",
              "the numbers of " + topic_ + " belong to the consumer group " + other + ", not to " +
                  group_id_ + ": set KAFKA_GROUP_ID to it, or use another database");
}

Result<void> SqliteMetricsStore::make_ledger(const commit::PartitionStart& start, std::int64_t version,
                                             WallTime now) {
  const std::string moment = moment_text(now);
  Statement& make = statement(StoreSql::make_ledger)
                        .bind_text(1, topic_)
                        .bind(2, start.partition)
                        .bind_text(3, group_id_)
                        .bind(4, start.start_offset)
                        .bind_text(5, moment)
                        .bind(6, version)
                        .bind(7, start.next_offset);
  if (start.last_record_hash)
    make.bind(8, *start.last_record_hash);
  else
    make.bind_null(8);
  return make.run();
}

Result<std::optional<tally::LedgerRow>> SqliteMetricsStore::find_ledger(const std::string& topic,
                                                                        std::int32_t partition) {
  Statement& ledger = statement(StoreSql::read_ledger).bind_text(1, topic).bind(2, partition);
  auto there = ledger.step();
  if (!there) return propagate(there);
  if (!*there) return std::nullopt;
  auto row = ledger_row(ledger);
  ledger.reset();
  if (!row) return propagate(row);
  return *std::move(row);
}

}  // namespace weir::sqlite
