// Everything runs on the thread that opens the file, inside of one BEGIN IMMEDIATE … COMMIT. The version is
// read again after BEGIN: another process may have migrated the file while this one waited for the write
// lock.
#include "sqlite/migrations.hpp"

#include <string>
#include <utility>

namespace weir::sqlite {
namespace {

Result<void> run(Database& database, const Migration& migration) {
  if (!migration.skip_if.empty()) {
    auto is_done = database.number(migration.skip_if);
    if (!is_done) return propagate(is_done);
    if (*is_done != 0) return {};
  }
  return database.run(migration.sql);
}

Result<void> set_version(Database& database, const FileKind& kind) {
  return database.run("PRAGMA application_id = " + std::to_string(kind.application_id) +
                      "; PRAGMA user_version = " + std::to_string(kind.version()));
}

Error while_migrating(std::int64_t from, const FileKind& kind, Error error) {
  error.text = "migrating the " + std::string(kind.name) + " from version " + std::to_string(from) + " to " +
               std::to_string(kind.version()) + ": " + error.text;
  return error;
}

// Within the transaction.
Result<void> run_missing(Database& database, const FileKind& kind) {
  auto version = database.number("PRAGMA user_version");
  if (!version) return propagate(version);
  if (auto fits = check_version(database, kind, *version); !fits) return fits;
  if (*version == kind.version()) return {};
  Result<void> done;
  for (const Migration& migration : kind.migrations.subspan(static_cast<std::size_t>(*version)))
    if (done) done = run(database, migration);
  if (done && kind.views != nullptr) done = database.run(kind.views());
  if (done) done = set_version(database, kind);
  if (!done) return std::unexpected(while_migrating(*version, kind, std::move(done).error()));
  return done;
}

}  // namespace

Result<void> check_version(const Database& database, const FileKind& kind, std::int64_t version) {
  if (version <= kind.version()) return {};
  return fail(ErrorKind::invalid, code_newer,
              database.path() + " was written by a newer Weir (version " + std::to_string(version) +
                  "); expected Weir's " + std::string(kind.name) + " of version " +
                  std::to_string(kind.version()));
}

Result<void> migrate(Database& database, const FileKind& kind) {
  if (auto begun = database.begin(); !begun) return begun;
  auto done = run_missing(database, kind);
  if (done) done = database.commit();
  database.rollback();  // does nothing after a commit
  return done;
}

}  // namespace weir::sqlite
