#include "importer/journal.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "base/ensure.hpp"
#include "importer/running_hash.hpp"

namespace weir::importer {
namespace {

// SQLite stores 64-bit signed integers. No number here reaches 2^63.
std::int64_t as_signed(std::uint64_t number) { return static_cast<std::int64_t>(number); }

std::uint64_t unsigned_at(const sqlite::Statement& row, int column) {
  return static_cast<std::uint64_t>(row.number(column));
}

// Reads four columns from `column` on.
InputPosition position_at(const sqlite::Statement& row, int column) {
  return {.bytes = unsigned_at(row, column),
          .hash = hash_from_hex(row.text(column + 1)).value_or(Hash128{}),
          .lines = unsigned_at(row, column + 2),
          .mid_line = row.number(column + 3) != 0};
}

std::optional<EventTime> time_at(const sqlite::Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return EventTime(std::chrono::nanoseconds(row.number(column)));
}

void bind_time(sqlite::Statement& statement, int parameter, const std::optional<EventTime>& time) {
  if (time)
    statement.bind(parameter, time->time_since_epoch().count());
  else
    statement.bind_null(parameter);
}

// Binds four parameters from `first` on. `hash` is position.hash as text; it must live until the statement
// has run.
void bind_position(sqlite::Statement& statement, int first, const InputPosition& position,
                   const std::string& hash) {
  statement.bind(first, as_signed(position.bytes)).bind_text(first + 1, hash);
  statement.bind(first + 2, as_signed(position.lines)).bind(first + 3, position.mid_line ? 1 : 0);
}

// The offset in the lock file that stands for an input. Not negative, and the byte after it is addressable.
std::int64_t lock_offset(std::string_view log_id, const Identity& identity) {
  constexpr unsigned unused_bits = 2;
  return as_signed(murmur3(std::string(log_id) + to_hex(identity.first_chunk)).low >> unused_bits);
}

}  // namespace

// The row is read under the lock, so no other process can change it afterwards.
Result<std::unique_ptr<Journal>> Journal::open(std::shared_ptr<OpenState> state, const Identity& identity) {
  std::unique_ptr<Journal> journal(new Journal(std::move(state), identity));
  if (auto locked = journal->lock(); !locked) return std::unexpected(locked.error());
  if (auto read = journal->read(); !read) return std::unexpected(read.error());
  return journal;
}

Journal::~Journal() {
  if (lock_ >= 0) ::close(lock_);
}

std::string Journal::id_prefix() const {
  return to_hex(identity_.first_chunk) + "-" + std::to_string(row_.run);
}

// Locks one byte of the lock file for each input. The lock belongs to the open file description (Linux,
// F_OFD_SETLK), so the kernel releases it with the descriptor, also when the process is killed.
Result<void> Journal::lock() {
  const std::filesystem::path file = state_->folder / "import.lock";
  lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  struct flock byte{};
  byte.l_type = F_WRLCK;
  byte.l_whence = SEEK_SET;
  byte.l_start = lock_offset(state_->log_id, identity_);
  byte.l_len = 1;
  if (lock_ >= 0 && ::fcntl(lock_, F_OFD_SETLK, &byte) == 0) return {};
  if (lock_ >= 0 && (errno == EAGAIN || errno == EACCES))
    return fail(ErrorKind::unavailable, "input_busy", "another import of the same input is running");
  return fail(ErrorKind::invalid, "state_unusable",
              file.string() + " cannot be locked: " + std::strerror(errno));
}

Result<void> Journal::read() {
  auto row = state_->database.prepare(
      "SELECT run, salt, bytes, hash, lines, mid_line, events, page_views, unreadable, rejected, "
      "first_event_ns,"
      " last_event_ns, sent_bytes, sent_hash, sent_lines, sent_mid_line, sent_first_line, sent_at_ms, "
      "sent_log_end"
      " FROM inputs WHERE log_id = ? AND first_piece = ?");
  if (!row) return std::unexpected(row.error());
  const std::string first_chunk = to_hex(identity_.first_chunk);
  row->bind_text(1, state_->log_id).bind_text(2, first_chunk);
  const auto found = row->step();
  if (!found) return std::unexpected(found.error());
  ensure(*found, "the input of a journal has a row");
  row_ = {.run = unsigned_at(*row, 0), .salt = std::string(row->text(1)), .position = position_at(*row, 2)};
  row_.totals = {.events = unsigned_at(*row, 6),
                 .page_views = unsigned_at(*row, 7),
                 .unreadable = unsigned_at(*row, 8),
                 .rejected = unsigned_at(*row, 9),
                 .first = time_at(*row, 10),
                 .last = time_at(*row, 11)};
  if (!row->is_null(12))
    row_.intent = {.end = position_at(*row, 12),
                   .first_line = unsigned_at(*row, 16),
                   .sent_at = WallTime(std::chrono::milliseconds(row->number(17))),
                   .log_end = row->number(18)};
  return {};
}

// Replaces the whole row in one statement, which is a transaction of its own. The members change only if it
// succeeds.
Result<void> Journal::write(Row row) {
  auto update = state_->database.prepare(
      "UPDATE inputs SET run = ?, salt = ?, bytes = ?, hash = ?, lines = ?, mid_line = ?, events = ?,"
      " page_views = ?, unreadable = ?, rejected = ?, first_event_ns = ?, last_event_ns = ?, sent_bytes = ?,"
      " sent_hash = ?, sent_lines = ?, sent_mid_line = ?, sent_first_line = ?, sent_at_ms = ?, sent_log_end "
      "= ?"
      " WHERE log_id = ? AND first_piece = ?");
  if (!update) return std::unexpected(update.error());
  const std::string hash = to_hex(row.position.hash);
  const std::string sent_hash = row.intent ? to_hex(row.intent->end.hash) : "";
  const std::string first_chunk = to_hex(identity_.first_chunk);
  const Totals& totals = row.totals;
  update->bind(1, as_signed(row.run)).bind_text(2, row.salt);
  bind_position(*update, 3, row.position, hash);
  update->bind(7, as_signed(totals.events)).bind(8, as_signed(totals.page_views));
  update->bind(9, as_signed(totals.unreadable)).bind(10, as_signed(totals.rejected));
  bind_time(*update, 11, totals.first);
  bind_time(*update, 12, totals.last);
  // Without an intent these parameters stay NULL.
  if (row.intent) {
    bind_position(*update, 13, row.intent->end, sent_hash);
    update->bind(17, as_signed(row.intent->first_line));
    update->bind(18, row.intent->sent_at.time_since_epoch().count()).bind(19, row.intent->log_end);
  }
  update->bind_text(20, state_->log_id).bind_text(21, first_chunk);
  if (auto written = update->run(); !written) return written;
  row_ = std::move(row);
  return {};
}

Result<void> Journal::begin_run(std::string_view salt) {
  return write({.run = row_.run + 1, .salt = std::string(salt)});
}

// synchronous = FULL syncs the WAL at the commit, and with it everything that was committed before.
Result<void> Journal::record_intent(const Intent& intent) {
  Row row = row_;
  row.intent = intent;
  auto written = state_->database.run("PRAGMA synchronous = FULL");
  if (written) written = write(std::move(row));
  // Also after an error, so that later writes do not pay for a sync.
  const auto back = state_->database.run("PRAGMA synchronous = NORMAL");
  return written ? back : written;
}

Result<void> Journal::record_outcome(const Totals& totals) {
  ensure(row_.intent.has_value(), "an outcome belongs to an intent");
  Row row = row_;
  row.position = row.intent->end;
  row.totals = totals;
  row.intent.reset();
  return write(std::move(row));
}

Result<void> Journal::discard_intent() {
  ensure(row_.intent.has_value(), "an outcome belongs to an intent");
  Row row = row_;
  row.intent.reset();
  return write(std::move(row));
}

}  // namespace weir::importer
