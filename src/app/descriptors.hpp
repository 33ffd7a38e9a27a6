// File descriptors of the process: the standard streams, and the limit of open files.
#pragma once

#include <cstddef>

namespace weir::app {

// Opens /dev/null on each of the descriptors 0 to 2 that is closed. Otherwise a file or socket would get that
// number, and a data file with number 2 would receive the log. Descriptor 0 is opened for writing only, 1 and
// 2 for reading only. So code that uses a closed standard stream still gets an error. Call it first, before
// anything opens a file.
void open_standard_descriptors();

// Raises the soft limit of open files (RLIMIT_NOFILE) to the hard limit. Returns the limit in force
// afterwards.
[[nodiscard]] std::size_t raise_descriptor_limit();

// Returns how many connections an HTTP server with `threads` io threads may hold if the process may open
// `limit` files. At most limits::connections_max, and few enough to leave the reserved descriptors to stores
// and log. At least one for each thread.
[[nodiscard]] std::size_t connections_within(std::size_t limit, int threads);

}  // namespace weir::app
