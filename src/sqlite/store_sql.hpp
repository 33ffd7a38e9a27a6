// The statements by which the metrics store writes metrics.db (schema.hpp). ?1 is the topic wherever there is
// one. Both stores use the same names for the same job. PostgreSQL takes lists and SQLite single rows,
// because a statement costs no round trip here.
#pragma once

#include <span>

#include "sqlite/prepared_statements.hpp"

namespace weir::sqlite::store_sql {

// Outside of a fenced transaction.
extern const NamedSql find_other_group;  // ?2 group: another group that has a ledger of the topic
extern const NamedSql find_any_ledger;   // whether the topic has a ledger row
extern const NamedSql
    insert_ledger;                  // ?2 partition, ?3 group, ?4 start, ?5 now, ?6 version, ?7 next, ?8 hash
extern const NamedSql read_ledger;  // ?2 partition: tally::ledger_columns
extern const NamedSql archive_ledger;          // ?2 partition, ?3 next_offset, ?4 version, ?5 its new topic
extern const NamedSql archive_dead_letters;    // ?2 partition, ?3 their new topic
extern const NamedSql dead_letter_offsets;     // ?2 partition, ?3 from, ?4 to
extern const NamedSql pending_rollup_minutes;  // ?2 partition

// The fence: ?2 partition, ?3 next_offset, ?4 version, ?5 to ?8 the sums. Raises the version by one if all
// are as expected, else changes no row.
extern const NamedSql fence;

// Under the fence.
extern const NamedSql read_window;  // ?2 granularity, ?3 dimension, ?4 start, ?5 partition, ?6 value
extern const NamedSql
    find_pending_rollup;           // ?2 minute, ?3 partition: dimension, place, value, bytes of the sketch
extern const NamedSql put_window;  // ?2 to ?6 the key, then the other columns in the order of the table
extern const NamedSql set_pending_rollup;    // ?2 minute, ?3 partition
extern const NamedSql clear_pending_rollup;  // ?2 minute, ?3 partition
extern const NamedSql raise_horizon;         // ?1 granularity, ?2 moment
extern const NamedSql put_dead_letter;       // ?2 partition, offset, reason, detail, key, value, ?8 at
extern const NamedSql read_dead_letter;      // ?2 partition, ?3 offset: whether a replay of it was counted
extern const NamedSql set_replayed;   // ?2 partition, ?3 offset, ?4 now; changes one that waits for a replay
extern const NamedSql add_attempts;   // ?2 partition, ?3 offset, ?4 how many
extern const NamedSql put_flush;      // ?1 timestamp, ?2 users, ?3 page views, ?4 now
extern const NamedSql put_ledger;     // ?2 partition, ?3 version, ?4 to ?14 what changes
extern const NamedSql find_prunable;  // ?2 granularity, ?3 last start, ?4 partition, ?5 last write, ?6 now
extern const NamedSql delete_window;  // ?2 granularity, ?3 start, ?4 partition
extern const NamedSql prune_flushes;  // ?1 before

// Each of them.
[[nodiscard]] std::span<const NamedSql* const> all();

}  // namespace weir::sqlite::store_sql
