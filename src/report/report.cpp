#include "report/report.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/keyed_hash.hpp"
#include "base/limits.hpp"
#include "tally/sketch.hpp"

namespace weir::report {

namespace {

using tally::Dimension;
using tally::Granularity;

Result<void> unite(tally::Sketch& users, std::string_view stored) {
  if (auto united = users.unite_encoded(stored); !united) return pass_on(united);
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

// The store's own errors. What a person must mend there (a password, a table) is no fault of the question's; and who
// asks need not know where the store is, which its words may say: health and the log have them.
template <class T>
std::unexpected<Error> store_failed(Result<T>& failed) {
  Error why = std::move(failed).error();
  if (why.move == Move::caller) why.move = Move::peer;
  why.text = "the metrics store cannot answer now (" + std::string(why.code) + ")";
  return std::unexpected<Error>(std::move(why));
}

// One snapshot, and from when on its granularities are complete.
struct Reading {
  std::unique_ptr<MetricsSnapshot> snapshot;
  Horizons horizons;
};

Result<Reading> begin_reading(MetricsReader& reader) {
  auto snapshot = reader.snapshot();
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
  for (const auto& piece : cover(range, coarsest, reading.horizons)) {
    const WindowQuery query{.granularity = piece.granularity,
                            .dimension = wanted.dimension,
                            .from = piece.from,
                            .to = piece.to,
                            .values = wanted.values,
                            .with_users = wanted.with_users};
    Result<void> taken;
    auto scanned = reading.snapshot->scan(query, [&](const ViewRow& row) {
      if (taken) taken = take(row);
    });
    if (!scanned) return store_failed(scanned);
    if (!taken) return taken;
  }
  return {};
}

Result<Summary> summarise(const Reading& reading, const AskedRange& asked,
                          const std::optional<Filter>& filter) {
  const auto range = round_outward(asked, reading.horizons);
  Gathered all;
  auto done = scan(reading, range, Granularity::day, wanted_by(filter),
                   [&](const ViewRow& row) { return all.add(row); });
  if (!done) return pass_on(done);
  return Summary{range, all.numbers(), all.users.relative_error()};
}

Result<void> check_points(const UsedRange& range, Granularity interval) {
  const auto points = windows_in(range, interval);
  if (points <= limits::points_max) return {};
  std::string text = "interval is '" + std::string(name_of(interval)) + "', which makes " +
                     std::to_string(points) + " points of this range; expected at most " +
                     std::to_string(limits::points_max);
  if (interval == Granularity::day)
    return fail(Move::caller, "too_many_points", text + ": ask for a shorter range");
  const bool hours_fit = windows_in(range, Granularity::hour) <= limits::points_max;
  const auto next = interval == Granularity::minute && hours_fit ? Granularity::hour : Granularity::day;
  return fail(Move::caller, "too_many_points", text + ": ask for interval=" + std::string(name_of(next)));
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

struct Counts {
  std::int64_t events = 0;
  std::int64_t page_views = 0;
};

using CountsByValue = std::unordered_map<std::string, Counts, TextHash, std::equal_to<>>;

Result<CountsByValue> count_values(const Reading& reading, const UsedRange& range, Dimension dimension) {
  CountsByValue counts;
  const Wanted wanted{.dimension = dimension, .values = std::nullopt, .with_users = false};
  auto done = scan(reading, range, Granularity::day, wanted, [&](const ViewRow& row) -> Result<void> {
    auto found = counts.find(row.value);
    if (found == counts.end()) found = counts.emplace(std::string(row.value), Counts{}).first;
    found->second.events += row.events;
    found->second.page_views += row.page_views;
    return {};
  });
  if (!done) return pass_on(done);
  return counts;
}

std::int64_t rank_of(const Numbers& numbers, Sort sort) {
  if (sort == Sort::events) return numbers.events;
  return sort == Sort::page_views ? numbers.page_views : numbers.unique_users;
}

// Puts the best `limit` rows first, in order, and drops the rest.
void keep_best(std::vector<TopRow>& rows, Sort sort, std::size_t limit) {
  const auto better = [sort](const TopRow& a, const TopRow& b) {
    const auto rank_a = rank_of(a.numbers, sort);
    const auto rank_b = rank_of(b.numbers, sort);
    return rank_a != rank_b ? rank_a > rank_b : a.value < b.value;
  };
  const auto kept = std::min(limit, rows.size());
  std::ranges::partial_sort(rows, rows.begin() + static_cast<std::ptrdiff_t>(kept), better);
  rows.resize(kept);
}

Result<void> fill_users(const Reading& reading, const UsedRange& range, Dimension dimension,
                        std::vector<TopRow>& rows) {
  if (rows.empty()) return {};
  std::unordered_map<std::string_view, tally::Sketch, TextHash> users;
  Wanted wanted{.dimension = dimension, .values = std::vector<std::string_view>(), .with_users = true};
  for (const auto& row : rows) {
    users.try_emplace(row.value);
    wanted.values->push_back(row.value);
  }
  auto done = scan(reading, range, Granularity::day, wanted,
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

// Nobody comes without an event. So values are united in the order of their events, a batch at a time, until
// the next one has too few to push anybody out: usually after the first batch.
Result<std::vector<TopRow>> best_by_users(const Reading& reading, const UsedRange& range, Dimension dimension,
                                          std::vector<TopRow> rows, std::size_t limit) {
  keep_best(rows, Sort::events, rows.size());
  std::vector<TopRow> best;
  for (std::size_t at = 0; at < rows.size(); at += limits::top_rows_max) {
    const bool full = best.size() == limit;
    if (full && users_at_most(rows[at].numbers.events) < best.back().numbers.unique_users) break;
    const auto end = std::min(at + limits::top_rows_max, rows.size());
    std::vector<TopRow> batch(rows.begin() + static_cast<std::ptrdiff_t>(at),
                              rows.begin() + static_cast<std::ptrdiff_t>(end));
    if (auto filled = fill_users(reading, range, dimension, batch); !filled) return pass_on(filled);
    std::ranges::move(batch, std::back_inserter(best));
    keep_best(best, Sort::unique_users, limit);
  }
  return best;
}

}  // namespace

Report::Report(MetricsReader& reader, LedgerNames names) : reader_(reader), names_(std::move(names)) {}

Result<SummaryAnswer> Report::summary(const SummaryQuestion& question) {
  auto reading = begin_reading(reader_);
  if (!reading) return pass_on(reading);
  auto summary = summarise(*reading, question.range, question.filter);
  if (!summary) return pass_on(summary);
  SummaryAnswer answer{*summary, std::nullopt};
  if (!question.compare_previous) return answer;
  auto previous = summarise(*reading, range_before(summary->range), question.filter);
  if (!previous) return pass_on(previous);
  answer.previous = *previous;
  return answer;
}

Result<SeriesAnswer> Report::series(const SeriesQuestion& question) {
  auto reading = begin_reading(reader_);
  if (!reading) return pass_on(reading);
  SeriesAnswer answer;
  answer.range = round_outward(question.range, reading->horizons);
  answer.interval = std::max(question.interval, answer.range.finest);
  if (auto fits = check_points(answer.range, answer.interval); !fits) return pass_on(fits);

  constexpr int points_at_a_time = 250;  // bounds the sketches in memory to some megabytes
  const auto wanted = wanted_by(question.filter);
  const auto step = width_of(answer.interval) * points_at_a_time;
  auto part = answer.range;
  for (auto at = floor_to(answer.interval, answer.range.from); at < answer.range.to; at += step) {
    part.from = std::max(at, answer.range.from);
    part.to = std::min(at + step, answer.range.to);
    auto done = append_points(answer.points, *reading, part, answer.interval, wanted);
    if (!done) return pass_on(done);
  }
  return answer;
}

Result<TopAnswer> Report::top(const TopQuestion& question) {
  auto reading = begin_reading(reader_);
  if (!reading) return pass_on(reading);
  TopAnswer answer{.range = round_outward(question.range, reading->horizons),
                   .dimension = question.dimension};
  auto counts = count_values(*reading, answer.range, question.dimension);
  if (!counts) return pass_on(counts);

  std::vector<TopRow> rows;
  for (const auto& [value, count] : *counts) {
    answer.other_events += count.events;
    answer.other_page_views += count.page_views;
    if (value != tally::value_other) rows.push_back({value, {count.events, count.page_views, 0}});
  }
  if (question.sort == Sort::unique_users) {
    auto best = best_by_users(*reading, answer.range, question.dimension, std::move(rows), question.limit);
    if (!best) return pass_on(best);
    rows = std::move(*best);
  } else {
    keep_best(rows, question.sort, question.limit);
    auto filled = fill_users(*reading, answer.range, question.dimension, rows);
    if (!filled) return pass_on(filled);
  }
  answer.rows = std::move(rows);
  for (const auto& row : answer.rows) {
    answer.other_events -= row.numbers.events;
    answer.other_page_views -= row.numbers.page_views;
  }
  return answer;
}

Result<LedgerAnswer> Report::ledger(WallTime now) {
  using std::chrono::milliseconds;
  auto snapshot = reader_.snapshot();
  if (!snapshot) return store_failed(snapshot);
  auto rows = (*snapshot)->ledger();
  if (!rows) return store_failed(rows);
  std::ranges::sort(*rows, {}, &tally::LedgerRow::partition);
  LedgerAnswer answer{names_.topic, names_.group_id, {}};
  for (const auto& row : *rows) {
    const auto& seen = row.observed;
    LedgerLine line{.row = row};
    // Clocks differ and observations age; nothing waits for less than no time.
    line.lag = std::max<std::int64_t>(0, seen.log_end_offset - row.next_offset);
    if (seen.oldest_unread_at)
      line.oldest_unread_age = std::max(milliseconds(0), now - *seen.oldest_unread_at);
    line.observed_age = std::max(milliseconds(0), now - seen.observed_at);
    answer.lines.push_back(line);
  }
  return answer;
}

}  // namespace weir::report
