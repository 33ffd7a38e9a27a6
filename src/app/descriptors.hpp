// File descriptors of the process: the standard ones at start, and how many there may be.
#pragma once

#include <cstddef>

namespace weir::app {

// Opens /dev/null on each of the descriptors 0 to 2 that is closed, so that no file or socket takes its
// number (a data file on number 2 would receive the log). 0 is opened for writing only and 1 and 2 for
// reading only: who uses a standard stream that was closed still gets an error. Call it first, before
// anything opens a file.
void open_standard_descriptors();

// Raises the soft limit of open files (RLIMIT_NOFILE) to the hard one. Returns the limit in force afterwards.
[[nodiscard]] std::size_t raise_descriptor_limit();

// How many connections an HTTP server with `threads` io threads may hold when the process may open `limit`
// files: limits::connections_max at most, and so few that stores and log always find a descriptor. At least 1
// for each thread.
[[nodiscard]] std::size_t connections_within(std::size_t limit, int threads);

}  // namespace weir::app
