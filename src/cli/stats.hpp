// `weir stats`: the numbers of a running Weir on a terminal, or as JSON or CSV for a program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace weir::cli {

enum class StatsFormat : std::uint8_t { table, json, csv };

struct StatsOptions {
  std::string url = "http://127.0.0.1:8080";
  std::string from;      // RFC 3339; empty: 24 h before `to`
  std::string to;        // RFC 3339; empty: now
  std::string interval;  // minute, hour, day; empty: as suits the range
  StatsFormat format = StatsFormat::table;
  std::vector<std::string> dimensions;  // of the top lists; empty: all that Weir knows
  std::size_t limit = 10;               // rows of a top list
  std::size_t columns = 80;             // of the terminal; the table fits in
};

// Prints to `out` and returns the exit code: 0; or 1 with the reason as the last line on `err` (Weir is away,
// or refused the question). table: summary, a plot of the series, top lists. json: one object with members
// summary, timeseries and top (an array), each as the API gave it. csv: the top list of the first dimension
// that is named, or the series if none is. Whatever clients sent is printed without its control characters.
int run_stats(const StatsOptions& options, std::ostream& out, std::ostream& err);

}  // namespace weir::cli
