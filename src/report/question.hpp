// The questions that can be asked, and how they are read from the parameters of a request (contract §4).
// Pure.
//
// Parameters that are not known are passed over; a known one with a bad value is refused by name, with what
// was found and what was expected (Move::caller, code bad_parameter).
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

// Names and values, decoded. One that stands twice counts with its last value.
using Parameters = std::span<const std::pair<std::string, std::string>>;

// Only what has this value in this dimension is counted.
struct Filter {
  tally::Dimension dimension = tally::Dimension::page;
  std::string value;

  friend bool operator==(const Filter&, const Filter&) = default;
};

struct SummaryQuestion {
  AskedRange range;
  std::optional<Filter> filter;
  bool compare_previous = false;
};

struct SeriesQuestion {
  AskedRange range;
  std::optional<Filter> filter;
  tally::Granularity interval = tally::Granularity::hour;
};

enum class Sort : std::uint8_t { events, page_views, unique_users };

struct TopQuestion {
  AskedRange range;
  tally::Dimension dimension = tally::Dimension::page;
  Sort sort = Sort::page_views;
  std::size_t limit = 10;
};

// `now` is where a range ends that has no `to`.
[[nodiscard]] Result<SummaryQuestion> read_summary_question(Parameters parameters, WallTime now);
// Without an interval: minutes up to 6 hours, hours up to 14 days, else days.
[[nodiscard]] Result<SeriesQuestion> read_series_question(Parameters parameters, WallTime now);
[[nodiscard]] Result<TopQuestion> read_top_question(Parameters parameters, WallTime now);
// The ledger is asked without parameters; filters are refused, not passed over.
[[nodiscard]] Result<void> check_ledger_question(Parameters parameters);

}  // namespace weir::report
