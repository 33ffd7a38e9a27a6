// The state folder of import. It holds the salt, and a database with what is known of each input of each log.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "importer/chunker.hpp"
#include "importer/journal.hpp"
#include "importer/source.hpp"

namespace weir::importer {

// Several processes may use the same folder at a time. For one thread.
class StateDir {
 public:
  // Opens the folder for one log. Creates a missing one with mode 0700.
  // ErrorKind::invalid, state_unusable: it is no folder, or its import.db is not a database of import.
  // Other errors are the database's.
  [[nodiscard]] static Result<StateDir> open(const std::filesystem::path& folder, std::string_view log_id);

  // Opens the journal of the input whose beginning the source has. Among several known inputs that fit, the
  // one with the longest first chunk is chosen. If none fits, the input is new and `first` identifies it. May
  // read the source on, so it may block; consumes nothing. Errors as Journal::open().
  [[nodiscard]] Result<std::unique_ptr<Journal>> open_journal(Source& source, const Identity& first) const;

 private:
  explicit StateDir(std::shared_ptr<OpenState> state) : state_(std::move(state)) {}

  // Shared with the journals, which may outlive this object.
  std::shared_ptr<OpenState> state_;
};

}  // namespace weir::importer
