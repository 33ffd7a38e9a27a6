// Answers as they are sent: JSON of contract §4, and CSV for the lists. Pure.
#pragma once

#include <string>
#include <string_view>

#include "report/report.hpp"

namespace weir::report {

[[nodiscard]] std::string to_json(const SummaryAnswer& answer);
[[nodiscard]] std::string to_json(const SeriesAnswer& answer);
[[nodiscard]] std::string to_json(const TopAnswer& answer);
[[nodiscard]] std::string to_json(const LedgerAnswer& answer);
[[nodiscard]] std::string to_json(
    const DimensionsAnswer& answer);  // without total, which cannot be asked for
// Of the sample, a key, a value and a detail have at most 1 KiB. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string to_json(const DeadLettersAnswer& answer);

// RFC 4180: a line of names, then a line a point or row, CRLF behind each.
[[nodiscard]] std::string to_csv(const SeriesAnswer& answer);
[[nodiscard]] std::string to_csv(const TopAnswer& answer);
[[nodiscard]] std::string to_csv(const DimensionsAnswer& answer);

// A text of a client's as a CSV cell. Where a spreadsheet would take it for a formula (it begins with = + -
// @, tab or CR) an apostrophe is put before it, which spreadsheets show as text (OWASP, "CSV Injection").
[[nodiscard]] std::string csv_cell(std::string_view text);

}  // namespace weir::report
