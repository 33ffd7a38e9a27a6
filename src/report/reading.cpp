// client_error() replaces the text of each error of the store, so that no answer names internals of the
// store.
#include "report/reading.hpp"

#include <string>

namespace weir::report {

std::unexpected<Error> client_error(Error why) {
  if (why.code == code_query_timeout || why.code == code_client_gone)
    return std::unexpected<Error>(std::move(why));
  if (why.kind == ErrorKind::invalid) why.kind = ErrorKind::unavailable;
  why.text = "the metrics store cannot answer now (" + std::string(why.code) + ")";
  return std::unexpected<Error>(std::move(why));
}

Result<Reading> begin_reading(MetricsReader& reader, const Cancellation& cancellation, KeptDays* kept) {
  auto snapshot = reader.snapshot(cancellation);
  if (!snapshot) return store_failed(snapshot);
  // Read first: every range is rounded by the horizons of the snapshot that answers it.
  auto horizons = (*snapshot)->horizons();
  if (!horizons) return store_failed(horizons);
  return Reading{std::move(*snapshot), *horizons, kept};
}

Result<void> Gathered::add(std::int64_t more_events, std::int64_t more_page_views,
                           std::string_view stored_users) {
  events += more_events;
  page_views += more_page_views;
  if (auto united = users.unite_encoded(stored_users); !united) return propagate(united);
  return {};
}

void Gathered::add(const Gathered& other) {
  events += other.events;
  page_views += other.page_views;
  users.unite(other.users);
}

void ValueGatherer::add(const ValueRow& row) {
  if (!united_ || !wants_more_) return;
  if (row.value != value_) {
    pass_value();
    value_ = row.value;
  }
  united_ = gathered_.add(row.events, row.page_views, row.users);
}

Result<void> ValueGatherer::finish() {
  if (united_) pass_value();
  return united_;
}

void ValueGatherer::pass_value() {
  if (wants_more_ && gathered_.events > 0 && value_ != tally::value_other)
    wants_more_ = take_(value_, gathered_);
  gathered_ = {};
}

Wanted wanted_by(const std::optional<Filter>& filter) {
  if (!filter) return {};
  // With a filter, the rows of one value are read instead of the rows of `total`.
  return {filter->dimension, std::vector<std::string_view>{filter->value}, true};
}

// The callback of the store returns nothing, so the first error of `take` is kept until the run has ended.
Result<void> scan(const Reading& reading, const std::vector<WindowRun>& runs, const Wanted& wanted,
                  const std::function<Result<void>(const ViewRow&)>& take) {
  for (const WindowRun& run : runs) {
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

Result<void> scan(const Reading& reading, const UsedRange& range, const Wanted& wanted,
                  const std::function<Result<void>(const ViewRow&)>& take) {
  return scan(reading, decompose(range, tally::coarsest_granularity, reading.horizons), wanted, take);
}

}  // namespace weir::report
