#include "cli/stats_text.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <ranges>

#include "base/decimal.hpp"
#include "base/printable.hpp"
#include "base/utf8.hpp"

namespace weir::cli {

namespace {

// Sizes of the drawings, in characters.
constexpr std::size_t plot_lines = 8;
constexpr std::size_t eighths_a_line = 8;
constexpr std::size_t bar_columns_max = 6;
constexpr std::size_t number_columns = 12;

// In code points.
std::size_t length_of(std::string_view valid) {
  return valid.size() - static_cast<std::size_t>(std::ranges::count_if(valid, is_utf8_continuation));
}

std::string right_aligned(const std::string& text, std::size_t columns) {
  const auto length = length_of(text);
  return length < columns ? std::string(columns - length, ' ') + text : text;
}

// "2015-05-17T10:00:00Z" as "2015-05-17 10:00".
std::string moment_text(std::string_view time) {
  if (time.size() < 16) return printable(time);
  return printable(time.substr(0, 10)) + ' ' + printable(time.substr(11, 5));
}

// Adds up each `together` adjacent points.
std::vector<PlotPoint> fold(std::span<const PlotPoint> points, std::size_t together) {
  std::vector<PlotPoint> folded;
  for (std::size_t at = 0; at < points.size(); at += together) {
    const auto part = points.subspan(at, std::min(together, points.size() - at));
    const auto add = [](std::int64_t sum, const PlotPoint& point) { return sum + point.value; };
    folded.push_back({part.front().time, std::accumulate(part.begin(), part.end(), std::int64_t{0}, add)});
  }
  return folded;
}

// One line of a bar that is `eighths` of a line high. Lines are counted from the bottom.
std::string_view block(std::size_t eighths, std::size_t line) {
  constexpr std::array<std::string_view, 9> blocks{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  // The part of the bar that is below this line.
  const auto below = line * eighths_a_line;
  return blocks[eighths <= below ? 0 : std::min(eighths - below, eighths_a_line)];
}

// The first time below the left end of the plot, and the last one below the right end if there is space.
std::string time_axis(std::span<const PlotPoint> points, std::size_t indent, std::size_t width) {
  const auto first = moment_text(points.front().time);
  const auto last = moment_text(points.back().time);
  std::string line(indent, ' ');
  line += first;
  if (points.size() > 1 && first.size() + last.size() + 2 <= width)
    line += std::string(width - first.size() - last.size(), ' ') + last;
  return line + '\n';
}

std::size_t eighths_of(std::int64_t value, std::int64_t highest) {
  if (value <= 0) return 0;
  const auto share = static_cast<double>(value) / static_cast<double>(highest);
  // A value above 0 is always visible.
  return std::max<std::size_t>(1, static_cast<std::size_t>(share * plot_lines * eighths_a_line + 0.5));
}

}  // namespace

std::string fitted(std::string_view text, std::size_t columns) {
  auto safe = printable(text);
  const auto length = length_of(safe);
  if (length <= columns) return safe + std::string(columns - length, ' ');
  if (columns == 0) return "";
  std::size_t kept = 0;
  for (std::size_t column = 1; column < columns; ++column)
    kept += utf8_sequence_length(std::string_view(safe).substr(kept));
  return safe.substr(0, kept) + "…";
}

std::string wrapped(std::string_view text, std::size_t columns) {
  const std::string safe = printable(text);
  std::string lines;
  std::size_t used = 0;
  for (const auto part : safe | std::views::split(' ')) {
    const std::string_view word(part.begin(), part.end());
    const bool fits = used == 0 || used + 1 + length_of(word) <= columns;
    if (!lines.empty()) lines += fits ? ' ' : '\n';
    used = fits && !lines.empty() ? used + 1 + length_of(word) : length_of(word);
    lines += word;
  }
  return lines + '\n';
}

std::string draw_plot(std::string_view title, std::span<const PlotPoint> points, std::size_t columns) {
  if (points.empty()) return "";
  constexpr std::size_t plot_columns_min = 20;
  const auto raw_highest = std::ranges::max(points, {}, &PlotPoint::value).value;
  // The scale's width depends on the highest bar, and that on how many points share a bar: assume the widest
  // scale.
  const auto scale_columns_max = grouped(raw_highest * static_cast<std::int64_t>(points.size())).size() + 3;
  const auto plot_columns = std::max(columns, scale_columns_max + plot_columns_min) - scale_columns_max;
  // So many points share a column that all of them fit.
  const auto together = (points.size() + plot_columns - 1) / plot_columns;
  const auto bars = fold(points, together);
  const auto highest = std::ranges::max(bars, {}, &PlotPoint::value).value;
  const auto bar_columns = std::clamp<std::size_t>(plot_columns / bars.size(), 1, bar_columns_max);
  // Narrow bars have no gap between them.
  const std::size_t gap = bar_columns >= 3 ? 1 : 0;
  const auto top = grouped(std::max<std::int64_t>(highest, 1));

  std::string drawn = printable(title);
  if (together > 1) drawn += ", " + std::to_string(together) + " to a column";
  drawn += '\n';
  // From the top down. The highest value is written beside the top line.
  for (auto line = plot_lines; line-- > 0;) {
    const bool is_top = line == plot_lines - 1;
    std::string row = right_aligned(is_top ? top : "", top.size()) + (is_top ? " ┤" : " │");
    for (const auto& bar : bars) {
      const auto cell = block(eighths_of(bar.value, std::max<std::int64_t>(highest, 1)), line);
      for (std::size_t column = 0; column < bar_columns - gap; ++column) row += cell;
      row.append(gap, ' ');
    }
    row.erase(row.find_last_not_of(' ') + 1);
    drawn += row + '\n';
  }
  drawn += right_aligned("0", top.size()) + " ┼";
  for (std::size_t column = 0; column < bars.size() * bar_columns; ++column) drawn += "─";
  return drawn + '\n' + time_axis(points, top.size() + 2, bars.size() * bar_columns);
}

std::string draw_list(std::string_view title, std::span<const std::string_view> heads,
                      std::span<const ListRow> rows, std::size_t columns) {
  constexpr std::size_t value_columns_min = 16;
  const std::size_t fitting = std::max(columns, value_columns_min) - value_columns_min;
  heads = heads.first(std::clamp<std::size_t>(fitting / number_columns,
                                              std::min<std::size_t>(1, heads.size()), heads.size()));
  const auto numbers = heads.size() * number_columns;
  // The values get what the numbers leave.
  const auto value_columns = std::max(columns, numbers + value_columns_min) - numbers;
  std::string drawn = fitted(title, value_columns);
  for (const auto head : heads) drawn += right_aligned(printable(head), number_columns);
  drawn += '\n';
  for (const auto& row : rows) {
    drawn += fitted(row.value, value_columns);
    for (const auto number : row.numbers | std::views::take(heads.size()))
      drawn += right_aligned(grouped(number), number_columns);
    drawn += '\n';
  }
  return drawn;
}

}  // namespace weir::cli
