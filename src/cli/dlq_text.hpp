// Dead letters as text: for a terminal, as JSON and as CSV. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "report/dead_letters.hpp"

namespace weir::cli {

// Bytes of a client as one line of text. Control characters become \u00hh. What else a terminal would obey,
// and bytes that are not UTF-8, become U+FFFD.
[[nodiscard]] std::string safe_text(std::string_view bytes);

// The groups, the largest first, as tables. Lines have at most `columns` columns, but samples are whole.
[[nodiscard]] std::string groups_table(std::span<const report::DeadLetterGroup> groups, std::size_t columns);
[[nodiscard]] std::string groups_csv(std::span<const report::DeadLetterGroup> groups);

// One line of a table of rows, and the line of its heads.
[[nodiscard]] std::string rows_head(std::size_t columns);
[[nodiscard]] std::string row_line(const report::DeadLetterRow& row, std::size_t columns);

// One dead letter with all its columns: as lines, as a JSON object, and as a line of CSV.
[[nodiscard]] std::string row_table(const report::DeadLetterRow& row, const std::string& topic);
[[nodiscard]] std::string row_json(const report::DeadLetterRow& row, const std::string& topic);
[[nodiscard]] std::string rows_csv_head();
[[nodiscard]] std::string row_csv(const report::DeadLetterRow& row, const std::string& topic);

// "topic/partition/offset", as in the header weir.replay.
[[nodiscard]] std::string id_text(const report::DeadLetterRow& row, const std::string& topic);

}  // namespace weir::cli
