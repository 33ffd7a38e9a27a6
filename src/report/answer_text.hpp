// Formats answers as the API sends them: JSON of contract §4, and CSV for lists. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "report/report.hpp"

namespace weir::report {

// Return a JSON object without white space. Times are RFC 3339 in UTC. A member whose value is not known is
// null. Bytes that are not valid UTF-8 are written as U+FFFD (JsonText).
[[nodiscard]] std::string to_json(const SummaryAnswer& answer);
[[nodiscard]] std::string to_json(const SeriesAnswer& answer);
[[nodiscard]] std::string to_json(const TopAnswer& answer);
[[nodiscard]] std::string to_json(const LedgerAnswer& answer);
// Without `total`, because the API has no query by it.
[[nodiscard]] std::string to_json(const DimensionsAnswer& answer);
// Of the sample, a key, a value and a detail have at most 1 KiB. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string to_json(const DeadLettersAnswer& answer);

// Return CSV (RFC 4180): a line of column names, then a line for each point or row. Each line ends with CRLF.
[[nodiscard]] std::string to_csv(const SeriesAnswer& answer);
[[nodiscard]] std::string to_csv(const TopAnswer& answer);
[[nodiscard]] std::string to_csv(const DimensionsAnswer& answer);

// Returns the text of a client as a CSV cell, in quotation marks if it needs them. A spreadsheet would
// evaluate a text that begins with = + - @, tab or CR as a formula. Such a text gets an apostrophe before it,
// so that a spreadsheet shows it as text (OWASP, "CSV Injection").
[[nodiscard]] std::string csv_cell(std::string_view text);

}  // namespace weir::report
