// The questions that can be asked, and how they are read from the parameters of a request (contract §4).
// Pure.
//
// Errors are ErrorKind::invalid and name the parameter: a bad value, with what was found and what was
// expected (bad_parameter); one that is given twice (repeated_parameter); one that this question does not
// have (unknown_parameter); an unknown time zone (TimeZone::find); two filters (two_filters), or one where
// none is (filter_not_here). `format` belongs to every question; its value is the caller's to read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "report/interval.hpp"
#include "report/range.hpp"
#include "report/time_zone.hpp"
#include "tally/window.hpp"

namespace weir::report {

// Names and values, decoded.
using Parameters = std::span<const std::pair<std::string, std::string>>;

// The dimensions that a query can name: rows of activity_dimensions.
using Dimensions = std::span<const tally::KnownDimension>;

// The rows of the built-in dimensions.
[[nodiscard]] Dimensions built_in_dimension_rows();

// Whether the API has a parameter of that name, in any of its queries, that is no dimension.
[[nodiscard]] bool is_api_parameter(std::string_view name);

// Whether the parameters name a dimension that is not built in, so that they must be parsed with the rows of
// activity_dimensions. Otherwise the built-in rows do.
[[nodiscard]] bool names_own_dimension(Parameters parameters);

// Only what has this value in this dimension is counted. The value is as stored values are: a page's path, a
// referrer's host in lower case.
struct Filter {
  tally::Dimension dimension = tally::Dimension::page;
  std::string value;

  friend bool operator==(const Filter&, const Filter&) = default;
};

struct SummaryQuery {
  AskedRange range;
  std::optional<Filter> filter;
  bool compare_previous = false;
};

struct SeriesQuery {
  AskedRange range;
  std::optional<Filter> filter;
  Interval interval = Interval::hour;
  TimeZone zone = {};  // days, weeks and months begin at its midnight
};

enum class Sort : std::uint8_t { events, page_views, unique_users };

struct TopQuery {
  AskedRange range;
  tally::Dimension dimension = tally::Dimension::page;
  std::string dimension_name = "page";
  Sort sort = Sort::page_views;
  std::size_t limit = 10;
};

// `now` is where a range ends that has no `to`.
[[nodiscard]] Result<SummaryQuery> parse_summary_query(Parameters parameters, WallTime now,
                                                       Dimensions dimensions = built_in_dimension_rows());
// Without an interval: minutes up to 6 hours, hours up to 14 days, else days.
[[nodiscard]] Result<SeriesQuery> parse_series_query(Parameters parameters, WallTime now,
                                                     Dimensions dimensions = built_in_dimension_rows());
[[nodiscard]] Result<TopQuery> parse_top_query(Parameters parameters, WallTime now,
                                               Dimensions dimensions = built_in_dimension_rows());
// The ledger is asked without parameters; filters are refused, not passed over.
[[nodiscard]] Result<void> check_ledger_query(Parameters parameters,
                                              Dimensions dimensions = built_in_dimension_rows());
// The list of dimensions is asked without parameters, too.
[[nodiscard]] Result<void> check_dimensions_query(Parameters parameters);
// The live view takes a time zone only: that of its today.
[[nodiscard]] Result<TimeZone> parse_live_query(Parameters parameters);
// And so are the dead letters.
[[nodiscard]] Result<void> check_dead_letters_query(Parameters parameters);

}  // namespace weir::report
