#include "importer/progress.hpp"

#include <algorithm>
#include <ostream>

#include "base/decimal.hpp"
#include "base/printable.hpp"
#include "base/utf8.hpp"

namespace weir::importer {
namespace {

constexpr std::chrono::milliseconds redraw_every{100};
constexpr std::chrono::seconds line_every{5};
constexpr int bar_columns = 20;

// "[#####...............] 25%  "
std::string bar(double share) {
  const int full = static_cast<int>(share * bar_columns);
  std::string out = "[";
  out.append(static_cast<std::size_t>(full), '#').append(static_cast<std::size_t>(bar_columns - full), '.');
  return out.append("] ").append(std::to_string(static_cast<int>(share * 100))).append("%  ");
}

// "1:05"
std::string minutes_and_seconds(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds);
  std::string text = std::to_string(whole / 60) + ":";
  append_padded(text, whole % 60, 2);
  return text;
}

// Cuts the line to at most `columns_max` columns of a terminal and returns how many it has. A character
// beyond ASCII counts as two columns, which is the most that one takes.
std::size_t cut_to_columns(std::string& line, std::size_t columns_max) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t bytes =
        std::max<std::size_t>(utf8_sequence_length(std::string_view(line).substr(at)), 1);
    const std::size_t width = bytes == 1 ? 1 : 2;
    if (columns + width > columns_max) {
      line.resize(at);
      break;
    }
    columns += width;
    at += bytes;
  }
  return columns;
}

}  // namespace

std::string counted(std::uint64_t number, std::string_view noun) {
  return grouped(static_cast<std::int64_t>(number)).append(" ").append(noun).append(number == 1 ? "" : "s");
}

Progress::Progress(std::ostream& err, std::size_t columns, std::string name, std::string_view noun)
    : err_(err), columns_(columns), name_(printable(name)), noun_(noun) {}

Progress::~Progress() { clear(); }

void Progress::start(const Point& start, MonoTime now) {
  start_ = start;
  started_at_ = shown_at_ = now;
}

void Progress::update(const Point& point, MonoTime now) {
  // Without a terminal, lines would fill a log file: they are rarer.
  const bool terminal = columns_ > 0;
  if (now - shown_at_ < (terminal ? redraw_every : std::chrono::milliseconds(line_every))) return;
  shown_at_ = now;
  std::string line = render(point, now);
  if (!terminal) {
    err_ << line << std::endl;
    return;
  }
  // A bar of more than one row could not be redrawn. A full row would move the cursor to the next one.
  const std::size_t columns = cut_to_columns(line, columns_ - 1);
  err_ << '\r' << line;
  // Blanks over the rest of a longer bar.
  if (drawn_columns_ > columns) err_ << std::string(drawn_columns_ - columns, ' ');
  err_ << std::flush;
  drawn_columns_ = columns;
}

void Progress::print_line(std::string_view line) {
  clear();
  err_ << line << std::endl;
}

std::string Progress::render(const Point& point, MonoTime now) const {
  const double seconds = std::chrono::duration<double>(now - started_at_).count();
  std::string line = name_ + "  ";
  // Remaining seconds, from the bytes of the file; -1: not known.
  double left = -1;
  if (point.raw_bytes_total && *point.raw_bytes_total > 0) {
    const double share = std::min(
        1.0, static_cast<double>(point.raw_bytes_read) / static_cast<double>(*point.raw_bytes_total));
    line += bar(share);
    const auto done =
        static_cast<double>(point.raw_bytes_read - std::min(point.raw_bytes_read, start_.raw_bytes_read));
    const auto rest =
        static_cast<double>(*point.raw_bytes_total - std::min(point.raw_bytes_read, *point.raw_bytes_total));
    if (done > 0) left = seconds * rest / done;
  }
  line += counted(point.lines, noun_);
  if (seconds > 0)
    line += "  " +
            grouped(static_cast<std::int64_t>(static_cast<double>(point.lines - start_.lines) / seconds)) +
            "/s";
  if (left >= 0) line += "  " + minutes_and_seconds(left) + " left";
  if (point.unreadable > 0)
    line += "  " + grouped(static_cast<std::int64_t>(point.unreadable)) + " unreadable";
  return line;
}

void Progress::clear() {
  if (drawn_columns_ == 0) return;
  // The cursor returns to the beginning of the cleared row.
  err_ << '\r' << std::string(drawn_columns_, ' ') << '\r' << std::flush;
  drawn_columns_ = 0;
}

}  // namespace weir::importer
