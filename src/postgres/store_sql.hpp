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

// Outside of a fenced transaction.
extern const Statement lock_topic;        // until the transaction ends; before a ledger row is inserted
extern const Statement find_other_group;  // $2 group: another group that has a ledger of the topic
extern const Statement insert_ledger;   // $2 partition, $3 group, $4 offset, $5 now, $6 version; inserts none
                                        // where another group has a ledger of the topic
extern const Statement read_ledger;     // $2 partition: tally::ledger_columns
extern const Statement begin_topic;     // $2 partitions, $3 starts, $4 nexts, $5 hashes, $6 group, $7 now
extern const Statement archive_ledger;  // $2 partition, $3 next_offset, $4 version, $5 its new topic
extern const Statement archive_dead_letters;    // $2 partition, $3 their new topic
extern const Statement dead_letter_offsets;     // $2 partition, $3 from, $4 to
extern const Statement pending_rollup_minutes;  // $2 partition

// The fence: $2 partitions, $3 next_offsets, $4 versions, $5 to $8 the sums. Returns the partitions whose
// rows are as expected, locked in the order of their numbers, with the version raised by one.
extern const Statement fence;

// Under the fence.
extern const Statement read_windows;  // $2 granularities, $3 dimensions, $4 starts, $5 partitions, $6 values,
                                      // $7 bytes at most
extern const Statement count_minute_rows;    // $2 partition, $3 starts: how many rows each minute may have
extern const Statement read_pending_rollup;  // $2 partition, $3 starts, $4 rows at most, $5 bytes at most
extern const Statement
    lock_dead_letters;               // $1 topics, $2 partitions, $3 offsets; locks in the order of the list
extern const Statement put_windows;  // $2 now, then the columns of window_parameters(); an empty `users`
                                     // leaves the stored one
extern const Statement set_pending_rollup;    // $2 partitions, $3 minutes
extern const Statement clear_pending_rollup;  // $2 partitions, $3 minutes
extern const Statement raise_horizons;        // $1 granularities, $2 moments; locks the rows in one order
extern const Statement put_dead_letters;      // $2 partitions, offsets, reasons, details, keys, values, at
extern const Statement set_replayed;  // $1 topics, $2 partitions, $3 offsets, $4 now; changes those that wait
extern const Statement add_attempts;  // $1 topics, $2 partitions, $3 offsets, $4 how many
extern const Statement put_flush;     // $1 timestamp, $2 users, $3 page views, $4 now
extern const Statement put_ledgers;   // $2 partitions, $3 versions, then the columns of ledger_parameters()
extern const Statement
    prune_windows;  // $2 granularity, $3 partition, $4 last start, $5 last write, $6 rows at
                    // most, $7 now: the last start deleted, and whether there are
                    // more
extern const Statement prune_flushes;  // $1 before

}  // namespace store_sql
}  // namespace weir::postgres
