// What the metrics store's writer says to PostgreSQL. $1 is the topic wherever there is one; lists come as
// arrays, one for each column, so that a statement's text never depends on how much it carries.
//
// A session keeps the plans that it made when the tables were empty, so none may be good only then: rows of
// tables that grow are found by nothing but the whole of their key. Hence LATERAL … OFFSET 0, which is never
// joined the other way round, equality instead of = ANY, which may end up as a filter, and rows changed by
// the ctid found so: they are the fence's, or locked. writer_session() rules out the rest.
#pragma once

#include "postgres/connection.hpp"

namespace weir::postgres {

// For ConnectionSettings::session.
[[nodiscard]] const Keywords& writer_session();

namespace store_sql {

extern const Statement begin;
extern const Statement commit;

// Outside of a fenced transaction. $2 partition …
extern const Statement lock_topic;     // until the transaction ends; before a ledger row is made
extern const Statement find_stranger;  // $2 group: another group that has a ledger of the topic
extern const Statement make_ledger;    // $3 group, $4 offset, $5 now, $6 version; none beside a stranger's
extern const Statement read_ledger;    // ledger_columns
extern const Statement begin_topic;    // $2 partitions, $3 starts, $4 nexts, $5 hashes, $6 group, $7 now
extern const Statement
    archive_ledger;  // the fence of a retirement: $3 next_offset, $4 version, $5 its new topic
extern const Statement retire_letters;     // $3 their new topic
extern const Statement find_dead_letters;  // $3 from, $4 to
extern const Statement find_pending_rollups;

// The fence: $2 partitions, $3 next_offsets, $4 versions. Answers the partitions that are as expected, locked
// in the order of their numbers and moved on by one version.
extern const Statement fence;

// Under the fence.
extern const Statement
    read_windows;  // $2 granularities, $3 dimensions, $4 starts, $5 partitions, $6 values, $7 bytes at most
extern const Statement minute_rows;        // $2 partition, $3 starts: how many rows each minute may have
extern const Statement read_pending_rows;  // $2 partition, $3 starts, $4 rows at most, $5 bytes at most
extern const Statement
    lock_dead_letters;  // $1 topics, $2 partitions, $3 offsets; locked in the order of their places
extern const Statement
    put_windows;  // $2 now, $3 … the columns in the order of window_parameters(); users empty: as is
extern const Statement set_unrolled;    // $2 partitions, $3 starts
extern const Statement set_rolled;      // $2 partitions, $3 starts
extern const Statement raise_horizons;  // $1 granularities, $2 moments; rows are locked in one order
extern const Statement put_letters;     // $2 partitions, offsets, reasons, details, keys, values, at
extern const Statement set_replayed;    // $1 topics, $2 partitions, $3 offsets, $4 now; those that wait
extern const Statement add_attempts;    // $1 topics, $2 partitions, $3 offsets, $4 times
extern const Statement put_flush;       // $1 timestamp, $2 users, $3 page views, $4 now
extern const Statement put_ledgers;     // $2 partitions, $3 versions, $4 … as ledger_parameters()
extern const Statement
    prune_windows;  // $2 granularity, $3 partition, $4 last start, $5 last write, $6 rows at most
extern const Statement prune_flushes;  // $1 before

}  // namespace store_sql
}  // namespace weir::postgres
