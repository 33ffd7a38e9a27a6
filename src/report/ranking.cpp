// The values of a dimension with the highest figures.
#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "base/limits.hpp"
#include "report/best_rows.hpp"
#include "report/gather.hpp"
#include "report/reading.hpp"

namespace weir::report {

namespace {

using tally::Dimension;

// The best values, without users.
Result<std::vector<TopRow>> rank_by_counts(const Reading& reading, const SplitRuns& runs, Dimension dimension,
                                           Sort sort, std::size_t limit) {
  BestRows best(sort, limit);
  auto done = count_values(reading, runs, dimension, [&](const ValueRow& row) {
    if (row.value != tally::value_other) best.offer(row.value, {row.events, row.page_views, 0});
  });
  if (!done) return propagate(done);
  return best.take();
}

// Sets `other` to what the summary of the range has besides the rows.
Result<void> fill_other(const Reading& reading, TopAnswer& answer) {
  const Wanted total{.dimension = Dimension::total, .values = std::nullopt, .with_users = false};
  auto done = scan(reading, answer.range, total, [&](const ViewRow& row) {
    answer.other_events += row.events;
    answer.other_page_views += row.page_views;
    return Result<void>();
  });
  if (!done) return done;
  for (const auto& row : answer.rows) {
    answer.other_events -= row.numbers.events;
    answer.other_page_views -= row.numbers.page_views;
  }
  return {};
}

Result<void> fill_users(const Reading& reading, const SplitRuns& runs, Dimension dimension,
                        std::span<TopRow> rows) {
  std::vector<std::string_view> values;
  for (const TopRow& row : rows) values.push_back(row.value);
  auto gathered = gather_values(reading, runs, dimension, values);
  if (!gathered) return propagate(gathered);
  for (std::size_t at = 0; at < rows.size(); ++at)
    rows[at].numbers.unique_users = (*gathered)[at].users.estimate();
  return {};
}

// No more users than this can be estimated for a value with so many events: an estimate may lie above the
// truth, though hardly ever by five standard errors at its worst (0.027).
std::int64_t users_at_most(std::int64_t events) {
  if (events <= static_cast<std::int64_t>(limits::sketch_exact_max)) return events;
  return events + events * 14 / 100;
}

// Unites the users of every value, one value after the other.
Result<std::vector<TopRow>> rank_all_by_users(const Reading& reading, const ValueQuery& query,
                                              std::size_t limit) {
  BestRows best(Sort::unique_users, limit);
  ValueGatherer values([&](std::string_view value, const Gathered& gathered) {
    best.offer(value, gathered.numbers());
    return true;
  });
  auto done = reading.snapshot->users_by_value(query, [&](const ValueRow& row) { values.add(row); });
  if (!done) return store_failed(done);
  if (auto united = values.finish(); !united) return propagate(united);
  return best.take();
}

// The values whose users are united first. In most stores they are enough, see below.
constexpr std::size_t first_values = 25;

// `most_events`: one more value than are united at once, those with the most events. A user has at least one
// event. So the users of the first values show how many events a value needs to enter the list, and the users
// of the values that have as many are united next. If even the last of `most_events` has, all values are
// united. Two passes at the most, and the counting before.
Result<std::vector<TopRow>> best_by_users(const Reading& reading, const SplitRuns& runs, Dimension dimension,
                                          std::vector<TopRow> most_events, std::size_t limit) {
  BestRows best(Sort::unique_users, limit);
  const auto unite = [&](std::size_t first, std::size_t end) -> Result<void> {
    const std::span<TopRow> rows = std::span(most_events).subspan(first, end - first);
    if (auto filled = fill_users(reading, runs, dimension, rows); !filled) return filled;
    for (const TopRow& row : rows) best.offer(row.value, row.numbers);
    return {};
  };
  const std::size_t first = std::min(std::max(limit, first_values), most_events.size());
  if (auto done = unite(0, first); !done) return propagate(done);
  std::size_t end = first;
  while (end < most_events.size() && best.can_keep(users_at_most(most_events[end].numbers.events))) ++end;
  if (end > limits::top_rows_max) return rank_all_by_users(reading, {dimension, runs.all}, limit);
  if (auto done = unite(first, end); !done) return propagate(done);
  return best.take();
}

}  // namespace

Result<TopAnswer> top_of(const Reading& reading, const TopQuery& query) {
  TopAnswer answer{.range = round_outward(query.range, reading.horizons), .dimension = query.dimension_name};
  auto runs = split_runs(reading, decompose(answer.range, tally::coarsest_granularity, reading.horizons));
  if (!runs) return propagate(runs);
  const bool by_users = query.sort == Sort::unique_users;
  auto ranking = rank_by_counts(reading, *runs, query.dimension, by_users ? Sort::events : query.sort,
                                by_users ? limits::top_rows_max + 1 : query.limit);
  if (!ranking) return propagate(ranking);
  answer.rows = *std::move(ranking);
  if (by_users) {
    auto best = best_by_users(reading, *runs, query.dimension, std::move(answer.rows), query.limit);
    if (!best) return propagate(best);
    answer.rows = std::move(*best);
  } else if (auto filled = fill_users(reading, *runs, query.dimension, answer.rows); !filled) {
    return propagate(filled);
  }
  if (auto filled = fill_other(reading, answer); !filled) return propagate(filled);
  return answer;
}

}  // namespace weir::report
