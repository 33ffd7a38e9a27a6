#include "report/question.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ranges>
#include <string_view>

#include "activity/rfc3339.hpp"
#include "base/limits.hpp"

namespace weir::report {

namespace {

using tally::Dimension;
using tally::Granularity;

constexpr std::array filter_dimensions{Dimension::activity_type, Dimension::page, Dimension::referrer};
constexpr std::size_t shown_bytes_max = 80;  // of a bad value that an error quotes

std::optional<std::string_view> find(Parameters parameters, std::string_view name) {
  for (const auto& [key, value] : std::views::reverse(parameters))
    if (key == name) return value;
  return std::nullopt;
}

std::unexpected<Error> refuse(std::string_view name, std::string_view found, std::string_view expected) {
  std::string text(name);
  text.append(" is '").append(found.substr(0, shown_bytes_max));
  if (found.size() > shown_bytes_max) text.append("…");
  text.append("'; expected ").append(expected);
  return fail(Move::caller, "bad_parameter", std::move(text));
}

Result<std::optional<EventTime>> read_time(Parameters parameters, std::string_view name) {
  const auto text = find(parameters, name);
  if (!text) return std::nullopt;
  // '+' is a space in a query unless it is escaped, which is easily forgotten and leaves no doubt.
  std::string repaired(*text);
  std::ranges::replace(repaired, ' ', '+');
  const auto time = activity::parse_rfc3339(repaired);
  if (!time) return fail(Move::caller, "bad_parameter", std::string(name) + ": " + time.error().text);
  return *time;
}

Result<AskedRange> read_range(Parameters parameters, WallTime now) {
  auto to = read_time(parameters, "to");
  if (!to) return pass_on(to);
  auto from = read_time(parameters, "from");
  if (!from) return pass_on(from);
  AskedRange range;
  range.to = to->value_or(now);
  range.from = from->value_or(range.to - std::chrono::hours(24));
  if (range.from < range.to) return range;
  if (*to) return refuse("from", find(parameters, "from").value_or(""), "a time before to");
  return refuse("from", find(parameters, "from").value_or(""), "a time before now, where to is not given");
}

Result<std::optional<Filter>> read_filter(Parameters parameters) {
  std::optional<Filter> filter;
  for (const auto dimension : filter_dimensions) {
    const auto value = find(parameters, name_of(dimension));
    if (!value) continue;
    if (filter) {
      std::string text(name_of(filter->dimension));
      text.append(" and ").append(name_of(dimension));
      text.append(" are both given; events are counted for each of them, not for pairs: ask with one");
      return fail(Move::caller, "two_filters", std::move(text));
    }
    if (value->empty()) return refuse(name_of(dimension), *value, "a value to filter by");
    filter = Filter{dimension, std::string(*value)};
  }
  return filter;
}

Result<void> refuse_filters(Parameters parameters, std::string_view why) {
  for (const auto dimension : filter_dimensions) {
    if (!find(parameters, name_of(dimension))) continue;
    std::string text(name_of(dimension));
    text.append(" filters summary and timeseries only; ").append(why);
    return fail(Move::caller, "filter_not_here", std::move(text));
  }
  return {};
}

Granularity interval_for(const AskedRange& range) {
  using namespace std::chrono_literals;
  const auto span = range.to - range.from;
  if (span <= 6h) return Granularity::minute;
  return span <= 14 * 24h ? Granularity::hour : Granularity::day;
}

Result<Dimension> read_dimension(Parameters parameters) {
  constexpr std::string_view expected = "page, referrer or activity_type";
  const auto name = find(parameters, "dimension");
  if (!name)
    return fail(Move::caller, "bad_parameter", "dimension is missing; expected " + std::string(expected));
  const auto dimension = tally::dimension_named(*name);
  if (!dimension || *dimension == Dimension::total) return refuse("dimension", *name, expected);
  return *dimension;
}

Result<Sort> read_sort(Parameters parameters, Dimension dimension) {
  const auto name = find(parameters, "sort");
  if (!name) return dimension == Dimension::activity_type ? Sort::events : Sort::page_views;
  if (*name == "events") return Sort::events;
  if (*name == "page_views") return Sort::page_views;
  if (*name == "unique_users") return Sort::unique_users;
  return refuse("sort", *name, "page_views, events or unique_users");
}

Result<std::size_t> read_limit(Parameters parameters) {
  constexpr std::size_t limit_default = 10;
  const auto text = find(parameters, "limit");
  if (!text) return limit_default;
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  const bool whole = error == std::errc() && end == text->data() + text->size();
  if (whole && limit >= 1 && limit <= limits::top_rows_max) return limit;
  return refuse("limit", *text, "a whole number from 1 to " + std::to_string(limits::top_rows_max));
}

Result<void> check_zone(Parameters parameters) {
  const auto zone = find(parameters, "tz");
  if (!zone || *zone == "UTC") return {};
  return refuse("tz", *zone, "UTC; other zones are not supported yet");
}

}  // namespace

Result<SummaryQuestion> read_summary_question(Parameters parameters, WallTime now) {
  auto range = read_range(parameters, now);
  if (!range) return pass_on(range);
  auto filter = read_filter(parameters);
  if (!filter) return pass_on(filter);
  const auto compare = find(parameters, "compare");
  if (compare && *compare != "previous") return refuse("compare", *compare, "previous");
  return SummaryQuestion{*range, std::move(*filter), compare.has_value()};
}

Result<SeriesQuestion> read_series_question(Parameters parameters, WallTime now) {
  auto range = read_range(parameters, now);
  if (!range) return pass_on(range);
  auto filter = read_filter(parameters);
  if (!filter) return pass_on(filter);
  if (auto zone = check_zone(parameters); !zone) return pass_on(zone);
  auto interval = std::optional(interval_for(*range));
  if (const auto name = find(parameters, "interval")) {
    interval = tally::granularity_named(*name);
    if (!interval) return refuse("interval", *name, "minute, hour or day");
  }
  return SeriesQuestion{*range, std::move(*filter), *interval};
}

Result<TopQuestion> read_top_question(Parameters parameters, WallTime now) {
  auto range = read_range(parameters, now);
  if (!range) return pass_on(range);
  constexpr std::string_view why = "no counts are kept for the values of one dimension within another's";
  if (auto none = refuse_filters(parameters, why); !none) return pass_on(none);
  auto dimension = read_dimension(parameters);
  if (!dimension) return pass_on(dimension);
  auto sort = read_sort(parameters, *dimension);
  if (!sort) return pass_on(sort);
  auto limit = read_limit(parameters);
  if (!limit) return pass_on(limit);
  return TopQuestion{*range, *dimension, *sort, *limit};
}

Result<void> check_ledger_question(Parameters parameters) {
  return refuse_filters(parameters, "the ledger accounts for every record");
}

}  // namespace weir::report
