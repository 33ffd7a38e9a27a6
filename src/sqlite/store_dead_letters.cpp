// What the metrics store does with activity_dead_letters.
#include <optional>
#include <utility>

#include "sqlite/metrics_store.hpp"
#include "sqlite/store_rows.hpp"
#include "sqlite/store_sql.hpp"

namespace weir::sqlite {
namespace {

Statement& bind_optional(Statement& statement, int place, const std::optional<std::string>& bytes) {
  return bytes ? statement.bind_blob(place, *bytes) : statement.bind_null(place);
}

Statement& bind_place(Statement& statement, const commit::DeadLetterId& source) {
  return statement.bind_text(1, source.topic).bind(2, source.partition).bind(3, source.offset);
}

}  // namespace

Result<std::vector<std::int64_t>> SqliteMetricsStore::find_dead_letters(std::int32_t partition,
                                                                        std::int64_t from, std::int64_t to) {
  Statement& letters = statement(StoreSql::find_dead_letters)
                           .bind_text(1, topic_)
                           .bind(2, partition)
                           .bind(3, from)
                           .bind(4, to);
  std::vector<std::int64_t> offsets;
  while (true) {
    auto row = letters.step();
    if (!row) return std::unexpected(give_up(std::move(row).error()));
    if (!*row) return offsets;
    offsets.push_back(letters.number(0));
  }
}

// The whole file is this transaction's: there is nothing to lock.
Result<std::vector<commit::DeadLetterState>> SqliteMetricsStore::lock_dead_letters(
    std::span<const commit::DeadLetterId> letters) {
  std::vector<commit::DeadLetterState> states;
  states.reserve(letters.size());
  for (const commit::DeadLetterId& source : letters) {
    Statement& letter = bind_place(statement(StoreSql::read_letter), source);
    auto row = letter.step();
    if (!row) return std::unexpected(give_up(std::move(row).error()));
    if (!*row) {
      states.push_back(commit::DeadLetterState::unknown);
      continue;
    }
    states.push_back(letter.number(0) != 0 ? commit::DeadLetterState::replayed
                                           : commit::DeadLetterState::waiting);
    letter.reset();
  }
  return states;
}

Result<void> SqliteMetricsStore::put_letters(const commit::Changes& changes) {
  for (const commit::DeadLetter& letter : changes.dead_letters) {
    if (auto put = put_letter(letter); !put) return put;
  }
  for (const commit::DeadLetterId& source : changes.replayed) {
    if (auto marked = mark_replayed(source, changes.written_at); !marked) return marked;
  }
  for (const commit::Changes::FailedReplay& failed : changes.failed_replays) {
    if (auto added = add_attempts(failed); !added) return added;
  }
  return {};
}

Result<void> SqliteMetricsStore::put_letter(const commit::DeadLetter& letter) {
  const std::string at = moment_text(letter.at);
  Statement& put = statement(StoreSql::put_letter)
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

Result<void> SqliteMetricsStore::mark_replayed(const commit::DeadLetterId& source, WallTime at) {
  const std::string moment = moment_text(at);
  auto marked = bind_place(statement(StoreSql::set_replayed), source).bind_text(4, moment).run();
  if (!marked || database_.rows_changed() == 1) return marked;
  return fail(ErrorKind::internal, "letter_not_waiting", to_text(source) + " does not wait for a replay");
}

Result<void> SqliteMetricsStore::add_attempts(const commit::Changes::FailedReplay& failed) {
  auto added = bind_place(statement(StoreSql::add_attempts), failed.source).bind(4, failed.times).run();
  if (!added || database_.rows_changed() == 1) return added;
  return fail(ErrorKind::internal, "letter_missing", to_text(failed.source) + " is not a dead letter");
}

}  // namespace weir::sqlite
