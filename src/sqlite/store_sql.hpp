// The statements by which the metrics store writes metrics.db (schema.hpp). ?1 is the topic wherever there is
// one. Both stores use the same names for the same job. PostgreSQL takes lists and SQLite single rows,
// because a statement costs no round trip here.
#pragma once

#include <span>

#include "sqlite/prepared_statements.hpp"

namespace weir::sqlite::store_sql {

// Outside of a fenced transaction. The parameters after ?1, and the columns of the rows that are returned.
//   find_other_group        group                     another group that has a ledger of the topic: group_id
//   find_any_ledger                                   a row if the topic has a ledger
//   insert_ledger           partition, group, start, now, version, next, hash
//   read_ledger             partition                 tally::ledger_columns
//   archive_ledger          partition, next_offset, version, new topic
//   archive_dead_letters    partition, new topic
//   dead_letter_offsets     partition, from, to       offset
//   failed_replays          (no topic either)         topic, partition, offset
//   pending_rollup_minutes  partition                 window_start
// Those of dimensions take no topic.
//   read_dimensions                                   id, name, source, since, by number
//   put_dimension           number, name, source, since
extern const NamedSql read_dimensions;
extern const NamedSql put_dimension;
extern const NamedSql find_other_group;
extern const NamedSql find_any_ledger;
extern const NamedSql insert_ledger;
extern const NamedSql read_ledger;
extern const NamedSql archive_ledger;
extern const NamedSql archive_dead_letters;
extern const NamedSql dead_letter_offsets;
extern const NamedSql failed_replays;
extern const NamedSql pending_rollup_minutes;

// The fence. Parameters after ?1: partition, next_offset, version, and the four sums. Raises the version by
// one if all are as expected, else changes no row.
extern const NamedSql fence;

// Under the fence. The first three take no topic, so their parameters begin with ?1.
//   raise_horizon           granularity, moment       changes a lower horizon
//   put_flush               timestamp, users, page views, now
//   prune_flushes           before                    deletes at most 1,000 rows
//   read_window             granularity, dimension, start, partition, value         window_columns
//   find_pending_rollup     minute, partition         dimension, place, value, bytes of the sketch
//   put_window              the key, then the other columns of the table
//   set_pending_rollup      minute, partition
//   clear_pending_rollup    minute, partition
//   put_dead_letter         partition, offset, reason, detail, key, value, at
//   read_dead_letter        partition, offset         whether a replay of it was counted
//   set_replayed            partition, offset, now    changes one that waits for a replay
//   add_attempts            partition, offset, how many
//   put_ledger              partition, version, then the columns that change
//   find_prunable           granularity, last start, partition, last write, now     window_start, rows
//   delete_window           granularity, start, partition
extern const NamedSql raise_horizon;
extern const NamedSql put_flush;
extern const NamedSql prune_flushes;
extern const NamedSql read_window;
extern const NamedSql find_pending_rollup;
extern const NamedSql put_window;
extern const NamedSql set_pending_rollup;
extern const NamedSql clear_pending_rollup;
extern const NamedSql put_dead_letter;
extern const NamedSql read_dead_letter;
extern const NamedSql set_replayed;
extern const NamedSql add_attempts;
extern const NamedSql put_ledger;
extern const NamedSql find_prunable;
extern const NamedSql delete_window;

// Each of them.
[[nodiscard]] std::span<const NamedSql* const> all();

}  // namespace weir::sqlite::store_sql
