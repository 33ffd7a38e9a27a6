// A SQLite database connection and its prepared statements, in two move-only holders. No type of sqlite3.h
// leaves this module.
//
// A Database and its Statements belong to one thread at a time: the connection has no mutex. Each thread
// opens a connection of its own. In WAL mode one connection writes while the others read.
//
// Every call blocks. A call that waits for the lock of another connection ends after
// OpenOptions::busy_timeout. errors.hpp lists the errors and what to do about each.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "sqlite/errors.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace weir::sqlite {

// A prepared statement. Parameter indexes count from 1 and columns from 0, as in SQLite. Bound text and blobs
// are not copied: they must live until the statement is done, reset or bound again.
class Statement {
 public:
  Statement& bind(int index, std::int64_t number);
  Statement& bind_text(int index, std::string_view text);
  Statement& bind_blob(int index, std::string_view bytes);
  Statement& bind_null(int index);

  // True: there is a row, and its columns can be read until the next call. False: done. After false or an
  // error the statement is reset and its parameters stay bound. While rows are left, the statement holds its
  // read snapshot: read to the end or call reset().
  Result<bool> step();
  void reset();

  // Steps to the end. For statements that return no rows.
  Result<void> run();

  // The views live until the next step() or reset(). NULL reads as 0 or as an empty view.
  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::string_view blob(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// One step in the history of a file's tables. migrations.hpp says how to add one.
struct Migration {
  std::string_view sql;           // one or several statements; may be empty
  std::string_view skip_if = {};  // a SELECT; the SQL is not run if its first value is not 0
};

// The kind of a file. Its id and version stand in the header of the file, so a file is never mistaken for
// another.
struct FileKind {
  std::string_view name;            // for messages: "event log"
  std::int32_t application_id = 0;  // PRAGMA application_id
  std::span<const Migration>
      migrations;                    // entry n − 1 leads from version n − 1 to n; version 0 is an empty file
  std::string (*views)() = nullptr;  // SQL that replaces the views; run after the migrations

  // The newest version: PRAGMA user_version of a file that is up to date.
  [[nodiscard]] std::int64_t version() const { return static_cast<std::int64_t>(migrations.size()); }
};

enum class OpenMode : std::uint8_t {
  existing,           // the file must exist and be of the newest version
  create_or_migrate,  // a missing file is created; an older one is migrated
};

enum class Durability : std::uint8_t {
  normal,  // a power cut may undo the last commits, whole and in order; a killed process loses nothing
  full,    // commit() returns after the disk has the transaction
};

struct OpenOptions {
  FileKind kind;
  OpenMode mode = OpenMode::existing;
  Durability durability = Durability::full;
  std::chrono::milliseconds busy_timeout{1000};
  int wal_autocheckpoint_pages = 0;  // 0: only checkpoint() writes the WAL back, and reports its errors
  std::string vfs;                   // empty: the default VFS of SQLite; tests name one that fails
};

enum class CheckpointMode : std::uint8_t {
  passive,   // as much as is possible without waiting for another connection
  truncate,  // all of it, waiting for readers up to the busy timeout; leaves a WAL file of no bytes
};

struct CheckpointEnd {
  bool busy = false;              // a reader or a writer kept it from finishing
  std::int64_t log_frames = 0;    // frames in the WAL
  std::int64_t checkpointed = 0;  // those of them that are in the database file, fsynced

  // The database file has everything that was committed before the call.
  [[nodiscard]] bool complete() const { return !busy && log_frames == checkpointed; }
};

class Database {
 public:
  // Opens a file in WAL mode. The file gets mode 0600. OpenMode says what is created and migrated.
  //
  // Refuses, with a text that names the path, what was found and what was expected: a file of another kind,
  // of a newer Weir, one that is damaged or cannot be written, and a WAL without its database. Never
  // overwrites a file that it refuses. After an error of kind `unavailable` the call can be repeated.
  static Result<Database> open(const std::filesystem::path& path, const OpenOptions& options);

  Result<Statement> prepare(std::string_view sql);
  // Runs one or several statements and ignores their rows.
  Result<void> run(std::string_view sql);
  // The first column of the first row; 0 if there is none or it is null.
  Result<std::int64_t> number(std::string_view sql);

  // BEGIN IMMEDIATE: takes the write lock, so that no later statement of the transaction is busy.
  Result<void> begin();
  // After an error call rollback(). With disk_full the transaction is not written, because a write that finds
  // no space leaves the frame that marks the commit incomplete. After any other error the outcome is unknown.
  Result<void> commit();
  // Ends an open transaction, also after a disk error. Does nothing without one.
  void rollback();
  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] std::int64_t rows_changed() const;  // by the last INSERT, UPDATE or DELETE

  // A checkpoint that other connections hold up is no error: see CheckpointEnd.
  Result<CheckpointEnd> checkpoint(CheckpointMode mode);
  // Frames (pages) in the WAL after the last commit of this connection.
  [[nodiscard]] std::int64_t wal_frames() const { return *wal_frames_; }
  // A running statement calls `must_stop` every few thousand steps (about a millisecond), on its own thread.
  // If it returns true, the statement ends with code_interrupted. An empty function turns this off.
  void interrupt_when(std::function<bool()> must_stop);

  // By default the last connection of a file checkpoints when it closes, and its errors are lost. After this
  // call it does not, and the WAL stays for the next start.
  void keep_wal_at_close();

  // The absolute path of the file, for messages.
  [[nodiscard]] std::string path() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  explicit Database(sqlite3* database);

  struct Header {
    std::int64_t application_id = 0;
    std::int64_t version = 0;
    bool has_tables = false;

    [[nodiscard]] bool is_blank() const { return application_id == 0 && version == 0 && !has_tables; }
  };
  Result<Header> read_header();
  Result<void> prepare_file(const OpenOptions& options);
  Result<void> set_up(const OpenOptions& options);

  std::unique_ptr<std::function<bool()>> must_stop_;  // on the heap, as SQLite knows the address
  std::unique_ptr<std::int64_t> wal_frames_;          // likewise
  std::unique_ptr<sqlite3, Close> database_;
};

// SQLite sorts large results in temporary files. If no folder of `usual` can be written to (a read-only
// root), this directs them to `otherwise`, for the whole process. Call it before the first statement that may
// sort.
void ensure_temporary_folder(const std::filesystem::path& otherwise, std::span<const char* const> usual);
// The folders that SQLite tries by itself, in its order; null where an environment variable is not set.
[[nodiscard]] std::array<const char*, 5> usual_temporary_folders();

}  // namespace weir::sqlite
