// Columns are read by their index in tally::ledger_columns and window_columns. The tables are STRICT, so a
// column has the type that its declaration says; a text that people can edit is checked.
#include "sqlite/store_rows.hpp"

#include <chrono>

#include "activity/rfc3339.hpp"

namespace weir::sqlite {

std::string moment_text(WallTime moment) { return activity::format_rfc3339(moment); }

Result<WallTime> parse_moment(std::string_view text) {
  const auto moment = activity::parse_rfc3339(text);
  // Weir writes milliseconds. A finer fraction would not be read back as the same text.
  if (moment) {
    const auto whole = std::chrono::floor<std::chrono::milliseconds>(*moment);
    if (moment_text(whole) == text) return whole;  // only the form that moment_text() writes
  }
  return fail(ErrorKind::invalid, "moment_unreadable",
              "the metrics store has \"" + std::string(text) +
                  "\" in place of a moment; expected one like 2015-05-19T09:00:00.000Z");
}

// Columns, as tally::ledger_columns names them:
//
//   0 partition       4 read             8 skipped            12 observed_at
//   1 start_offset    5 tallied          9 last_record_hash   13 updated_at
//   2 next_offset     6 duplicate       10 log_end_offset     14 counted_from
//   3 version         7 dead_lettered   11 oldest_unread_at
Result<tally::LedgerRow> ledger_row(const Statement& statement) {
  tally::LedgerRow row;
  row.partition = static_cast<std::int32_t>(statement.number(0));
  row.start_offset = statement.number(1);
  row.next_offset = statement.number(2);
  row.version = statement.number(3);
  row.read = statement.number(4);
  row.tallied = statement.number(5);
  row.duplicate = statement.number(6);
  row.dead_lettered = statement.number(7);
  row.skipped = statement.number(8);
  if (!statement.is_null(9)) row.last_record_hash = statement.number(9);
  row.observed.log_end_offset = statement.number(10);
  if (!statement.is_null(11)) {
    auto oldest = parse_moment(statement.text(11));
    if (!oldest) return propagate(oldest);
    row.observed.oldest_unread_at = *oldest;
  }
  auto observed = parse_moment(statement.text(12));
  auto updated = parse_moment(statement.text(13));
  if (!observed) return propagate(observed);
  if (!updated) return propagate(updated);
  row.counted_from = statement.number(14);  // NULL, where no offsets were left out, reads as 0
  row.observed.observed_at = *observed;
  row.updated_at = *updated;
  return row;
}

// The statement is for one granularity, start and partition, so these are no columns. The others:
//
//   0 dimension    3 page_views           6 place
//   1 value        4 rolled_events        7 stored_values
//   2 events       5 rolled_page_views    8 users
Result<tally::WindowRow> window_row(const Statement& statement, tally::Granularity granularity,
                                    WindowStart start, std::int32_t partition) {
  auto stored = tally::StoredValues::decode(statement.text(7));  // NULL, but for `total`, reads as no text
  if (!stored) return propagate(stored);
  return tally::WindowRow{.key = {granularity, static_cast<tally::Dimension>(statement.number(0)), start,
                                  partition, std::string(statement.text(1))},
                          .events = statement.number(2),
                          .page_views = statement.number(3),
                          .rolled_events = statement.number(4),
                          .rolled_page_views = statement.number(5),
                          .arrival_rank = static_cast<std::int32_t>(statement.number(6)),
                          .stored = *std::move(stored),
                          .users = std::string(statement.blob(8))};
}

// Columns: 0 id, 1 name, 2 source, 3 since. `since` is NULL for a built-in dimension.
Result<tally::KnownDimension> known_dimension(const Statement& statement) {
  tally::KnownDimension known{.dimension = static_cast<tally::Dimension>(statement.number(0)),
                              .name = std::string(statement.text(1)),
                              .source = std::string(statement.text(2))};
  if (statement.is_null(3)) return known;
  auto since = parse_moment(statement.text(3));
  if (!since) return propagate(since);
  known.since = *since;
  return known;
}

Result<report::DeadLetterRow> dead_letter_row(const Statement& statement) {
  // NULL differs from an empty key or value: the record had none.
  const auto bytes = [&statement](int column) {
    return statement.is_null(column) ? std::nullopt : std::optional<std::string>(statement.blob(column));
  };
  report::DeadLetterRow row{.partition = static_cast<std::int32_t>(statement.number(0)),
                            .offset = statement.number(1),
                            .reason = std::string(statement.text(2)),
                            .detail = std::string(statement.text(3)),
                            .key = bytes(4),
                            .value = bytes(5),
                            .at = {},
                            .attempts = statement.number(7),
                            .replayed_at = std::nullopt};
  auto at = parse_moment(statement.text(6));
  if (!at) return propagate(at);
  row.at = *at;
  if (statement.is_null(8)) return row;
  auto replayed_at = parse_moment(statement.text(8));
  if (!replayed_at) return propagate(replayed_at);
  row.replayed_at = *replayed_at;
  return row;
}

// The first nine columns are those of the newest row; the sums of the group follow.
Result<report::DeadLetterGroup> dead_letter_group(const Statement& statement) {
  auto newest = dead_letter_row(statement);
  if (!newest) return propagate(newest);
  return report::DeadLetterGroup{.count = statement.number(9),
                                 .attempts = statement.number(10),
                                 .replayed = statement.number(11),
                                 .newest = std::move(*newest)};
}

}  // namespace weir::sqlite
