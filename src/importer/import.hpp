// `weir import`: access logs, NDJSON and JSON arrays of activities into a running Weir, so that each line is
// counted exactly once however often import is killed and run again. How it resumes: delivery.hpp and
// feed/journal.hpp.
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
  std::vector<std::string> files;   // in this order, each an input of its own; "-" is standard input
  std::filesystem::path state_dir;  // made if missing
  std::optional<std::filesystem::path> salt_file;  // none: `salt` in the state folder, made if missing
  FormatChoice format;                             // of every input
  bool again = false;
  InDoubt in_doubt = InDoubt::ask;  // for a piece that an earlier import left in doubt
  std::size_t columns = 0;          // of the terminal that `err` is: then a progress bar; 0: it is none
  std::string page;                 // "http://host:port" of the link at the end
};

// All that import has of the world, so that a test can hand in its own.
struct ImportDependencies {
  WeirClient& weir;
  std::function<Now()> now;
  std::function<void(std::chrono::milliseconds)> wait;
  ReadBytes in;       // standard input
  std::ostream& out;  // the summary
  std::ostream& err;  // progress, unreadable lines, and last the reason if it fails
};

// Returns the exit code: 0, or 1 with the reason in err's last line. An input that cannot be opened or read,
// or of which no line could be read, does not keep the others from being imported. Blocks until done.
[[nodiscard]] int run_import(const ImportOptions& options, const ImportDependencies& world);

}  // namespace weir::importer
