// The only file that calls SQLite, but for errors.cpp. open() works in this order: check the path, restrict
// the mode of the files, open the connection, check the header, switch to WAL mode, migrate. Nothing is
// written before the header was checked.
#include "sqlite/database.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "base/ensure.hpp"
#include "sqlite/migrations.hpp"

namespace weir::sqlite {
namespace {

// Whether the last failed call on the database or its WAL set errno to EFBIG. sqlite3_system_errno() does not
// tell: it is about the last call of all, and a rollback makes some more.
bool is_at_size_limit(sqlite3* database) {
  for (const int which : {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
    sqlite3_file* file = nullptr;
    int error = 0;
    const bool found = sqlite3_file_control(database, "main", which, &file) == SQLITE_OK && file != nullptr &&
                       file->pMethods != nullptr;
    if (found && file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error) == SQLITE_OK &&
        error == EFBIG)
      return true;
  }
  return false;
}

std::string path_of(sqlite3* database) {
  const char* path = sqlite3_db_filename(database, "main");
  return path == nullptr ? "" : path;
}

std::unexpected<Error> failure(sqlite3* database, int result) {
  std::string text = path_of(database) + ": " + sqlite3_errmsg(database);
  // SQLite reports a full disk for ENOSPC only, and an I/O error for EFBIG.
  if ((result & 0xff) == SQLITE_IOERR && is_at_size_limit(database)) {
    text += ": the file may not grow any further; raise the limit on file sizes (ulimit -f, LimitFSIZE)";
    return std::unexpected(error_of(SQLITE_FULL, std::move(text)));
  }
  return std::unexpected(error_of(result, std::move(text)));
}

std::string hex(std::int64_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), static_cast<std::uint32_t>(number), 16);
  return "0x" + std::string(digits.begin(), end.ptr);
}

// The unix VFS of SQLite takes 512 bytes, 8 of which it needs for the suffixes of its other files.
constexpr std::size_t path_bytes_max = 504;

bool may_create(const OpenOptions& options) { return options.mode == OpenMode::create_or_migrate; }

// The files hold user ids, so only their owner may read them. SQLite gives a new WAL the mode of its
// database.
void make_private(const std::filesystem::path& path, const OpenOptions& options) {
  struct stat found{};
  // SQLite would create the file with the umask of the process.
  if (may_create(options) && stat(path.c_str(), &found) != 0 && errno == ENOENT) {
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file >= 0) close(file);
  }
  // Older versions created the files with more rights.
  for (const char* const more : {"", "-wal", "-shm"}) {
    const auto one = std::filesystem::path(path) += more;
    const bool wide = stat(one.c_str(), &found) == 0 && (found.st_mode & 077U) != 0;
    if (wide && found.st_uid == geteuid()) (void)chmod(one.c_str(), found.st_mode & 0700U);
  }
}

// Finds what is wrong without opening the file, and what SQLite would repair silently.
Result<void> check_path(const std::filesystem::path& path, const OpenOptions& options) {
  const std::string what = std::string(options.kind.name);
  std::error_code ignored;
  const std::size_t bytes = std::filesystem::absolute(path, ignored).native().size();
  if (bytes > path_bytes_max)
    return fail(ErrorKind::invalid, code_cannot_open,
                path.string() + " is too long for SQLite: its absolute path has " + std::to_string(bytes) +
                    " bytes; expected at most " + std::to_string(path_bytes_max));
  const auto status = std::filesystem::status(path, ignored);
  if (std::filesystem::is_directory(status))
    return fail(ErrorKind::invalid, code_cannot_open,
                path.string() + " is a directory; expected Weir's " + what);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    return fail(ErrorKind::invalid, code_cannot_open,
                path.string() + " is no regular file; expected Weir's " + what);
  const bool missing = !std::filesystem::exists(status);
  const bool empty = missing || std::filesystem::file_size(path, ignored) == 0;
  const auto wal = std::filesystem::path(path) += "-wal";
  const auto wal_bytes = std::filesystem::file_size(wal, ignored);
  // SQLite would delete the WAL and start with an empty database.
  if (empty && !ignored && wal_bytes > 0)
    return fail(ErrorKind::invalid, code_corrupt,
                path.string() + (missing ? " is gone" : " is empty") + ", but " + wal.string() +
                    " holds data of it; expected both (restore the file, or move its WAL away)");
  if (missing && !may_create(options))
    return fail(ErrorKind::invalid, code_cannot_open,
                path.string() + " does not exist; expected Weir's " + what);
  return {};
}

}  // namespace

// Statement
//
// A bind fails only for an index that the SQL does not have, or for a value beyond a gigabyte: both are
// defects.

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }

