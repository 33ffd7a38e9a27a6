// The state folder of import: the salt, and for each of Weir's logs the journals of the inputs that went into
// it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "feed/items.hpp"
#include "feed/journal.hpp"
#include "feed/source.hpp"

namespace weir::feed {

// The journals of one log. Several processes may have the same shelf. One thread.
class Shelf {
 public:
  // Makes the folders where they are missing, for their owner only. Move::caller, state_unusable.
  [[nodiscard]] static Result<Shelf> open(const std::filesystem::path& state_dir, std::string_view log_id);

  // The journal of the input that begins with the bytes that lie ahead of the source; a new one, whose first
  // piece is `first`, if none is known. Where several fit, the one with the longest first piece. May read the
  // source on, and so wait for it. Nothing has been taken from the source. Errors as Journal::open();
  // `first`'s views are gone.
  [[nodiscard]] Result<std::unique_ptr<Journal>> journal_of(Source& source, const Identity& first) const;

 private:
  explicit Shelf(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path folder_;
};

}  // namespace weir::feed
