// SQLite behind two move-only holders: a connection and its prepared statements. No vendor type leaves this
// room.
//
// A Database and all its statements belong to one thread at a time (the connection has no mutex of its own);
// several connections on one file, each on its own thread, are what WAL mode is for: one writes, the others
// read.
//
// Errors say whose move it is:
//   ErrorKind::unavailable       database_busy (a lock), disk_full: the transaction is gone or can be rolled back; try
//   again later ErrorKind::internal  fsync_failed: never try again, not even something else: what the disk holds
//   is not known any
//                    more, and only a restart's recovery can tell. disk_failed, database_corrupt,
//                    not_a_database, database_read_only, database_error: stop and look
//   ErrorKind::invalid     a person must act: on the file that we were pointed to (open()), or on a table that is not as
//                    Weir makes it (tables_differ)
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

struct sqlite3;
struct sqlite3_stmt;

namespace weir::sqlite {

inline constexpr std::string_view code_busy = "database_busy";
inline constexpr std::string_view code_disk_full = "disk_full";
inline constexpr std::string_view code_fsync_failed = "fsync_failed";
inline constexpr std::string_view code_disk_failed = "disk_failed";
inline constexpr std::string_view code_corrupt = "database_corrupt";
inline constexpr std::string_view code_not_a_database = "not_a_database";
inline constexpr std::string_view code_read_only = "database_read_only";
inline constexpr std::string_view code_foreign =
    "foreign_database";  // a database, but another program's or kind's
inline constexpr std::string_view code_newer = "newer_database";  // written by a newer Weir
inline constexpr std::string_view code_cannot_open =
    "cannot_open";  // a directory, no such folder, no permission
inline constexpr std::string_view code_interrupted =
    "interrupted";  // by interrupt_when(): ErrorKind::unavailable
inline constexpr std::string_view code_tables_differ = "tables_differ";
inline constexpr std::string_view code_error = "database_error";

// A prepared statement; places of parameters count from 1, columns from 0, as in SQLite. The text and blobs
// that are bound must live until the statement is done, reset or bound anew: they are not copied.
class Statement {
 public:
  Statement& bind(int place, std::int64_t number);
  Statement& bind_text(int place, std::string_view text);
  Statement& bind_blob(int place, std::string_view bytes);
  Statement& bind_null(int place);

  // True: there is a row, and its columns can be read until the next call. False: done. After false or an
  // error the statement is reset, its parameters stay bound. While there are rows left unread, the statement
  // holds its snapshot: read to the end or reset().
  Result<bool> step();
  void reset();

  // For statements that answer nothing: steps to the end.
  Result<void> run();

  // Views live until the next step() or reset().
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

// What a file is, written into its header, so that no file is ever taken for what it is not.
struct FileKind {
  std::string_view name;            // for messages: "event log"
  std::int32_t application_id = 0;  // PRAGMA application_id
  std::int32_t version = 0;         // PRAGMA user_version: of its tables
};
inline constexpr FileKind event_log_file{"event log", 0x57454C47, 1};          // "WELG"
inline constexpr FileKind metrics_store_file{"metrics store", 0x57455354, 1};  // "WEST"

enum class Durability : std::uint8_t {
  normal,  // a power cut takes the last commits back, as a whole and in order; a process that dies loses
           // nothing
  full,    // commit returns when the disk has it
};

struct OpenOptions {
  FileKind kind;
  // Run in one transaction to make the file. Empty: the file must be there already.
  std::string_view schema;
  Durability durability = Durability::full;
  std::chrono::milliseconds busy_timeout{1000};
  int wal_autocheckpoint_pages = 0;  // 0: only checkpoint() does it, and its errors are seen
  std::string vfs;                   // empty: SQLite's own; tests hand in one that fails
};

enum class CheckpointMode : std::uint8_t {
  passive,   // as much as can be done without waiting for anybody
  truncate,  // all of it, waiting for readers up to the busy timeout; the WAL file has no bytes afterwards
};

struct CheckpointEnd {
  bool busy = false;              // readers or a writer kept it from finishing
  std::int64_t log_frames = 0;    // frames in the WAL
  std::int64_t checkpointed = 0;  // of them in the database file, fsynced

  // Everything that was committed before the call is in the database file itself.
  [[nodiscard]] bool complete() const { return !busy && log_frames == checkpointed; }
};

class Database {
 public:
  // Opens the file in WAL mode, or makes it if there is none and a schema is given. A file that is not of
  // this kind, newer than this program, damaged, not writable, or whose database is gone while its WAL is
  // there, is refused with a text that names the path, what was found and what was expected; nothing is ever
  // made anew over it.
  static Result<Database> open(const std::filesystem::path& path, const OpenOptions& options);

  Result<Statement> prepare(std::string_view sql);
  // One or several statements whose answers nobody wants.
  Result<void> run(std::string_view sql);
  // The first column of the first row; 0 if there is none or it is null.
  Result<std::int64_t> number(std::string_view sql);

  Result<void> begin();  // BEGIN IMMEDIATE: busy here and not later
  // An error means, unless its code is disk_full, that nobody knows whether it is written. disk_full: it is
  // not, for a write that finds no room leaves the frame that marks a commit incomplete. In both cases call
  // rollback().
  Result<void> commit();
  // Ends an open transaction; none is open afterwards, whatever the disk says. Does nothing without one.
  void rollback();
  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] std::int64_t rows_changed() const;  // by the last INSERT, UPDATE or DELETE

  // Busy is not an error: see CheckpointEnd.
  Result<CheckpointEnd> checkpoint(CheckpointMode mode);
  // Frames (pages) in the WAL after this connection's last commit.
  [[nodiscard]] std::int64_t wal_frames() const { return *wal_frames_; }
  // From now on a statement that runs asks `must_stop` every few thousand steps (about a millisecond), on its
  // own thread; when it answers true the statement ends with code_interrupted. An empty function: nothing is
  // asked.
  void interrupt_when(std::function<bool()> must_stop);

  // The last connection of a file checkpoints as it closes, and nobody hears of its errors. Not after this:
  // the WAL stays for the next start.
  void keep_wal_at_close();

 private:
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  explicit Database(sqlite3* database);

  Result<bool> has_tables();
  Result<void> make(const OpenOptions& options);
  Result<void> check_kind(const std::filesystem::path& path, const OpenOptions& options);
  Result<void> set_up(const OpenOptions& options);

  std::unique_ptr<std::function<bool()>> must_stop_;  // likewise
  std::unique_ptr<std::int64_t> wal_frames_;  // its address is known to the connection's hook: outlives it
  std::unique_ptr<sqlite3, Close> database_;
};

// SQLite sorts what is large in temporary files. If none of the folders in `usual` can be written to (a
// read-only root), they go into `otherwise`, for the whole process. Before the first statement runs that may
// need one.
void ensure_temporary_folder(const std::filesystem::path& otherwise, std::span<const char* const> usual);
// Where SQLite looks by itself, in this order; null where a variable is not set.
[[nodiscard]] std::array<const char*, 5> usual_temporary_folders();

}  // namespace weir::sqlite
