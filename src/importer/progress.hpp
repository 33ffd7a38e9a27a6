// What a person sees while import works: a bar that redraws itself on a terminal, a line every few seconds
// elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace weir::importer {

// 1234567 → "1,234,567"
[[nodiscard]] std::string grouped(std::uint64_t number);
// 1, "line" → "1 line"; 2,000 → "2,000 lines"
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view noun);

// Control characters and bytes that are not ASCII as \xhh: what comes from an input may not steer a terminal.
[[nodiscard]] std::string printable(std::string_view text);

class Progress {
 public:
  struct Point {
    std::uint64_t lines = 0;       // of the input, those taken before among them
    std::uint64_t unreadable = 0;  // the same
    std::uint64_t raw_read = 0;    // bytes of the file
    std::optional<std::uint64_t> raw_bytes;
  };

  // `columns` of the terminal that `err` is; 0: it is none.
  Progress(std::ostream& err, std::size_t columns, std::string name);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  // as end()

  // `start` is where this import goes on: rate and time left are reckoned from there.
  void begin(const Point& start, MonoTime now);
  // Redraws the bar at most ten times a second; elsewhere prints a line at most every five.
  void show(const Point& point, MonoTime now);
  // A line of its own, above the bar.
  void say(std::string_view line);
  // Clears the bar, so that what is printed next, also to another stream on the same terminal, begins a line.
  void end();

 private:
  [[nodiscard]] std::string in_words(const Point& point, MonoTime now) const;

  std::ostream& err_;
  std::size_t columns_;
  std::string name_;
  Point start_;
  MonoTime began_;
  MonoTime shown_;
  std::size_t drawn_ = 0;  // columns of the bar that stands there
};

}  // namespace weir::importer
