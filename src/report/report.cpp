#include "report/report.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

#include "base/limits.hpp"
#include "report/best_rows.hpp"
#include "tally/sketch.hpp"

namespace weir::report {

namespace {

using tally::Dimension;
using tally::Granularity;

Result<void> unite(tally::Sketch& users, std::string_view stored) {
  if (auto united = users.unite_encoded(stored); !united) return propagate(united);
  return {};
}

struct Gathered {
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  tally::Sketch users;

  Result<void> add(const ViewRow& row) {
    events += row.events;
    page_views += row.page_views;
    return unite(users, row.users);
  }
  [[nodiscard]] Numbers numbers() const { return {events, page_views, users.estimate()}; }
};

// The store's own errors. What a person must mend there (a password, a table) is no fault of the question's;
// and who asks need not know where the store is, which its words may say: health and the log have them.
template <class T>
std::unexpected<Error> store_failed(Result<T>& failed) {
  Error why = std::move(failed).error();
  if (why.code == code_query_timeout || why.code == code_client_gone)
    return std::unexpected<Error>(std::move(why));
  if (why.kind == ErrorKind::invalid) why.kind = ErrorKind::unavailable;
  why.text = "the metrics store cannot answer now (" + std::string(why.code) + ")";
  return std::unexpected<Error>(std::move(why));
}

// One snapshot, and from when on its granularities are complete.
struct Reading {
  std::unique_ptr<MetricsSnapshot> snapshot;
  Horizons horizons;
};

Result<Reading> begin_reading(MetricsReader& reader, const Cancellation& cancellation) {
  auto snapshot = reader.snapshot(cancellation);
  if (!snapshot) return store_failed(snapshot);
  auto horizons = (*snapshot)->horizons();
  if (!horizons) return store_failed(horizons);
  return Reading{std::move(*snapshot), *horizons};
}

struct Wanted {
  Dimension dimension = Dimension::total;
  std::optional<std::vector<std::string_view>> values;
  bool with_users = true;
};

Wanted wanted_by(const std::optional<Filter>& filter) {
  if (!filter) return {};
  return {filter->dimension, std::vector<std::string_view>{filter->value}, true};
}

// Shows every row of the range to `take`, each event in exactly one of them.
Result<void> scan(const Reading& reading, const UsedRange& range, Granularity coarsest, const Wanted& wanted,
                  const std::function<Result<void>(const ViewRow&)>& take) {
  for (const auto& run : decompose(range, coarsest, reading.horizons)) {
    const WindowQuery query{.granularity = run.granularity,
                            .dimension = wanted.dimension,
                            .from = run.from,
                            .to = run.to,
                            .values = wanted.values,
                            .with_users = wanted.with_users};
    Result<void> taken;
    const auto pass = [&](const ViewRow& row) { taken = taken ? take(row) : taken; };
    auto scanned = reading.snapshot->scan(query, pass);
    if (!scanned) return store_failed(scanned);
    if (!taken) return taken;
  }
  return {};
}

Result<Summary> summarise(const Reading& reading, const AskedRange& asked,
                          const std::optional<Filter>& filter) {
  const auto range = round_outward(asked, reading.horizons);
  Gathered all;
  auto done = scan(reading, range, tally::coarsest_granularity, wanted_by(filter),
                   [&](const ViewRow& row) { return all.add(row); });
  if (!done) return propagate(done);
  return Summary{range, all.numbers(), all.users.relative_error()};
}

Result<void> check_points(const UsedRange& range, Granularity interval) {
  const auto points = windows_in(range, interval);
  if (points <= limits::points_max) return {};
  std::string text = "interval is '" + std::string(name_of(interval)) + "', which makes " +
                     std::to_string(points) + " points of this range; expected at most " +
                     std::to_string(limits::points_max);
  if (interval == tally::coarsest_granularity)
    return fail(ErrorKind::invalid, "too_many_points", text + ": ask for a shorter range");
  const auto fits = [&](Granularity coarser) {
    return coarser > interval && windows_in(range, coarser) <= limits::points_max;
  };
  const auto fitting = std::ranges::find_if(tally::all_granularities, fits);
  const auto next = fitting == tally::all_granularities.end() ? tally::coarsest_granularity : *fitting;
  return fail(ErrorKind::invalid, "too_many_points",
              text + ": ask for interval=" + std::string(name_of(next)));
}

// The points of a part of the range that begins and ends where intervals do, or where the range does.
Result<void> append_points(std::vector<Point>& points, const Reading& reading, const UsedRange& part,
                           Granularity interval, const Wanted& wanted) {
  const auto first = floor_to(interval, part.from);
  const auto width = width_of(interval);
  std::vector<Gathered> gathered(windows_in(part, interval));
  auto done = scan(reading, part, interval, wanted, [&](const ViewRow& row) {
    return gathered.at(static_cast<std::size_t>((row.start - first) / width)).add(row);
  });
  if (!done) return done;
  for (std::size_t i = 0; i < gathered.size(); ++i)
    points.push_back({first + width * static_cast<std::int64_t>(i), gathered[i].numbers()});
  return {};
}

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
  auto done = scan(reading, answer.range, tally::coarsest_granularity, total, [&](const ViewRow& row) {
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
  auto done = scan(reading, range, tally::coarsest_granularity, wanted,
                   [&](const ViewRow& row) { return unite(users.at(row.value), row.users); });
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

Report::Report(MetricsReader& reader, LedgerNames names, KnowsLag knows_lag)
    : reader_(reader), names_(std::move(names)), knows_lag_(std::move(knows_lag)) {}

Result<SummaryAnswer> Report::summary(const SummaryQuery& query, const Cancellation& cancellation) {
  auto reading = begin_reading(reader_, cancellation);
  if (!reading) return propagate(reading);
  auto summary = summarise(*reading, query.range, query.filter);
  if (!summary) return propagate(summary);
  SummaryAnswer answer{*summary, std::nullopt};
  if (!query.compare_previous) return answer;
  auto previous = summarise(*reading, range_before(summary->range), query.filter);
  if (!previous) return propagate(previous);
  answer.previous = *previous;
  return answer;
}

Result<SeriesAnswer> Report::series(const SeriesQuery& query, const Cancellation& cancellation) {
  auto reading = begin_reading(reader_, cancellation);
  if (!reading) return propagate(reading);
  SeriesAnswer answer;
  answer.range = round_outward(query.range, reading->horizons);
  answer.interval = std::max(query.interval, answer.range.finest);
  if (auto fits = check_points(answer.range, answer.interval); !fits) return propagate(fits);

  constexpr int points_at_a_time = 250;  // bounds the sketches in memory to some megabytes
  const auto wanted = wanted_by(query.filter);
  const auto step = width_of(answer.interval) * points_at_a_time;
  auto part = answer.range;
  for (auto at = floor_to(answer.interval, answer.range.from); at < answer.range.to; at += step) {
    part.from = std::max(at, answer.range.from);
    part.to = std::min(at + step, answer.range.to);
    auto done = append_points(answer.points, *reading, part, answer.interval, wanted);
    if (!done) return propagate(done);
  }
  return answer;
}

Result<TopAnswer> Report::top(const TopQuery& query, const Cancellation& cancellation) {
  auto reading = begin_reading(reader_, cancellation);
  if (!reading) return propagate(reading);
  TopAnswer answer{.range = round_outward(query.range, reading->horizons), .dimension = query.dimension_name};
  const auto runs = decompose(answer.range, tally::coarsest_granularity, reading->horizons);
  const ValueQuery values{query.dimension, runs};
  const bool by_users = query.sort == Sort::unique_users;
  auto ranking = rank_by_counts(*reading, values, by_users ? Sort::events : query.sort,
                                by_users ? limits::top_rows_max + 1 : query.limit);
  if (!ranking) return propagate(ranking);
  answer.rows = *std::move(ranking);
  if (by_users) {
    auto best = best_by_users(*reading, answer.range, values, std::move(answer.rows), query.limit);
    if (!best) return propagate(best);
    answer.rows = std::move(*best);
  } else if (auto filled = fill_users(*reading, answer.range, query.dimension, answer.rows); !filled) {
    return propagate(filled);
  }
  if (auto filled = fill_other(*reading, answer); !filled) return propagate(filled);
  return answer;
}

Result<DimensionsAnswer> Report::dimensions(const Cancellation& cancellation) {
  auto snapshot = reader_.snapshot(cancellation);
  if (!snapshot) return store_failed(snapshot);
  auto rows = (*snapshot)->dimensions();
  if (!rows) return store_failed(rows);
  // Built-in ones in the order of their table, then the others by number.
  DimensionsAnswer answer{tally::built_in_known_dimensions()};
  std::ranges::sort(*rows, {}, &tally::KnownDimension::dimension);
  for (tally::KnownDimension& row : *rows)
    if (!tally::is_built_in(row.dimension)) answer.dimensions.push_back(std::move(row));
  return answer;
}

Result<DeadLettersAnswer> Report::dead_letters(const Cancellation& cancellation) {
  auto snapshot = reader_.snapshot(cancellation);
  if (!snapshot) return store_failed(snapshot);
  auto groups = (*snapshot)->dead_letter_groups({});
  if (!groups) return store_failed(groups);
  std::ranges::stable_sort(*groups, std::ranges::greater(), &DeadLetterGroup::count);
  return DeadLettersAnswer{std::move(*groups)};
}

Result<LedgerAnswer> Report::ledger(WallTime now, const Cancellation& cancellation) {
  using std::chrono::milliseconds;
  auto snapshot = reader_.snapshot(cancellation);
  if (!snapshot) return store_failed(snapshot);
  auto rows = (*snapshot)->ledger();
  if (!rows) return store_failed(rows);
  std::ranges::sort(*rows, {}, &tally::LedgerRow::partition);
  LedgerAnswer answer{names_.topic, names_.group_id, {}};
  for (const auto& row : *rows) {
    const auto& seen = row.observed;
    LedgerLine line{.row = row};
    // Clocks differ; nothing waits for less than no time.
    line.observed_age = std::max(milliseconds(0), now - seen.observed_at);
    if (line.observed_age <= observation_age_max && knows_lag_(row.partition))
      line.lag = std::max<std::int64_t>(0, seen.log_end_offset - row.next_offset);
    if (seen.oldest_unread_at)  // the row has not moved since, so that record still waits
      line.oldest_unread_age = std::max(milliseconds(0), now - *seen.oldest_unread_at);
    else if (line.lag == 0)
      line.oldest_unread_age = milliseconds(0);
    answer.lines.push_back(line);
  }
  return answer;
}

}  // namespace weir::report
