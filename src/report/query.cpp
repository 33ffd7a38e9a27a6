// Each parse function checks in a fixed order, and the first fault is the error. So a client always gets the
// same text for the same request.
//
// Dimensions are parameters, too. Their names come from the caller, because own dimensions are rows of the
// store.
#include "report/query.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <ranges>
#include <string_view>
#include <vector>

#include "activity/rfc3339.hpp"
#include "base/decimal.hpp"
#include "base/limits.hpp"
#include "base/utf8.hpp"
#include "base/words.hpp"
#include "report/export.hpp"
#include "tally/event_values.hpp"

namespace weir::report {

namespace {

using tally::Dimension;

// Every parameter of the API that is no dimension. An own dimension cannot have one of these names.
constexpr std::array<std::string_view, 10> api_parameters{
    "from", "to", "interval", "tz", "compare", "dimension", "sort", "limit", "format", "key"};

constexpr std::size_t shown_bytes_max = 80;  // of a bad value that an error quotes

// Returns the first value of a parameter. check_names() has refused a repeated one.
std::optional<std::string_view> find(Parameters parameters, std::string_view name) {
  for (const auto& [key, value] : parameters)
    if (key == name) return value;
  return std::nullopt;
}

// Quotes a value of the client for an error, at most shown_bytes_max of it.
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

// Returns whether every byte belongs to a valid sequence.
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
Result<void> check_names(Parameters parameters, const std::vector<std::string_view>& known) {
  for (auto parameter = parameters.begin(); parameter != parameters.end(); ++parameter) {
    const std::string& name = parameter->first;
    if (std::ranges::find(known, name) == known.end()) {
      std::string text = quoted(name) + " is not a parameter of this question; expected ";
      for (const std::string_view each : known) {
        if (each != known.front()) text.append(", ");
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

// A range is rounded outward to milliseconds: `from` down and `to` up. So it contains every event that was
// asked for.
WallTime floor_of(const activity::DateTime& time) {
  return time.second + std::chrono::floor<std::chrono::milliseconds>(time.fraction);
}
WallTime ceil_of(const activity::DateTime& time) {
  return time.second + std::chrono::ceil<std::chrono::milliseconds>(time.fraction);
}

// Reads from and to. Two given times are compared with their full precision, before they are rounded.
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

// Those that can be filtered by and listed.
bool has_values(const tally::KnownDimension& dimension) { return dimension.dimension != Dimension::total; }

// Brings the value to the form in which the tally stores it, such as the path of a URL.
std::string stored_value(Dimension dimension, std::string_view asked) {
  return tally::is_built_in(dimension) ? tally::descriptor_of(dimension).filter_value(asked)
                                       : tally::own_filter_value(asked);
}

Result<std::optional<Filter>> read_filter(Parameters parameters, Dimensions dimensions) {
  std::optional<Filter> filter;
  std::string_view first;
  for (const auto& [dimension, name, source, since] : dimensions | std::views::filter(has_values)) {
    const auto value = find(parameters, name);
    if (!value) continue;
    if (filter) {
      std::string text(first);
      text.append(" and ").append(name);
      text.append(
          " are both given; events are counted for each of them, not "
          "for pairs: ask with one");
      return fail(ErrorKind::invalid, "two_filters", std::move(text));
    }
    if (value->empty()) return refuse(name, *value, "a value to filter by");
    if (!is_utf8(*value) || value->contains('\0'))
      return refuse(name, *value, "UTF-8 without U+0000, as stored values are");
    filter = Filter{dimension, stored_value(dimension, *value)};
    first = name;
  }
  return filter;
}

// A question without filters names the reason, instead of an unknown parameter.
Result<void> refuse_filters(Parameters parameters, Dimensions dimensions, std::string_view why) {
  for (const tally::KnownDimension& dimension : dimensions | std::views::filter(has_values)) {
    if (!find(parameters, dimension.name)) continue;
    std::string text(dimension.name);
    text.append(" filters summary and timeseries only; ").append(why);
    return fail(ErrorKind::invalid, "filter_not_here", std::move(text));
  }
  return {};
}

// The names of parameters, and the filters.
std::vector<std::string_view> with_filters(std::vector<std::string_view> known, Dimensions dimensions) {
  for (const tally::KnownDimension& dimension : dimensions | std::views::filter(has_values))
    known.push_back(dimension.name);
  return known;
}

// The default: minutes up to 6 hours, hours up to 14 days, and days for longer ranges.
Interval interval_for(const AskedRange& range) {
  using namespace std::chrono_literals;
  const auto span = range.to - range.from;
  if (span <= 6h) return Interval::minute;
  return span <= 14 * 24h ? Interval::hour : Interval::day;
}

// Reads the required parameter `dimension`. The error lists the names that this store knows.
Result<tally::KnownDimension> read_dimension(Parameters parameters, Dimensions dimensions) {
  const std::string expected = choices_in_words(with_filters({}, dimensions));
  const auto name = find(parameters, "dimension");
  if (!name) return fail(ErrorKind::invalid, "bad_parameter", "dimension is missing; expected " + expected);
  const auto found = std::ranges::find(dimensions, *name, &tally::KnownDimension::name);
  if (found == dimensions.end() || !has_values(*found)) return refuse("dimension", *name, expected);
  return *found;
}

Sort default_sort(Dimension dimension) {
  const bool by_views = tally::is_built_in(dimension) && tally::descriptor_of(dimension).ranks_by_page_views;
  return by_views ? Sort::page_views : Sort::events;
}

Result<Sort> read_sort(Parameters parameters, Dimension dimension) {
  const auto name = find(parameters, "sort");
  if (!name) return default_sort(dimension);
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

Result<TimeZone> read_zone(Parameters parameters) {
  return TimeZone::find(find(parameters, "tz").value_or("UTC"));
}

}  // namespace

Dimensions built_in_dimension_rows() {
  static const std::vector<tally::KnownDimension> rows = tally::built_in_known_dimensions();
  return rows;
}

bool is_api_parameter(std::string_view name) {
  return std::ranges::find(api_parameters, name) != api_parameters.end();
}

// Decides by the form of the names alone, without the store.
bool names_own_dimension(Parameters parameters) {
  const auto could_be_own = [](std::string_view name) {
    return tally::is_dimension_name(name) && !tally::dimension_named(name);
  };
  return std::ranges::any_of(parameters, [&](const auto& parameter) {
    const auto& [name, value] = parameter;
    return name == "dimension" ? could_be_own(value) : could_be_own(name) && !is_api_parameter(name);
  });
}

Result<SummaryQuery> parse_summary_query(Parameters parameters, WallTime now, Dimensions dimensions) {
  auto named = check_names(parameters, with_filters({"from", "to", "compare", "format"}, dimensions));
  if (!named) return propagate(named);
  auto range = read_range(parameters, now);
  if (!range) return propagate(range);
  auto filter = read_filter(parameters, dimensions);
  if (!filter) return propagate(filter);
  const auto compare = find(parameters, "compare");
  if (compare && *compare != "previous") return refuse("compare", *compare, "previous");
  return SummaryQuery{*range, std::move(*filter), compare.has_value()};
}

Result<SeriesQuery> parse_series_query(Parameters parameters, WallTime now, Dimensions dimensions) {
  auto named = check_names(parameters, with_filters({"from", "to", "interval", "tz", "format"}, dimensions));
  if (!named) return propagate(named);
  auto range = read_range(parameters, now);
  if (!range) return propagate(range);
  auto filter = read_filter(parameters, dimensions);
  if (!filter) return propagate(filter);
  auto zone = read_zone(parameters);
  if (!zone) return propagate(zone);
  auto interval = std::optional(interval_for(*range));
  if (const auto name = find(parameters, "interval")) {
    interval = interval_named(*name);
    if (!interval) return refuse("interval", *name, choices_in_words(interval_names));
  }
  return SeriesQuery{*range, std::move(*filter), *interval, *zone};
}

Result<ExportQuery> parse_export_query(Parameters parameters, WallTime now, Dimensions dimensions) {
  if (auto none = refuse_filters(parameters, dimensions, "an export has all values of one dimension"); !none)
    return propagate(none);
  auto named = check_names(parameters, {"from", "to", "interval", "tz", "dimension", "format"});
  if (!named) return propagate(named);
  ExportQuery query;
  auto range = read_range(parameters, now);
  if (!range) return propagate(range);
  query.range = *range;
  auto zone = read_zone(parameters);
  if (!zone) return propagate(zone);
  query.zone = *zone;
  if (const auto name = find(parameters, "interval")) {
    query.interval = interval_named(*name);
    if (!query.interval) return refuse("interval", *name, choices_in_words(interval_names));
  }
  if (find(parameters, "dimension")) {
    auto dimension = read_dimension(parameters, dimensions);
    if (!dimension) return propagate(dimension);
    query.dimension = *std::move(dimension);
  }
  const std::string_view format = find(parameters, "format").value_or("csv");
  if (format != "csv" && format != "ndjson") return refuse("format", format, "csv or ndjson");
  query.format = format == "csv" ? ExportFormat::csv : ExportFormat::ndjson;
  return query;
}

Result<TopQuery> parse_top_query(Parameters parameters, WallTime now, Dimensions dimensions) {
  // A filter would need a row for each pair of values. Such rows are not kept.
  constexpr std::string_view why = "no counts are kept for the values of one dimension within another's";
  if (auto none = refuse_filters(parameters, dimensions, why); !none) return propagate(none);
  auto named = check_names(parameters, {"from", "to", "dimension", "sort", "limit", "format"});
  if (!named) return propagate(named);
  auto range = read_range(parameters, now);
  if (!range) return propagate(range);
  auto dimension = read_dimension(parameters, dimensions);
  if (!dimension) return propagate(dimension);
  auto sort = read_sort(parameters, dimension->dimension);
  if (!sort) return propagate(sort);
  auto limit = read_limit(parameters);
  if (!limit) return propagate(limit);
  return TopQuery{*range, dimension->dimension, std::move(dimension->name), *sort, *limit};
}

Result<void> check_ledger_query(Parameters parameters, Dimensions dimensions) {
  auto none = refuse_filters(parameters, dimensions, "the ledger accounts for every record");
  if (!none) return none;
  return check_names(parameters, {"format"});
}

Result<void> check_dimensions_query(Parameters parameters) { return check_names(parameters, {"format"}); }

Result<TimeZone> parse_live_query(Parameters parameters) {
  if (auto named = check_names(parameters, {"tz"}); !named) return propagate(named);
  return read_zone(parameters);
}

Result<void> check_dead_letters_query(Parameters parameters) { return check_names(parameters, {"format"}); }

}  // namespace weir::report
