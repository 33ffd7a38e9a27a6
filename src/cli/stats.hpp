// `weir stats`: the numbers of a running Weir, as tables for a terminal, or as JSON or CSV for a program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "http/client.hpp"
#include "http/exchange.hpp"

namespace weir::cli {

// See run_stats().
enum class StatsFormat : std::uint8_t { table, json, csv };

struct StatsOptions {
  std::string url = "http://127.0.0.1:8080";
  http::HeaderList credentials;  // headers of each request
  http::Trust trust;             // for https://
  std::string from;              // RFC 3339; empty: 24 h before `to`
  std::string to;                // RFC 3339; empty: now
  std::string interval;          // minute, hour, day, week, month; empty: the API chooses
  std::string tz;                // time zone of days and of the times in tables; empty: UTC
  StatsFormat format = StatsFormat::table;
  std::vector<std::string> dimensions;  // of the top lists; empty: all that Weir knows
  std::size_t limit = 10;               // rows of a top list
  std::size_t columns = 80;             // width of the terminal, for tables; from 40 on they fit
  bool watch = false;                   // print again, on a cleared screen, as long as wait() returns true
  std::function<bool()> wait = [] { return false; };
};

// The dimensions that `--dimension` takes, as the words of its help.
[[nodiscard]] std::vector<std::string> dimension_choices();
// Adds a dimension to those of the top lists. Returns false if no Weir can have one of that name. Only the
// running Weir knows the names in its DIMENSIONS, so it may still refuse.
bool add_dimension(StatsOptions& options, const std::string& name);

// Prints to `out` and returns the exit code: 0, or 1 with the reason in the last line of `err`. It is 1 if
// Weir does not answer, refuses a request, or another program answers. Blocks until done.
//
//   table   the summary, a plot of the time series, and the top lists
//   json    one object with the members summary, timeseries and top (an array), each as the API returned it
//   csv     the top lists of the dimensions in the options; without one, the time series
//
// Texts that clients sent are printed without control characters.
int run_stats(const StatsOptions& options, std::ostream& out, std::ostream& err);

}  // namespace weir::cli
