// `weir export`: all rows of a range, from a running Weir, for a notebook or another program.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include "http/client.hpp"
#include "http/exchange.hpp"

namespace weir::cli {

struct ExportOptions {
  std::string url = "http://127.0.0.1:8080";
  http::HeaderList credentials;  // headers of the request
  http::Trust trust;             // for https://
  std::string from;              // RFC 3339; empty: 24 h before `to`
  std::string to;                // RFC 3339; empty: now
  std::string interval;          // minute, hour, day, week or month; empty: the whole range is one interval
  std::string tz;                // time zone of days, weeks and months; empty: UTC
  std::string dimension;         // empty: one row for each interval
  std::string format = "csv";
};

// Writes the rows to `out` as they arrive, and returns the exit code: 0, or 1 with the reason in the last
// line of `err`. It is 1 if Weir does not answer, refuses the request or ends the rows early, if another
// program answers, or if `out` cannot be written. Blocks until done. Memory does not depend on the number of
// rows.
//
// Texts that clients sent are written without control characters: escaped in NDJSON, replaced in CSV.
int run_export(const ExportOptions& options, std::ostream& out, std::ostream& err);

}  // namespace weir::cli
