// The statements by which the metrics store writes PostgreSQL (schema.hpp). $1 is the topic wherever there is
// one. Both stores use the same names for the same job. A list is passed as arrays, one for each column, so
// the text of a statement does not depend on how much it writes.
//
// A session keeps the plans that it made while the tables were empty. So no plan may depend on statistics:
// the rows of tables that grow are found by the whole of their key. Three means hold the planner to this:
//   LATERAL … OFFSET 0    is never joined in the other direction
//   equality              instead of = ANY, which the planner may apply as a filter
//   ctid = ANY (ARRAY …)  changes the rows that were found so; the fence or a row lock protects them
// writer_session() excludes the rest.
#pragma once

#include "postgres/connection.hpp"

namespace weir::postgres {

// For ConnectionSettings::session.
[[nodiscard]] const Keywords& writer_session();

namespace store_sql {

extern const Statement begin;
extern const Statement commit;

// Outside of a fenced transaction. The parameters after $1, and the columns of the rows that are returned.
//   lock_topic                                        locks until the transaction ends; before insert_ledger
//   find_other_group        group                     another group that has a ledger of the topic: group_id
//   insert_ledger           partition, group, offset, now, version; inserts nothing if there is another group
//   read_ledger             partition                 tally::ledger_columns
//   begin_topic             partitions, starts, nexts, hashes, group, now; inserts all rows or none
//   archive_ledger          partition, next_offset, version, new topic              partition
//   archive_dead_letters    partition, new topic
//   dead_letter_offsets     partition, from, to       offset
//   failed_replays          (no topic either)         topic, partition, offset
//   pending_rollup_minutes  partition                 window_start
// Those of dimensions take no topic.
//   lock_dimensions                                   locks until the transaction ends
//   read_dimensions                                   dimension_columns, by number
//   put_dimensions          numbers, names, sources, since
extern const Statement lock_dimensions;
extern const Statement read_dimensions;
extern const Statement put_dimensions;
extern const Statement lock_topic;
extern const Statement find_other_group;
extern const Statement insert_ledger;
extern const Statement read_ledger;
extern const Statement begin_topic;
extern const Statement archive_ledger;
extern const Statement archive_dead_letters;
extern const Statement dead_letter_offsets;
extern const Statement failed_replays;
extern const Statement pending_rollup_minutes;

// The fence. Parameters after $1: partitions, next_offsets, versions, and the four sums. Returns the
// partitions whose rows are as expected, locked in the order of their numbers, with the version raised by
// one.
extern const Statement fence;

// Under the fence. The first six take no topic, so their parameters begin with $1. Lists are arrays.
//   raise_horizons          granularities, moments; locks the rows in one order
//   put_flush               timestamp, users, page views, now
//   prune_flushes           before                    deletes at most 1,000 rows
//   lock_dead_letters       topics, partitions, offsets; locks in this order        id, whether replayed
//   set_replayed            topics, partitions, offsets, now; changes those that wait for a replay
//   add_attempts            topics, partitions, offsets, how many
//   read_windows            granularities, dimensions, starts, partitions, values, bytes at most
//                                                     window_columns, and the bytes of all
//   count_minute_rows       partition, minutes        how many rows each minute may have
//   read_pending_rollup     partition, minutes, rows at most, bytes at most
//                                                     window_columns, and how many rows there are
//   put_windows             now, then the columns of window_parameters(); an empty `users` changes nothing
//   set_pending_rollup      partitions, minutes
//   clear_pending_rollup    partitions, minutes
//   put_dead_letters        partitions, offsets, reasons, details, keys, values, moments
//   put_ledgers             partitions, versions, then the columns that change
//   prune_windows           granularity, partition, last start, last write, rows at most, now
//                                                     the last start that was deleted, whether there are more
extern const Statement raise_horizons;
extern const Statement put_flush;
extern const Statement prune_flushes;
extern const Statement lock_dead_letters;
extern const Statement set_replayed;
extern const Statement add_attempts;
extern const Statement read_windows;
extern const Statement count_minute_rows;
extern const Statement read_pending_rollup;
extern const Statement put_windows;
extern const Statement set_pending_rollup;
extern const Statement clear_pending_rollup;
extern const Statement put_dead_letters;
extern const Statement put_ledgers;
extern const Statement prune_windows;

}  // namespace store_sql
}  // namespace weir::postgres
