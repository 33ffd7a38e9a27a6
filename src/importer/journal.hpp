// What import remembers of one input of one log, as a row of the database in the state folder: how far it
// came, and the piece that it is about to send, with its outcome afterwards.
//
// An intent is on the disk before intend() returns, so a piece that was perhaps sent is always known. Any
// other change survives the process, and a power cut once the next intent is on the disk: an outcome that is
// lost leaves its piece in doubt, which is safe.
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

// How an input is known again: by its first piece, as it was when it was first seen.
struct Identity {
  Hash128 first_piece;
  std::uint64_t bytes = 0;

  friend bool operator==(const Identity&, const Identity&) = default;
};

struct Intent {
  InputPosition behind;
  std::uint64_t first_line = 0;
  WallTime at;
  std::int64_t log_end = 0;

  friend bool operator==(const Intent&, const Intent&) = default;
};

// The state folder with its database, opened for one of Weir's logs.
struct StateOfLog {
  std::filesystem::path folder;
  std::string log_id;
  sqlite::Database database;
};

// A connection's table of inputs, a row for each input of each log.
inline constexpr std::string_view inputs_schema = R"(
CREATE TABLE inputs (
  log_id TEXT NOT NULL,             -- of /health/ready
  first_piece TEXT NOT NULL,        -- hash of the input's first piece
  first_bytes INTEGER NOT NULL,     -- and its length
  run INTEGER NOT NULL DEFAULT 0,   -- 0: none was begun
  salt TEXT NOT NULL DEFAULT '',    -- fingerprint of the salt of this run
  -- the end of the last piece with an outcome, and what came of the run up to there
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
  -- the piece that was perhaps sent: its end, its first line, when it was first sent, the log's end before that
  sent_bytes INTEGER,
  sent_hash TEXT,
  sent_lines INTEGER,
  sent_mid_line INTEGER,
  sent_first_line INTEGER,
  sent_at_ms INTEGER,
  sent_log_end INTEGER,
  PRIMARY KEY (log_id, first_piece)
) STRICT, WITHOUT ROWID)";

// One owner of an input at a time, over all processes. One thread.
class Journal {
 public:
  // The journal of an input that has a row. ErrorKind::unavailable, input_busy: another import has it open.
  // Other errors are the database's.
  [[nodiscard]] static Result<std::unique_ptr<Journal>> open(std::shared_ptr<StateOfLog> state,
                                                             const Identity& identity);

  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();

  [[nodiscard]] const Identity& identity() const { return identity_; }
  [[nodiscard]] std::uint64_t run() const { return row_.run; }  // 0: none was begun
  [[nodiscard]] const std::string& salt() const { return row_.salt; }
  // The end of the last piece that has an outcome.
  [[nodiscard]] const InputPosition& place() const { return row_.place; }
  [[nodiscard]] const Totals& totals() const { return row_.totals; }
  // The piece that was perhaps sent and has no outcome.
  [[nodiscard]] const std::optional<Intent>& open_intent() const { return row_.intent; }
  // The message ids of the run begin so.
  [[nodiscard]] std::string id_stem() const;

  // Each of these changes the row in one transaction; after an error nothing has changed here, and on the
  // disk perhaps. Errors are the database's: ErrorKind::unavailable if the disk is full or the database is
  // busy.
  [[nodiscard]] Result<void> begin_run(std::string_view salt);
  [[nodiscard]] Result<void> intend(const Intent& intent);
  [[nodiscard]] Result<void> taken(const Totals& totals);  // place() moves to the end of the intent
  [[nodiscard]] Result<void> not_kept();

 private:
  struct Row {
    std::uint64_t run = 0;
    std::string salt;
    InputPosition place;
    Totals totals;
    std::optional<Intent> intent;
  };

  Journal(std::shared_ptr<StateOfLog> state, const Identity& identity)
      : state_(std::move(state)), identity_(identity) {}

  Result<void> lock();
  Result<void> read();
  Result<void> write(Row row);

  std::shared_ptr<StateOfLog> state_;
  Identity identity_;
  int lock_ = -1;  // descriptor of the lock file
  Row row_;
};

}  // namespace weir::importer
