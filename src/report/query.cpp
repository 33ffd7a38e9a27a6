#include "report/query.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>

#include "activity/rfc3339.hpp"
#include "base/decimal.hpp"
#include "base/limits.hpp"
#include "base/utf8.hpp"
#include "tally/dimension_values.hpp"

namespace weir::report {

namespace {

using tally::Dimension;
using tally::Granularity;

constexpr std::array filter_dimensions{Dimension::activity_type, Dimension::page, Dimension::referrer};
constexpr std::size_t shown_bytes_max = 80;  // of a bad value that an error quotes

std::optional<std::string_view> find(Parameters parameters, std::string_view name) {
  for (const auto& [key, value] : parameters)
    if (key == name) return value;
  return std::nullopt;
}

std::string quoted(std::string_view text) {
  std::string shown = "'";
  shown.append(text.substr(0, shown_bytes_max));
  if (text.size() > shown_bytes_max) shown.append("…");
  return shown + '\'';
}

std::unexpected<Error> refuse(std::string_view name, std::string_view found, std::string_view expected) {
  std::string text(name);
  text.append(" is ").append(quoted(found)).append("; expected ").append(expected);
  return fail(ErrorKind::invalid, "bad_parameter", std::move(text));
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence_length(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

// Every parameter is one that the question has, and is given once: an answer to less than was asked would be
// wrong.
Result<void> check_names(Parameters parameters, std::initializer_list<std::string_view> known) {
  for (auto parameter = parameters.begin(); parameter != parameters.end(); ++parameter) {
    const std::string& name = parameter->first;
    if (std::ranges::find(known, name) == known.end()) {
      std::string text = quoted(name) + " is not a parameter of this question; expected ";
      for (const std::string_view each : known) {
        if (each != *known.begin()) text.append(", ");
        text.append(each);
      }
      return fail(ErrorKind::invalid, "unknown_parameter", std::move(text));
    }
    const auto is_same = [&](const auto& other) { return other.first == name; };
    if (std::find_if(parameters.begin(), parameter, is_same) != parameter)
      return fail(ErrorKind::invalid, "repeated_parameter",
                  name + " is given more than once; expected one value");
  }
  return {};
}

// '+' is a space in a query unless it is escaped, which is easily forgotten. Where only the sign of an offset
// can have stood, it is put back.
Result<activity::DateTime> parse_time(std::string_view text) {
  auto time = activity::parse_date_time(text);
  constexpr std::size_t offset_bytes = std::string_view(" 02:00").size();
  if (time || text.size() <= offset_bytes || text[text.size() - offset_bytes] != ' ') return time;
  std::string repaired(text);
  repaired[text.size() - offset_bytes] = '+';
  auto again = activity::parse_date_time(repaired);
  return again ? again : time;  // the error quotes what was sent
}

Result<std::optional<activity::DateTime>> read_time(Parameters parameters, std::string_view name) {
  const auto text = find(parameters, name);
  if (!text) return std::nullopt;
  auto time = parse_time(*text);
  if (!time) return fail(ErrorKind::invalid, "bad_parameter", std::string(name) + ": " + time.error().text);
  return *time;
}

WallTime floor_of(const activity::DateTime& time) {
  return time.second + std::chrono::floor<std::chrono::milliseconds>(time.fraction);
}
WallTime ceil_of(const activity::DateTime& time) {
  return time.second + std::chrono::ceil<std::chrono::milliseconds>(time.fraction);
}

Result<AskedRange> read_range(Parameters parameters, WallTime now) {
  auto to = read_time(parameters, "to");
  if (!to) return propagate(to);
  auto from = read_time(parameters, "from");
  if (!from) return propagate(from);
  AskedRange range;
  range.to = *to ? ceil_of(**to) : now;
  range.from = *from ? floor_of(**from) : range.to - std::chrono::hours(24);
  const bool in_order = *from && *to ? **from < **to : range.from < range.to;
  if (in_order) return range;
  if (*to) return refuse("from", find(parameters, "from").value_or(""), "a time before to");
  return refuse("from", find(parameters, "from").value_or(""), "a time before now, where to is not given");
}

std::string stored_value(Dimension dimension, std::string_view asked) {
  if (dimension == Dimension::page) return tally::page_filter(asked);
  return dimension == Dimension::referrer ? tally::referrer_filter(asked) : std::string(asked);
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
      return fail(ErrorKind::invalid, "two_filters", std::move(text));
    }
    if (value->empty()) return refuse(name_of(dimension), *value, "a value to filter by");
    if (!is_utf8(*value) || value->contains('\0'))
      return refuse(name_of(dimension), *value, "UTF-8 without U+0000, as stored values are");
    filter = Filter{dimension, stored_value(dimension, *value)};
  }
  return filter;
}

Result<void> refuse_filters(Parameters parameters, std::string_view why) {
  for (const auto dimension : filter_dimensions) {
    if (!find(parameters, name_of(dimension))) continue;
    std::string text(name_of(dimension));
    text.append(" filters summary and timeseries only; ").append(why);
    return fail(ErrorKind::invalid, "filter_not_here", std::move(text));
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
    return fail(ErrorKind::invalid, "bad_parameter",
                "dimension is missing; expected " + std::string(expected));
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
  if (const auto limit = parse_decimal<std::size_t>(*text, 1, limits::top_rows_max)) return *limit;
  return refuse("limit", *text, "a whole number from 1 to " + std::to_string(limits::top_rows_max));
}

Result<void> check_zone(Parameters parameters) {
  const auto zone = find(parameters, "tz");
  if (!zone || *zone == "UTC") return {};
  return refuse("tz", *zone, "UTC; other zones are not supported yet");
}

}  // namespace

Result<SummaryQuery> parse_summary_query(Parameters parameters, WallTime now) {
  auto named =
      check_names(parameters, {"from", "to", "activity_type", "page", "referrer", "compare", "format"});
  if (!named) return propagate(named);
  auto range = read_range(parameters, now);
  if (!range) return propagate(range);
  auto filter = read_filter(parameters);
  if (!filter) return propagate(filter);
  const auto compare = find(parameters, "compare");
  if (compare && *compare != "previous") return refuse("compare", *compare, "previous");
  return SummaryQuery{*range, std::move(*filter), compare.has_value()};
}

Result<SeriesQuery> parse_series_query(Parameters parameters, WallTime now) {
  auto named = check_names(parameters,
                           {"from", "to", "interval", "tz", "activity_type", "page", "referrer", "format"});
  if (!named) return propagate(named);
  auto range = read_range(parameters, now);
  if (!range) return propagate(range);
  auto filter = read_filter(parameters);
  if (!filter) return propagate(filter);
  if (auto zone = check_zone(parameters); !zone) return propagate(zone);
  auto interval = std::optional(interval_for(*range));
  if (const auto name = find(parameters, "interval")) {
    interval = tally::granularity_named(*name);
    if (!interval) return refuse("interval", *name, "minute, hour or day");
  }
  return SeriesQuery{*range, std::move(*filter), *interval};
}

Result<TopQuery> parse_top_query(Parameters parameters, WallTime now) {
  constexpr std::string_view why = "no counts are kept for the values of one dimension within another's";
  if (auto none = refuse_filters(parameters, why); !none) return propagate(none);
  auto named = check_names(parameters, {"from", "to", "dimension", "sort", "limit", "format"});
  if (!named) return propagate(named);
  auto range = read_range(parameters, now);
  if (!range) return propagate(range);
  auto dimension = read_dimension(parameters);
  if (!dimension) return propagate(dimension);
  auto sort = read_sort(parameters, *dimension);
  if (!sort) return propagate(sort);
  auto limit = read_limit(parameters);
  if (!limit) return propagate(limit);
  return TopQuery{*range, *dimension, *sort, *limit};
}

Result<void> check_ledger_query(Parameters parameters) {
  if (auto none = refuse_filters(parameters, "the ledger accounts for every record"); !none) return none;
  return check_names(parameters, {"format"});
}

}  // namespace weir::report
