// The questions that can be asked, and how they are read from the parameters of a request (contract §4).
// Pure.
//
// Errors are ErrorKind::invalid and name the parameter: a bad value, with what was found and what was
// expected (bad_parameter); one that is given twice (repeated_parameter); one that this question does not
// have (unknown_parameter); two filters (two_filters), or one where none is (filter_not_here). `format`
// belongs to every question; its value is the caller's to read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "report/range.hpp"
#include "tally/window.hpp"

namespace weir::report {

// Names and values, decoded.
using Parameters = std::span<const std::pair<std::string, std::string>>;

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
  tally::Granularity interval = tally::Granularity::hour;
};

enum class Sort : std::uint8_t { events, page_views, unique_users };

struct TopQuery {
  AskedRange range;
  tally::Dimension dimension = tally::Dimension::page;
  Sort sort = Sort::page_views;
  std::size_t limit = 10;
};

// `now` is where a range ends that has no `to`.
[[nodiscard]] Result<SummaryQuery> parse_summary_query(Parameters parameters, WallTime now);
// Without an interval: minutes up to 6 hours, hours up to 14 days, else days.
[[nodiscard]] Result<SeriesQuery> parse_series_query(Parameters parameters, WallTime now);
[[nodiscard]] Result<TopQuery> parse_top_query(Parameters parameters, WallTime now);
// The ledger is asked without parameters; filters are refused, not passed over.
[[nodiscard]] Result<void> check_ledger_query(Parameters parameters);

}  // namespace weir::report
