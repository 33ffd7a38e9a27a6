// What import remembers of one input of one log, in a file that is only appended to: before each piece is
// sent, the intent (which lines, when, where Weir's log ended); behind it, its outcome.
//
// A line a record, words with a checksum behind them:
//
//   weir-import 1 <hash> <bytes>      which input this is: its first piece
//   run <number> <salt>               from the first line on; the fingerprint of the salt
//   intent <bytes> <hash> <lines> <mid_line> <first line> <ms> <end>
//                                     where the input stands behind the piece; the piece's first line; when it
//                                     was first sent, and the log's end before that
//   taken <events> <page views> <unreadable> <rejected> <first ns> <last ns>
//                                     all of the run so far; times may be '-'
//   not_kept                          the last intent came to nothing
//
// An intent is on the disk before intend() returns, so a piece that was sent is known of. An outcome is on
// the disk with the next intent or sync(): if it is lost, its piece is in doubt, which is safe. A last line
// that is torn was never acted on and is dropped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/hash.hpp"
#include "base/result.hpp"
#include "feed/items.hpp"
#include "feed/piece.hpp"

namespace weir::feed {

// How an input is known again: by its first piece, as it was when it was first seen.
struct Identity {
  Hash128 first_piece;
  std::uint64_t bytes = 0;

  friend bool operator==(const Identity&, const Identity&) = default;
};

struct Intent {
  Place behind;
  std::uint64_t first_line = 0;
  WallTime at;
  std::int64_t log_end = 0;

  friend bool operator==(const Intent&, const Intent&) = default;
};

// One owner of the file at a time, over all processes. One thread.
class Journal {
 public:
  // Opens the journal of this input, or makes it. Move::peer, input_busy: another import has it open;
  // Move::ourselves, journal_broken or journal_failed: damaged, or the disk fails.
  [[nodiscard]] static Result<std::unique_ptr<Journal>> open(const std::filesystem::path& file,
                                                             const Identity& identity);

  // What the first line of a journal says; nothing if the file is none (or was torn while it was made).
  [[nodiscard]] static std::optional<Identity> identity_in(const std::filesystem::path& file);

  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();

  [[nodiscard]] const Identity& identity() const { return identity_; }
  [[nodiscard]] std::uint64_t run() const { return run_; }  // 0: none was begun
  [[nodiscard]] const std::string& salt() const { return salt_; }
  // Behind the last piece that has an outcome.
  [[nodiscard]] const Place& place() const { return place_; }
  [[nodiscard]] const Totals& totals() const { return totals_; }
  // The piece that was perhaps sent and of which nothing more is known.
  [[nodiscard]] const std::optional<Intent>& open_intent() const { return intent_; }
  // The message ids of the run begin so.
  [[nodiscard]] std::string id_stem() const;

  // Each of these appends one record; Move::ourselves, journal_failed.
  [[nodiscard]] Result<void> begin_run(std::string_view salt);
  [[nodiscard]] Result<void> intend(const Intent& intent);
  [[nodiscard]] Result<void> taken(const Totals& totals);  // place() moves behind the intent
  [[nodiscard]] Result<void> not_kept();
  // Puts the outcomes on the disk.
  [[nodiscard]] Result<void> sync();

 private:
  explicit Journal(int descriptor) : descriptor_(descriptor) {}

  Result<void> read(std::string_view text);
  bool apply(std::string_view record);
  Result<void> append(std::string record);

  int descriptor_;
  Identity identity_;
  std::uint64_t run_ = 0;
  std::string salt_;
  Place place_;
  Totals totals_;
  std::optional<Intent> intent_;
};

}  // namespace weir::feed
