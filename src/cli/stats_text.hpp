// Numbers as text for a terminal: grouped digits, a plot, a list. Pure; UTF-8, no colours, lines end with \n.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

// 9999 as "9,999".
[[nodiscard]] std::string grouped(std::int64_t number);

// A text of a stranger's, made safe to print: what steers a terminal or turns text around (C0, DEL, C1, line
// separators, changes of direction) becomes U+FFFD, and so does what is not UTF-8. With keep_lines, CR, LF
// and tab stay.
[[nodiscard]] std::string printable(std::string_view text, bool keep_lines = false);

// printable() and cut or filled up to exactly `columns` code points; cut ends with "…".
[[nodiscard]] std::string fitted(std::string_view text, std::size_t columns);

struct PlotPoint {
  std::string time;  // as the API writes it: "2015-05-17T10:00:00Z"
  std::int64_t value = 0;
};

// Bars of eighths of a line, eight lines high, at most `columns` wide; the scale before, the first and the
// last time below. Where there are more points than columns, neighbours are added up, and the title says how
// many.
[[nodiscard]] std::string draw_plot(std::string_view title, std::span<const PlotPoint> points,
                                    std::size_t columns);

struct ListRow {
  std::string value;
  std::vector<std::int64_t> numbers;  // under the first heads
};

// A title with the heads of its columns, then the rows, exactly `columns` wide where that leaves room for
// values.
[[nodiscard]] std::string draw_list(std::string_view title, std::span<const std::string_view> heads,
                                    std::span<const ListRow> rows, std::size_t columns);

}  // namespace weir::cli