Statement& Statement::bind(int index, std::int64_t number) {
  ensure(sqlite3_bind_int64(statement_.get(), index, number) == SQLITE_OK, "the parameter exists");
  return *this;
}

// SQLite binds NULL for a null pointer, and an empty view may have one.
Statement& Statement::bind_text(int index, std::string_view text) {
  const char* bytes = text.data() == nullptr ? "" : text.data();
  ensure(sqlite3_bind_text64(statement_.get(), index, bytes, text.size(), SQLITE_STATIC, SQLITE_UTF8) ==
             SQLITE_OK,
         "the parameter exists and the text is below a gigabyte");
  return *this;
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  ensure(sqlite3_bind_blob64(statement_.get(), index, data, bytes.size(), SQLITE_STATIC) == SQLITE_OK,
         "the parameter exists and the blob is below a gigabyte");
  return *this;
}

Statement& Statement::bind_null(int index) {
  ensure(sqlite3_bind_null(statement_.get(), index) == SQLITE_OK, "the parameter exists");
  return *this;
}

Result<bool> Statement::step() {
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  auto failed = failure(sqlite3_db_handle(statement_.get()), result);
  sqlite3_reset(statement_.get());
  return failed;
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

Result<void> Statement::run() {
  while (true) {
    auto row = step();
    if (!row) return propagate(row);
    if (!*row) return {};
  }
}

std::int64_t Statement::number(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string_view Statement::text(int column) const {
  // The text before its size: a conversion to text changes the size.
  const unsigned char* bytes = sqlite3_column_text(statement_.get(), column);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::string_view Statement::blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

// Database

void Database::Close::operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }

Database::Database(sqlite3* database)
    : must_stop_(std::make_unique<std::function<bool()>>()),
      wal_frames_(std::make_unique<std::int64_t>(0)),
      database_(database) {}

Result<Database> Database::open(const std::filesystem::path& path, const OpenOptions& options) {
  if (auto checked = check_path(path, options); !checked) return propagate(checked);
  make_private(path, options);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (may_create(options)) flags |= SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  // NOMUTEX: one thread at a time uses the connection. EXRESCODE: errors.cpp needs the extended codes.
  const int result =
      sqlite3_open_v2(path.c_str(), &handle, flags, options.vfs.empty() ? nullptr : options.vfs.c_str());
  // Also a failed open returns a handle, which has the message and must be closed.
  ensure(handle != nullptr, "there is memory for a connection");
  Database database(handle);
  if (result != SQLITE_OK)
    return fail(ErrorKind::invalid, code_cannot_open,
                path.string() + " cannot be opened: " + sqlite3_errmsg(handle) + "; expected Weir's " +
                    std::string(options.kind.name) + " or a folder to create it in");
  // Without write permission SQLite opens the file read-only and reports no error.
  if (sqlite3_db_readonly(handle, "main") == 1)
    return fail(ErrorKind::invalid, code_read_only,
                path.string() + " is not writable; expected Weir's " + std::string(options.kind.name) +
                    ", which is written to");
  sqlite3_busy_timeout(handle, static_cast<int>(options.busy_timeout.count()));
  if (auto prepared = database.prepare_file(options); !prepared) return propagate(prepared);
  return database;
}

// Reads the header and the schema first. A file that is no database or is damaged fails there, before
// anything is written to it.
Result<void> Database::prepare_file(const OpenOptions& options) {
  const FileKind& kind = options.kind;
  const std::string expected =
      "; expected Weir's " + std::string(kind.name) + " of version " + std::to_string(kind.version());
  auto header = read_header();
  rollback();
  if (!header) {
    header.error().text += expected;
    return propagate(header);
  }
  const std::string version = std::to_string(header->version);
  // Version 0 with an id or with tables: Weir writes id, version and tables in one transaction.
  if (!header->is_blank() && (header->application_id != kind.application_id || header->version < 1))
    return fail(ErrorKind::invalid, code_foreign,
                path() + " is another database (application_id " + hex(header->application_id) +
                    ", user_version " + version + ")" + expected);
  if (auto fits = check_version(*this, kind, header->version); !fits) return fits;
  if (header->is_blank() && !may_create(options))
    return fail(ErrorKind::invalid, code_corrupt, path() + " is an empty database" + expected);
  if (header->version < kind.version() && !may_create(options))
    return fail(ErrorKind::invalid, code_older,
                path() + " is of version " + version + expected + "; a start of this Weir on it migrates it");
  if (auto ready = set_up(options); !ready) return ready;
  return header->version < kind.version() ? migrate(*this, kind) : Result<void>{};
}

// In one read transaction, which the caller ends: another process may create the tables at the same time.
Result<Database::Header> Database::read_header() {
  if (auto begun = run("BEGIN"); !begun) return propagate(begun);
  auto id = number("PRAGMA application_id");
  if (!id) return propagate(id);
  auto version = number("PRAGMA user_version");
  if (!version) return propagate(version);
  auto tables = number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return propagate(tables);
  return Header{.application_id = *id, .version = *version, .has_tables = *tables > 0};
}

// The settings of the connection. journal_mode is a property of the file; the others last as long as the
// connection.
Result<void> Database::set_up(const OpenOptions& options) {
  auto mode = prepare("PRAGMA journal_mode = WAL");
  if (!mode) return propagate(mode);
  auto answer = mode->step();
  if (!answer) return propagate(answer);
  if (mode->text(0) != "wal")
    return fail(ErrorKind::internal, code_error,
                path() + ": this file system cannot do write-ahead logging (is it a network drive?)");
  mode->reset();
  // A WAL hook replaces the automatic checkpoint, so only one of the two is set.
  sqlite3_wal_autocheckpoint(database_.get(), options.wal_autocheckpoint_pages);
  if (options.wal_autocheckpoint_pages == 0) {
    const auto note = [](void* frames, sqlite3*, const char*, int count) {
      *static_cast<std::int64_t*>(frames) = count;
      return SQLITE_OK;
    };
    sqlite3_wal_hook(database_.get(), note, wal_frames_.get());
  }
  // secure_delete, which some distributions turn on, overwrites deleted content with zeros and so costs
  // writes.
  return run(options.durability == Durability::full
                 ? "PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF"
                 : "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = OFF");
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  // PERSISTENT: the statement lives long, so its memory is not taken from the lookaside buffer.
  const int result = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (result != SQLITE_OK) return failure(database_.get(), result);
  return Statement(statement);
}

Result<void> Database::run(std::string_view sql) {
  const int result = sqlite3_exec(database_.get(), std::string(sql).c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return failure(database_.get(), result);
  return {};
}

Result<std::int64_t> Database::number(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return propagate(statement);
  auto row = statement->step();
  if (!row) return propagate(row);
  return *row ? statement->number(0) : 0;
}

Result<void> Database::begin() { return run("BEGIN IMMEDIATE"); }

Result<void> Database::commit() { return run("COMMIT"); }

// SQLite rolls back by itself after some errors. A ROLLBACK whose disk access fails ends the transaction too.
void Database::rollback() {
  if (in_transaction()) sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  ensure(!in_transaction(), "a rollback ends the transaction, also after a disk error");
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }

std::int64_t Database::rows_changed() const { return sqlite3_changes64(database_.get()); }

Result<CheckpointEnd> Database::checkpoint(CheckpointMode mode) {
  int log_frames = 0;
  int checkpointed = 0;
  const int how = mode == CheckpointMode::passive ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE;
  const int result = sqlite3_wal_checkpoint_v2(database_.get(), "main", how, &log_frames, &checkpointed);
  // BUSY is a result, not an error: the counts say how far the checkpoint came.
  if (result != SQLITE_OK && (result & 0xff) != SQLITE_BUSY) return failure(database_.get(), result);
  return CheckpointEnd{.busy = result != SQLITE_OK, .log_frames = log_frames, .checkpointed = checkpointed};
}

void Database::interrupt_when(std::function<bool()> must_stop) {
  constexpr int steps = 4000;  // instructions of SQLite's virtual machine, about a millisecond
  const auto ask = [](void* asked) { return (*static_cast<std::function<bool()>*>(asked))() ? 1 : 0; };
  *must_stop_ = std::move(must_stop);
  if (*must_stop_)
    sqlite3_progress_handler(database_.get(), steps, ask, must_stop_.get());
  else
    sqlite3_progress_handler(database_.get(), 0, nullptr, nullptr);
}

std::string Database::path() const { return path_of(database_.get()); }

void Database::keep_wal_at_close() {
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

std::array<const char*, 5> usual_temporary_folders() {
  return {std::getenv("SQLITE_TMPDIR"), std::getenv("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp"};
}

void ensure_temporary_folder(const std::filesystem::path& otherwise, std::span<const char* const> usual) {
  for (const char* const folder : usual)
    if (folder != nullptr && ::access(folder, W_OK | X_OK) == 0) return;
  // SQLite frees the string itself, so it must come from its allocator.
  if (sqlite3_temp_directory == nullptr) sqlite3_temp_directory = sqlite3_mprintf("%s", otherwise.c_str());
}

}  // namespace weir::sqlite
