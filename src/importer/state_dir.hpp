// The state folder of import: the salt, and a database with what is known of each input of each of Weir's
// logs.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "importer/chunker.hpp"
#include "importer/journal.hpp"
#include "importer/source.hpp"

namespace weir::importer {

// The journals of one log. Several processes may have the same state folder. One thread.
class StateDir {
 public:
  // Makes the folder where it is missing, for its owner only. ErrorKind::invalid, state_unusable: what stands
  // there is no folder or not the database of an import; other errors are the database's.
  [[nodiscard]] static Result<StateDir> open(const std::filesystem::path& state_dir, std::string_view log_id);

  // The journal of the input that begins with the bytes that lie ahead of the source; a new one, whose first
  // piece is `first`, if none is known. Where several fit, the one with the longest first piece. May read the
  // source on, and so wait for it. Nothing has been taken from the source. Errors as Journal::open();
  // `first`'s views are gone.
  [[nodiscard]] Result<std::unique_ptr<Journal>> journal_of(Source& source, const Identity& first) const;

 private:
  explicit StateDir(std::shared_ptr<StateOfLog> state) : state_(std::move(state)) {}

  std::shared_ptr<StateOfLog> state_;
};

}  // namespace weir::importer
