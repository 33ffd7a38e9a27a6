// What the metrics store reads from and writes to activity_dead_letters.
#include <optional>
#include <utility>

#include "sqlite/metrics_store.hpp"
#include "sqlite/store_rows.hpp"
#include "sqlite/store_sql.hpp"

namespace weir::sqlite {
namespace {

// A record without a key or a value has NULL in that column.
Statement& bind_optional(Statement& statement, int parameter, const std::optional<std::string>& bytes) {
  return bytes ? statement.bind_blob(parameter, *bytes) : statement.bind_null(parameter);
}

// A dead letter may be of an archived topic, so ?1 is the topic of its id, not that of the store.
Statement& bind_id(Statement& statement, const commit::DeadLetterId& letter) {
  return statement.bind_text(1, letter.topic).bind(2, letter.partition).bind(3, letter.offset);
}

}  // namespace

Result<std::vector<std::int64_t>> SqliteMetricsStore::find_dead_letters(std::int32_t partition,
                                                                        std::int64_t from, std::int64_t to) {
  Statement& rows = statement(store_sql::dead_letter_offsets)
                        .bind_text(1, topic_)
                        .bind(2, partition)
                        .bind(3, from)
                        .bind(4, to);
  std::vector<std::int64_t> offsets;
  while (true) {
    auto row = rows.step();
    if (!row) return std::unexpected(give_up(std::move(row).error()));
    if (!*row) return offsets;
    offsets.push_back(rows.number(0));
  }
}

Result<std::vector<commit::DeadLetterId>> SqliteMetricsStore::find_failed_replays() {
  Statement& rows = statement(store_sql::failed_replays);
  std::vector<commit::DeadLetterId> found;
  while (true) {
    auto row = rows.step();
    if (!row) return std::unexpected(give_up(std::move(row).error()));
    if (!*row) return found;
    found.push_back({std::string(rows.text(0)), static_cast<std::int32_t>(rows.number(1)), rows.number(2)});
  }
}

// The transaction has the write lock of the whole file, so no row is locked.
Result<std::vector<commit::DeadLetterState>> SqliteMetricsStore::lock_dead_letters(
    std::span<const commit::DeadLetterId> letters) {
  std::vector<commit::DeadLetterState> states;
  states.reserve(letters.size());
  for (const commit::DeadLetterId& source : letters) {
    Statement& letter = bind_id(statement(store_sql::read_dead_letter), source);
    auto row = letter.step();
    if (!row) return std::unexpected(give_up(std::move(row).error()));
    if (!*row) {
      states.push_back(commit::DeadLetterState::unknown);
      continue;
    }
    states.push_back(letter.number(0) != 0 ? commit::DeadLetterState::replayed
                                           : commit::DeadLetterState::waiting);
    letter.reset();  // one row at most, so it is not stepped to its end
  }
  return states;
}

// New rows first: a replay of the same flush may name one of them.
Result<void> SqliteMetricsStore::put_dead_letters(const commit::Changes& changes) {
  for (const commit::DeadLetter& letter : changes.dead_letters) {
    if (auto put = put_dead_letter(letter); !put) return put;
  }
  for (const commit::DeadLetterId& source : changes.replayed) {
    if (auto marked = set_replayed(source, changes.written_at); !marked) return marked;
  }
  for (const commit::Changes::FailedReplay& failed : changes.failed_replays) {
    if (auto added = add_attempts(failed); !added) return added;
  }
  return {};
}

Result<void> SqliteMetricsStore::put_dead_letter(const commit::DeadLetter& letter) {
  const std::string at = moment_text(letter.at);
  Statement& put = statement(store_sql::put_dead_letter)
                       .bind_text(1, topic_)
                       .bind(2, letter.partition)
                       .bind(3, letter.offset)
                       .bind_text(4, letter.reason)
                       .bind_text(5, letter.detail)
                       .bind_text(8, at);
  bind_optional(put, 6, letter.key);
  bind_optional(put, 7, letter.value);
  return put.run();
}

// Changes one row exactly, because lock_dead_letters() has found it waiting in this transaction.
Result<void> SqliteMetricsStore::set_replayed(const commit::DeadLetterId& source, WallTime at) {
  const std::string moment = moment_text(at);
  auto marked = bind_id(statement(store_sql::set_replayed), source).bind_text(4, moment).run();
  if (!marked || database_.rows_changed() == 1) return marked;
  return fail(ErrorKind::internal, "dead_letter_not_waiting",
              to_text(source) + " does not wait for a replay");
}

Result<void> SqliteMetricsStore::add_attempts(const commit::Changes::FailedReplay& failed) {
  auto added = bind_id(statement(store_sql::add_attempts), failed.source).bind(4, failed.times).run();
  if (!added || database_.rows_changed() == 1) return added;
  return fail(ErrorKind::internal, "dead_letter_missing", to_text(failed.source) + " is not a dead letter");
}

}  // namespace weir::sqlite
