#include "importer/state_dir.hpp"

#include <array>
#include <system_error>
#include <vector>

#include "base/ensure.hpp"
#include "importer/running_hash.hpp"

namespace weir::importer {
namespace {

constexpr std::array state_migrations{sqlite::Migration{inputs_schema}};
constexpr sqlite::FileKind state_file{
    .name = "state of import", .application_id = 0x57494D50, .migrations = state_migrations};  // "WIMP"
// Another import holds the database for the time of a transaction only.
constexpr std::chrono::seconds busy_timeout{10};
constexpr int wal_pages_max = 1000;

std::unexpected<Error> unusable(const std::filesystem::path& folder, const std::string& why) {
  return fail(ErrorKind::invalid, "state_unusable",
              "the state folder " + folder.string() + " cannot be used: " + why +
                  "; expected another one (--state DIR)");
}

// All inputs of the log, the one with the longest first chunk first.
Result<std::vector<Identity>> known_inputs(OpenState& state) {
  auto row = state.database.prepare(
      "SELECT first_piece, first_bytes FROM inputs WHERE log_id = ? ORDER BY first_bytes DESC");
  if (!row) return std::unexpected(row.error());
  row->bind_text(1, state.log_id);
  std::vector<Identity> known;
  while (true) {
    const auto found = row->step();
    if (!found) return std::unexpected(found.error());
    if (!*found) return known;
    if (const auto hash = hash_from_hex(row->text(0)))
      known.push_back({.first_chunk = *hash, .bytes = static_cast<std::uint64_t>(row->number(1))});
  }
}

// Nothing happens if another import has just added it.
Result<void> add_input(OpenState& state, const Identity& identity) {
  auto insert = state.database.prepare(
      "INSERT INTO inputs (log_id, first_piece, first_bytes) VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
  if (!insert) return std::unexpected(insert.error());
  const std::string hash = to_hex(identity.first_chunk);
  insert->bind_text(1, state.log_id).bind_text(2, hash).bind(3, static_cast<std::int64_t>(identity.bytes));
  return insert->run();
}

}  // namespace

Result<StateDir> StateDir::open(const std::filesystem::path& folder, std::string_view log_id) {
  std::error_code error;
  if (std::filesystem::create_directories(folder, error) && !error)
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error) return unusable(folder, error.message());
  auto database =
      sqlite::Database::open(folder / "import.db", {.kind = state_file,
                                                       .mode = sqlite::OpenMode::create_or_migrate,
                                                       .durability = sqlite::Durability::normal,
                                                       .busy_timeout = busy_timeout,
                                                       .wal_autocheckpoint_pages = wal_pages_max});
  if (!database) {
    // A full disk or a busy database is no reason for another folder.
    if (database.error().kind == ErrorKind::unavailable) return std::unexpected(database.error());
    return unusable(folder, database.error().text);
  }
  return StateDir(std::make_shared<OpenState>(
      OpenState{.folder = folder, .log_id = std::string(log_id), .database = std::move(*database)}));
}

Result<std::unique_ptr<Journal>> StateDir::open_journal(Source& source, const Identity& first) const {
  ensure(source.position() == 0, "an input is identified at its beginning");
  // How many bytes are needed to compare with every known input.
  std::size_t enough = static_cast<std::size_t>(first.bytes);
  while (true) {
    source.fill(enough);
    // The transaction keeps other imports from adding an input meanwhile. It must be short, so the source is
    // read outside of it. If a known input is longer than what is buffered, roll back, read on and start
    // again.
    if (auto begun = state_->database.begin(); !begun) return std::unexpected(begun.error());
    const auto known = known_inputs(*state_);
    const std::uint64_t longest = known && !known->empty() ? known->front().bytes : 0;
    if (longest > source.buffered().size() && !source.ended()) {
      state_->database.rollback();
      enough = static_cast<std::size_t>(longest);
      continue;
    }
    Identity found = first;
    if (known)
      for (const Identity& one : *known) {
        // The input is shorter than this one was.
        if (one.bytes > source.buffered().size()) continue;
        if (source.hash_after(static_cast<std::size_t>(one.bytes)) != one.first_chunk) continue;
        found = one;
        break;
      }
    auto added = known ? add_input(*state_, found) : std::unexpected(known.error());
    if (added) added = state_->database.commit();
    if (!added) {
      state_->database.rollback();
      return std::unexpected(added.error());
    }
    return Journal::open(state_, found);
  }
}

}  // namespace weir::importer
