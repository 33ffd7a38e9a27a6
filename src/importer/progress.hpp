// The progress of an import, or of another long command, on standard error: a bar that is redrawn on a
// terminal, a line every five seconds elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace weir::importer {

// 1, "line" → "1 line"; 2000, "line" → "2,000 lines"
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view noun);

// For one thread.
class Progress {
 public:
  // How far an import is.
  struct Point {
    // Lines of the input that were imported, also by earlier imports.
    std::uint64_t lines = 0;
    // How many of these lines are unreadable.
    std::uint64_t unreadable = 0;
    // Bytes of the file that were read, and its size if that is known. Another command counts its own units.
    std::uint64_t raw_bytes_read = 0;
    std::optional<std::uint64_t> raw_bytes_total;
  };

  // `columns`: width of the terminal that `err` writes to; 0 if it is not a terminal.
  // `noun` is what `lines` counts.
  Progress(std::ostream& err, std::size_t columns, std::string name, std::string_view noun = "line");
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  // calls clear()

  // `start` is where this import continues. Rate and remaining time are computed from there.
  void start(const Point& start, MonoTime now);
  // Redraws the bar at most ten times a second. Without a terminal, prints a line at most every five seconds.
  void update(const Point& point, MonoTime now);
  // Prints a line above the bar.
  void print_line(std::string_view line);
  // Removes the bar. Call it before anything else is printed to the same terminal.
  void clear();

 private:
  [[nodiscard]] std::string render(const Point& point, MonoTime now) const;

  std::ostream& err_;
  std::size_t columns_;
  std::string name_;
  std::string noun_;
  Point start_;
  MonoTime started_at_;
  MonoTime shown_at_;
  std::size_t drawn_columns_ = 0;  // of the bar on the terminal
};

}  // namespace weir::importer
