#include "cli/stats_text.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

namespace weir::cli {

namespace {

constexpr std::string_view strange = "\uFFFD";
constexpr std::size_t plot_lines = 8;
constexpr std::size_t eighths_a_line = 8;
constexpr std::size_t bar_columns_max = 6;
constexpr std::size_t number_columns = 12;

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 1;
};

// The code point that `text` begins with, by the rules of RFC 3629: no overlong form, no surrogate.
std::optional<CodePoint> first_of(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  if (byte(0) < 0x80) return CodePoint{byte(0), 1};
  const std::size_t bytes = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < bytes) return std::nullopt;
  char32_t value = byte(0) & (0x7FU >> bytes);
  for (std::size_t at = 1; at < bytes; ++at) {
    if ((byte(at) & 0xC0) != 0x80) return std::nullopt;
    value = (value << 6) | (byte(at) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  if (value < least[bytes] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return std::nullopt;
  return CodePoint{value, bytes};
}

bool is_strange(char32_t value) {
  const bool is_control = value < 0x20 || (value >= 0x7F && value <= 0x9F);
  const bool turns_text = value == 0x200E || value == 0x200F || (value >= 0x2028 && value <= 0x202E) ||
                          (value >= 0x2066 && value <= 0x2069);
  return is_control || turns_text;
}

std::size_t length_of(std::string_view valid) {
  const auto starts = std::ranges::count_if(valid, [](char byte) { return (byte & 0xC0) != 0x80; });
  return static_cast<std::size_t>(starts);
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

std::vector<PlotPoint> fold(std::span<const PlotPoint> points, std::size_t together) {
  std::vector<PlotPoint> folded;
  for (std::size_t at = 0; at < points.size(); at += together) {
    const auto part = points.subspan(at, std::min(together, points.size() - at));
    const auto add = [](std::int64_t sum, const PlotPoint& point) { return sum + point.value; };
    folded.push_back({part.front().time, std::accumulate(part.begin(), part.end(), std::int64_t{0}, add)});
  }
  return folded;
}

// One line of a bar that is `eighths` high, counted from the bottom.
std::string_view block(std::size_t eighths, std::size_t line) {
  constexpr std::array<std::string_view, 9> blocks{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const auto below = line * eighths_a_line;
  return blocks[eighths <= below ? 0 : std::min(eighths - below, eighths_a_line)];
}

std::string times_below(std::span<const PlotPoint> points, std::size_t indent, std::size_t width) {
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
  // What is there is seen, however little.
  return std::max<std::size_t>(1, static_cast<std::size_t>(share * plot_lines * eighths_a_line + 0.5));
}

}  // namespace

std::string grouped(std::int64_t number) {
  auto digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (auto at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string printable(std::string_view text, bool keep_lines) {
  std::string safe;
  while (!text.empty()) {
    const auto point = first_of(text);
    const auto bytes = point ? point->bytes : 1;
    const bool kept = keep_lines && (text[0] == '\n' || text[0] == '\r' || text[0] == '\t');
    safe += kept || (point && !is_strange(point->value)) ? text.substr(0, bytes) : strange;
    text.remove_prefix(bytes);
  }
  return safe;
}

std::string fitted(std::string_view text, std::size_t columns) {
  auto safe = printable(text);
  const auto length = length_of(safe);
  if (length <= columns) return safe + std::string(columns - length, ' ');
  std::size_t kept = 0;
  std::string_view rest = safe;
  for (std::size_t column = 1; column < columns; ++column) {
    const auto point = first_of(rest);
    const auto bytes = point ? point->bytes : 1;
    kept += bytes;
    rest.remove_prefix(bytes);
  }
  return safe.substr(0, kept) + (columns > 0 ? "…" : "");
}

std::string draw_plot(std::string_view title, std::span<const PlotPoint> points, std::size_t columns) {
  if (points.empty()) return "";
  constexpr std::size_t scale_columns_min = 20;
  const auto raw_highest = std::ranges::max(points, {}, &PlotPoint::value).value;
  const auto scale_guess = grouped(raw_highest * static_cast<std::int64_t>(points.size())).size() + 3;
  const auto room = std::max(columns, scale_guess + scale_columns_min) - scale_guess;
  const auto together = (points.size() + room - 1) / room;
  const auto bars = fold(points, together);
  const auto highest = std::ranges::max(bars, {}, &PlotPoint::value).value;
  const auto bar_columns = std::clamp<std::size_t>(room / bars.size(), 1, bar_columns_max);
  const std::size_t gap = bar_columns >= 3 ? 1 : 0;
  const auto top = grouped(std::max<std::int64_t>(highest, 1));

  std::string drawn = printable(title);
  if (together > 1) drawn += ", " + std::to_string(together) + " to a column";
  drawn += '\n';
  for (auto line = plot_lines; line-- > 0;) {
    const bool is_top = line == plot_lines - 1;
    std::string row = right_aligned(is_top ? top : "", top.size()) + (is_top ? " ┤" : " │");
    for (const auto& bar : bars) {
      const auto piece = block(eighths_of(bar.value, std::max<std::int64_t>(highest, 1)), line);
      for (std::size_t column = 0; column < bar_columns - gap; ++column) row += piece;
      row.append(gap, ' ');
    }
    row.erase(row.find_last_not_of(' ') + 1);
    drawn += row + '\n';
  }
  drawn += right_aligned("0", top.size()) + " ┼";
  for (std::size_t column = 0; column < bars.size() * bar_columns; ++column) drawn += "─";
  return drawn + '\n' + times_below(points, top.size() + 2, bars.size() * bar_columns);
}

std::string draw_list(std::string_view title, std::span<const std::string_view> heads,
                      std::span<const ListRow> rows, std::size_t columns) {
  constexpr std::size_t value_columns_min = 16;
  const auto numbers = heads.size() * number_columns;
  const auto value_columns = std::max(columns, numbers + value_columns_min) - numbers;
  std::string drawn = fitted(title, value_columns);
  for (const auto head : heads) drawn += right_aligned(printable(head), number_columns);
  drawn += '\n';
  for (const auto& row : rows) {
    drawn += fitted(row.value, value_columns);
    for (const auto number : row.numbers) drawn += right_aligned(grouped(number), number_columns);
    drawn += '\n';
  }
  return drawn;
}

}  // namespace weir::cli
