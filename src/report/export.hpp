// All figures of a range, row by row, for other programs (weir export). One row at a time is in memory.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "report/report.hpp"

namespace weir::report {

enum class ExportFormat : std::uint8_t { csv, ndjson };

struct ExportQuery {
  AskedRange range;
  std::optional<Interval> interval;  // absent: the whole range is one interval
  TimeZone zone = {};
  std::optional<tally::KnownDimension> dimension;  // absent: one row for each interval
  ExportFormat format = ExportFormat::csv;
};

struct ExportRow {
  WindowStart time;        // where the interval begins; without an interval, the start
                           // of the range
  std::string_view value;  // of the dimension; empty without one. Valid until
                           // the callback returns
  Numbers numbers;
  bool has_users = true;  // false for `(other)`
};

// Returns whether further rows are wanted.
using TakeExportRow = std::function<bool(const ExportRow&)>;

// As the functions in query.hpp. Parameters: from, to, interval, tz, dimension and format, which is csv (the
// default) or ndjson.
[[nodiscard]] Result<ExportQuery> parse_export_query(Parameters parameters, WallTime now,
                                                     Dimensions dimensions = built_in_dimension_rows());

// The head of a CSV file: time, the name of the dimension if there is one, and the figures. NDJSON has none.
[[nodiscard]] std::string export_head(const ExportQuery& query);
// Appends the row as one line: of CSV as in other answers (csv_cell), or one JSON object.
void append_export_row(std::string& out, const ExportQuery& query, const ExportRow& row);

}  // namespace weir::report
