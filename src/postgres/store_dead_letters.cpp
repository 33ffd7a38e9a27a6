// What the metrics store reads from and locks in activity_dead_letters. write() in metrics_store.cpp changes
// the rows, in the one round trip of a flush.
#include <algorithm>
#include <map>
#include <utility>

#include "postgres/metrics_store.hpp"
#include "postgres/store_rows.hpp"
#include "postgres/store_sql.hpp"

namespace weir::postgres {

Result<std::vector<std::int64_t>> PostgresMetricsStore::find_dead_letters(std::int32_t partition,
                                                                          std::int64_t from,
                                                                          std::int64_t to) {
  Parameters parameters;
  parameters.add(options_.topic).add(Type::int4, partition).add(Type::int8, from).add(Type::int8, to);
  auto answers = run_outside({{store_sql::dead_letter_offsets, std::move(parameters)}});
  if (!answers) return propagate(answers);
  const Rows& rows = answers->front();
  std::vector<std::int64_t> offsets;
  for (int row = 0; row < rows.count(); ++row) offsets.push_back(rows.number(row, 0));
  return offsets;
}

Result<std::vector<commit::DeadLetterId>> PostgresMetricsStore::find_failed_replays() {
  auto answers = run_outside({{store_sql::failed_replays, Parameters()}});
  if (!answers) return propagate(answers);
  const Rows& rows = answers->front();
  std::vector<commit::DeadLetterId> found;
  for (int row = 0; row < rows.count(); ++row)
    found.push_back({std::string(rows.bytes(row, 0)), static_cast<std::int32_t>(rows.number(row, 1)),
                     rows.number(row, 2)});
  return found;
}

Result<std::vector<commit::DeadLetterState>> PostgresMetricsStore::lock_dead_letters(
    std::span<const commit::DeadLetterId> letters) {
  using commit::DeadLetterState;
  std::vector<commit::DeadLetterId> in_order(letters.begin(), letters.end());
  std::ranges::sort(in_order);  // all processes lock in this order, so they cannot deadlock
  // An id may be asked for twice, and the statement reads each row once.
  in_order.erase(std::ranges::unique(in_order).begin(), in_order.end());
  auto answers = run_inside({{store_sql::lock_dead_letters, dead_letter_id_parameters(in_order)}});
  if (!answers) return propagate(answers);
  const Rows& rows = answers->front();
  // The answer has the rows that exist, in any order. The caller gets one state for each id, in its own
  // order.
  std::map<commit::DeadLetterId, DeadLetterState> found;
  for (int row = 0; row < rows.count(); ++row) {
    found[{std::string(rows.bytes(row, 0)), static_cast<std::int32_t>(rows.number(row, 1)),
           rows.number(row, 2)}] =
        rows.number(row, 3) != 0 ? DeadLetterState::replayed : DeadLetterState::waiting;
  }
  std::vector<DeadLetterState> states;
  for (const commit::DeadLetterId& letter : letters) {
    const auto known = found.find(letter);
    states.push_back(known == found.end() ? DeadLetterState::unknown : known->second);
  }
  return states;
}

}  // namespace weir::postgres
