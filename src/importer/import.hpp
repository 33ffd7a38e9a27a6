// `weir import`: sends access logs, NDJSON and JSON arrays of activities to a running Weir. Each line is
// counted exactly once, however often import is killed and run again. See sender.hpp and journal.hpp for how
// it resumes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "importer/recognize.hpp"
#include "importer/sender.hpp"
#include "importer/source.hpp"
#include "importer/weir_client.hpp"

namespace weir::importer {

struct ImportOptions {
  // Files to import, in this order, each as an input of its own. "-" is standard input.
  std::vector<std::string> files;
  // The state folder. It is created if it is missing.
  std::filesystem::path state_dir;
  // The file with the salt. Without it, `salt` in the state folder, which is created if it is missing.
  std::optional<std::filesystem::path> salt_file;
  // The format of every input.
  FormatChoice format;
  // Whether to begin a new run of inputs that were imported before (--again).
  bool again = false;
  // What to do with a chunk that an earlier import left in doubt.
  InDoubt in_doubt = InDoubt::ask;
  // Width of the terminal that `err` writes to; 0 if it is not a terminal.
  std::size_t columns = 0;
  // The beginning of the link at the end: "http://host:port".
  std::string page;
};

// Everything that import takes from its environment.
struct ImportDependencies {
  WeirClient& weir;
  std::function<Now()> now;
  std::function<void(std::chrono::milliseconds)> wait;
  // Reads standard input.
  ReadBytes in;
  // Gets the summary.
  std::ostream& out;
  // Gets progress, unreadable lines, and on failure the reason in the last line.
  std::ostream& err;
};

// Returns the exit code: 0, or 1 with the reason in the last line of `err`. The code is 1 if an input cannot
// be opened or read, or none of its lines can be read. The other inputs are imported all the same. Blocks
// until done.
[[nodiscard]] int run_import(const ImportOptions& options, const ImportDependencies& dependencies);

}  // namespace weir::importer
