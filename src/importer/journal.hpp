// What import remembers of one input of one log: a row of the database in the state folder. It says how far
// the input was imported, and which chunk may be on its way.
//
// The protocol is write-ahead. Before a chunk is sent, an Intent is committed and synced to the disk;
// afterwards its outcome is committed. So after a crash, a chunk that may have been sent is always known. An
// outcome alone survives the process at once, and a power cut as soon as the next intent is synced. If a
// power cut loses an outcome, its chunk has an unknown outcome, which Sender handles.
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
#include "importer/chunker.hpp"
#include "importer/request_batch.hpp"
#include "sqlite/database.hpp"

namespace weir::importer {

// Identifies an input by its first chunk as it was when the input was first seen.
struct Identity {
  Hash128 first_chunk;
  std::uint64_t bytes = 0;

  friend bool operator==(const Identity&, const Identity&) = default;
};

// A chunk that is about to be sent.
struct Intent {
  InputPosition end;
  std::uint64_t first_line = 0;
  // When the chunk was first sent.
  WallTime sent_at;
  // The end of Weir's log before the chunk was first sent.
  std::int64_t log_end = 0;

  friend bool operator==(const Intent&, const Intent&) = default;
};

// The state folder, opened for one log. The journals of its inputs share it.
struct OpenState {
  std::filesystem::path folder;
  std::string log_id;
  sqlite::Database database;
};

// A row for each input of each log.
inline constexpr std::string_view inputs_schema = R"(
CREATE TABLE inputs (
  log_id TEXT NOT NULL,             -- of /health/ready
  first_piece TEXT NOT NULL,        -- hash of the input's first chunk
  first_bytes INTEGER NOT NULL,     -- and its length
  run INTEGER NOT NULL DEFAULT 0,   -- 0: no run was begun
  salt TEXT NOT NULL DEFAULT '',    -- fingerprint of the salt of this run
  -- the end of the last chunk with an outcome, and the totals of the run up to there
  bytes INTEGER NOT NULL DEFAULT 0,
  hash TEXT NOT NULL DEFAULT '00000000000000000000000000000000',
  lines INTEGER NOT NULL DEFAULT 0,
  mid_line INTEGER NOT NULL DEFAULT 0,
  events INTEGER NOT NULL DEFAULT 0,
  page_views INTEGER NOT NULL DEFAULT 0,
  unreadable INTEGER NOT NULL DEFAULT 0,
  rejected INTEGER NOT NULL DEFAULT 0,
  first_event_ns INTEGER,
  last_event_ns INTEGER,
  -- the intent: end and first line of the chunk, when it was first sent, the end of the log before that
  sent_bytes INTEGER,
  sent_hash TEXT,
  sent_lines INTEGER,
  sent_mid_line INTEGER,
  sent_first_line INTEGER,
  sent_at_ms INTEGER,
  sent_log_end INTEGER,
  PRIMARY KEY (log_id, first_piece)
) STRICT, WITHOUT ROWID)";

// One process at a time has the journal of an input open. For one thread.
class Journal {
 public:
  // Opens the journal of an input that has a row. ErrorKind::unavailable, input_busy: another import has it
  // open. ErrorKind::invalid, state_unusable: the lock file cannot be locked. Other errors are the
  // database's.
  [[nodiscard]] static Result<std::unique_ptr<Journal>> open(std::shared_ptr<OpenState> state,
                                                             const Identity& identity);

  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();

  // Accessors return what the row held after the last successful change. They cost nothing.
  [[nodiscard]] const Identity& identity() const { return identity_; }
  [[nodiscard]] std::uint64_t run() const { return row_.run; }  // 0: none was begun
  // Fingerprint of the salt of the run, or "-" for an input without visitors.
  [[nodiscard]] const std::string& salt() const { return row_.salt; }
  // The end of the last chunk that has an outcome.
  [[nodiscard]] const InputPosition& position() const { return row_.position; }
  // Totals of the run, from its first line to position().
  [[nodiscard]] const Totals& totals() const { return row_.totals; }
  // The chunk that may have been sent and has no outcome.
  [[nodiscard]] const std::optional<Intent>& intent() const { return row_.intent; }
  // The message ids of the run begin with this.
  [[nodiscard]] std::string id_prefix() const;

  // Each of these changes the row in one transaction. After an error, this object is unchanged, and the row
  // may be changed or not. Errors are the database's: ErrorKind::unavailable if the disk is full or the
  // database is busy.

  // Begins at position 0 with totals of 0.
  [[nodiscard]] Result<void> begin_run(std::string_view salt);
  // Synced to the disk on return.
  [[nodiscard]] Result<void> record_intent(const Intent& intent);
  // Ends the intent: its chunk is done, and position() is the end of it.
  [[nodiscard]] Result<void> record_outcome(const Totals& totals);
  // Ends the intent: its chunk was not kept, and position() stays.
  [[nodiscard]] Result<void> discard_intent();

 private:
  struct Row {
    std::uint64_t run = 0;
    std::string salt;
    InputPosition position;
    Totals totals;
    std::optional<Intent> intent;
  };

  Journal(std::shared_ptr<OpenState> state, const Identity& identity)
      : state_(std::move(state)), identity_(identity) {}

  Result<void> lock();
  Result<void> read();
  Result<void> write(Row row);

  std::shared_ptr<OpenState> state_;
  Identity identity_;
  int lock_ = -1;  // descriptor of the lock file
  Row row_;
};

}  // namespace weir::importer
