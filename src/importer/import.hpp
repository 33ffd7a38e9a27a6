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
  std::vector<std::string> files;  // imported in this order, each as an input of its own; "-": standard input
  std::filesystem::path state_dir;                 // created if missing
  std::optional<std::filesystem::path> salt_file;  // nothing: `salt` in the state folder, created if missing
  FormatChoice format;                             // of every input
  bool again = false;               // --again: begin a new run of inputs that were imported before
  InDoubt in_doubt = InDoubt::ask;  // for a chunk that an earlier import left in doubt
  std::size_t columns = 0;          // width of the terminal that `err` writes to; 0: not a terminal
  std::string page;                 // "http://host:port" of the link at the end
};

// Everything that import takes from its environment.
struct ImportDependencies {
  WeirClient& weir;
  std::function<Now()> now;
  std::function<void(std::chrono::milliseconds)> wait;
  ReadBytes in;       // standard input
  std::ostream& out;  // the summary
  std::ostream& err;  // progress, unreadable lines, and on failure the reason in the last line
};

// Returns the exit code: 0, or 1 with the reason in the last line of `err`. If an input cannot be opened or
// read, or none of its lines can be read, the other inputs are imported all the same, and the code is 1.
// Blocks until done.
[[nodiscard]] int run_import(const ImportOptions& options, const ImportDependencies& dependencies);

}  // namespace weir::importer
