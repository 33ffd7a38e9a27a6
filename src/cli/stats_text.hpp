// Numbers as text for a terminal: a plot and a list. UTF-8, no colours; lines end with LF. Columns are
// counted in code points. Pure functions; any thread may call them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

// printable() text of exactly `columns` columns. A longer text is cut off and ends with "…".
[[nodiscard]] std::string fitted(std::string_view text, std::size_t columns);

// printable() text in lines of at most `columns`, broken at spaces; a longer word has a line of its own.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t columns);

struct PlotPoint {
  std::string time;  // as the API writes it: "2015-05-17T10:00:00Z"
  std::int64_t value = 0;
};

// A bar chart of eight lines, at most `columns` wide (but never narrower than its scale and 20 columns). The
// scale is on the left; the first and the last time are below. With more points than columns, adjacent points
// are added up, and the title says how many. Empty without points.
[[nodiscard]] std::string draw_plot(std::string_view title, std::span<const PlotPoint> points,
                                    std::size_t columns);

struct ListRow {
  std::string value;
  std::vector<std::int64_t> numbers;  // below the first heads; missing ones stay empty
};

// A title and the heads of the number columns, then the rows. Exactly `columns` wide. Number columns that
// would leave less than 16 columns for the values are left out, from the last one on; the first one stays.
[[nodiscard]] std::string draw_list(std::string_view title, std::span<const std::string_view> heads,
                                    std::span<const ListRow> rows, std::size_t columns);

}  // namespace weir::cli
