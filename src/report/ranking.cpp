// The values of a dimension with the highest figures.
#include <map>
#include <string>
#include <utility>

#include "base/limits.hpp"
#include "report/best_rows.hpp"
#include "report/reading.hpp"

namespace weir::report {

namespace {

using tally::Dimension;

// The best values, without users.
Result<std::vector<TopRow>> rank_by_counts(const Reading& reading, const ValueQuery& query, Sort sort,
                                           std::size_t limit) {
  BestRows best(sort, limit);
  auto done = reading.snapshot->count_by_value(query, [&](const ValueRow& row) {
    if (row.value != tally::value_other) best.offer(row.value, {row.events, row.page_views, 0});
  });
  if (!done) return store_failed(done);
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

Result<void> fill_users(const Reading& reading, const UsedRange& range, Dimension dimension,
                        std::vector<TopRow>& rows) {
  if (rows.empty()) return {};
  std::map<std::string_view, tally::Sketch> users;  // a tree: no choice of values makes it slow
  Wanted wanted{.dimension = dimension, .values = std::vector<std::string_view>(), .with_users = true};
  for (const auto& row : rows) {
    users.try_emplace(row.value);
    wanted.values->push_back(row.value);
  }
  auto done =
      scan(reading, range, wanted, [&](const ViewRow& row) { return unite(users.at(row.value), row.users); });
  if (!done) return done;
  for (auto& row : rows) row.numbers.unique_users = users.at(row.value).estimate();
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
  std::string value;
  Gathered gathered;
  const auto finish_value = [&] {
    if (gathered.events > 0 && value != tally::value_other) best.offer(value, gathered.numbers());
    gathered = {};
  };
  Result<void> united;
  auto done = reading.snapshot->users_by_value(query, [&](const ValueRow& row) {
    if (!united) return;
    if (row.value != value) {
      finish_value();
      value = row.value;
    }
    gathered.events += row.events;
    gathered.page_views += row.page_views;
    united = unite(gathered.users, row.users);
  });
  if (!done) return store_failed(done);
  if (!united) return propagate(united);
  finish_value();
  return best.take();
}

// `most_events`: one more value than are united at once, those with the most events. A user has at least one
// event. So in most stores the users of these values are enough: if the next value has too few events to take
// the last place, so has every further one. Else all values are united. Two passes at the most, and the
// counting before.
Result<std::vector<TopRow>> best_by_users(const Reading& reading, const UsedRange& range,
                                          const ValueQuery& query, std::vector<TopRow> most_events,
                                          std::size_t limit) {
  std::int64_t next_events = 0;
  if (most_events.size() > limits::top_rows_max) {
    next_events = most_events.back().numbers.events;
    most_events.pop_back();
  }
  if (auto filled = fill_users(reading, range, query.dimension, most_events); !filled)
    return propagate(filled);
  BestRows best(Sort::unique_users, limit);
  for (const TopRow& row : most_events) best.offer(row.value, row.numbers);
  std::vector<TopRow> rows = best.take();
  if (next_events == 0 || users_at_most(next_events) < rows.back().numbers.unique_users) return rows;
  return rank_all_by_users(reading, query, limit);
}

}  // namespace

Result<TopAnswer> top_of(const Reading& reading, const TopQuery& query) {
  TopAnswer answer{.range = round_outward(query.range, reading.horizons), .dimension = query.dimension_name};
  const auto runs = decompose(answer.range, tally::coarsest_granularity, reading.horizons);
  const ValueQuery values{query.dimension, runs};
  const bool by_users = query.sort == Sort::unique_users;
  auto ranking = rank_by_counts(reading, values, by_users ? Sort::events : query.sort,
                                by_users ? limits::top_rows_max + 1 : query.limit);
  if (!ranking) return propagate(ranking);
  answer.rows = *std::move(ranking);
  if (by_users) {
    auto best = best_by_users(reading, answer.range, values, std::move(answer.rows), query.limit);
    if (!best) return propagate(best);
    answer.rows = std::move(*best);
  } else if (auto filled = fill_users(reading, answer.range, query.dimension, answer.rows); !filled) {
    return propagate(filled);
  }
  if (auto filled = fill_other(reading, answer); !filled) return propagate(filled);
  return answer;
}

}  // namespace weir::report
