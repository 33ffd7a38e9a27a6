#include "postgres/store_sql.hpp"

#include "commit/fence.hpp"
#include "postgres/store_rows.hpp"
#include "tally/ledger_columns.hpp"

namespace weir::postgres {

// PostgreSQL prices a disabled plan node at 10^10, which alone would start its JIT compiler.
const Keywords& writer_session() {
  static const Keywords session{{"plan_cache_mode", "force_generic_plan"},
                                {"enable_seqscan", "off"},
                                {"enable_bitmapscan", "off"},
                                {"enable_hashjoin", "off"},
                                {"enable_mergejoin", "off"},
                                {"jit", "off"}};
  return session;
}

namespace {

// The least that tally::StoredValues::rows_max() returns.
const std::string window_rows_min = std::to_string(tally::built_in_dimension_count);

// Of minutes and of `total` in the statements below.
static_assert(number_of(tally::finest_granularity) == 0 && number_of(tally::Dimension::total) == 0);

}  // namespace

namespace store_sql {

const Statement begin{"weir_begin", "BEGIN ISOLATION LEVEL READ COMMITTED"};
const Statement commit{"weir_commit", "COMMIT"};

// Two processes that open the first partitions of a topic at the same time must see the group of each other.
const Statement lock_topic{"weir_lock_topic", R"sql(
SELECT pg_advisory_xact_lock(hashtextextended($1::text, 8603398603460928108)))sql"};

// Two processes that register dimensions at the same time must not give one name two numbers.
const Statement lock_dimensions{"weir_lock_dimensions", "SELECT pg_advisory_xact_lock(8603398603460928109)"};

const Statement read_dimensions{
    "weir_read_dimensions",
    "SELECT " + std::string(dimension_columns) + " FROM activity_dimensions ORDER BY id", dimension_kinds,
    "activity_dimensions"};

const Statement put_dimensions{"weir_put_dimensions", R"sql(
INSERT INTO activity_dimensions (id, name, source, since)
SELECT row.* FROM unnest($1::smallint[], $2::text[], $3::text[], $4::timestamptz[]) AS row
ON CONFLICT (id) DO UPDATE SET name = excluded.name, source = excluded.source, since = excluded.since)sql"};

const Statement find_other_group{"weir_find_other_group", R"sql(
SELECT group_id FROM activity_ledger WHERE topic = $1::text AND group_id <> $2::text ORDER BY partition LIMIT 1)sql",
                                 "t", "activity_ledger"};

const Statement insert_ledger{"weir_insert_ledger", R"sql(
INSERT INTO activity_ledger
  (topic, partition, group_id, start_offset, next_offset, log_end_offset, observed_at, updated_at, version)
SELECT $1::text, $2::int, $3::text, $4::bigint, $4::bigint, $4::bigint, $5::timestamptz, $5::timestamptz, $6::bigint
WHERE NOT EXISTS (SELECT 1 FROM activity_ledger WHERE topic = $1::text AND group_id <> $3::text)
ON CONFLICT DO NOTHING)sql"};

const Statement read_ledger{"weir_read_ledger", "SELECT " + std::string(tally::ledger_columns) + R"sql(
FROM activity_ledger WHERE topic = $1::text AND partition = $2::int)sql",
                            ledger_kinds, "activity_ledger"};

// The offsets in [start, next) are left out (KAFKA_START=latest); where they are equal there are none.
const Statement begin_topic{"weir_begin_topic", R"sql(
INSERT INTO activity_ledger
  (topic, partition, group_id, start_offset, next_offset, skipped, counted_from, last_record_hash, log_end_offset,
   observed_at, updated_at)
SELECT $1::text, s.partition, $6::text, s.start, s.next, s.next - s.start, nullif(s.next, s.start), s.hash, s.next,
  $7::timestamptz, $7::timestamptz
FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[]) AS s(partition, start, next, hash)
WHERE NOT EXISTS (SELECT 1 FROM activity_ledger WHERE topic = $1::text)
ORDER BY s.partition
ON CONFLICT DO NOTHING)sql"};

const Statement archive_ledger{"weir_archive_ledger", R"sql(
UPDATE activity_ledger SET topic = $5::text
WHERE topic = $1::text AND partition = $2::int AND next_offset = $3::bigint AND version = $4::bigint
RETURNING partition)sql",
                               "n", "activity_ledger"};

// Locked in the order of their offsets, as lock_dead_letters does, so the two cannot deadlock.
const Statement archive_dead_letters{"weir_archive_dead_letters", R"sql(
WITH locked AS MATERIALIZED (
  SELECT "offset" FROM activity_dead_letters WHERE topic = $1::text AND partition = $2::int
  ORDER BY "offset" FOR NO KEY UPDATE)
UPDATE activity_dead_letters AS letter SET topic = $3::text FROM locked
WHERE letter.topic = $1::text AND letter.partition = $2::int AND letter."offset" = locked."offset")sql"};

const Statement dead_letter_offsets{"weir_dead_letter_offsets", R"sql(
SELECT "offset" FROM activity_dead_letters
WHERE topic = $1::text AND partition = $2::int AND "offset" >= $3::bigint AND "offset" < $4::bigint
ORDER BY "offset")sql",
                                    "n", "activity_dead_letters"};

const Statement failed_replays{"weir_failed_replays", R"sql(
SELECT topic, partition, "offset" FROM activity_dead_letters
WHERE attempts > 1 AND replayed_at IS NULL ORDER BY topic, partition, "offset")sql",
                               "tnn", "activity_dead_letters"};

const Statement pending_rollup_minutes{"weir_pending_rollup_minutes", R"sql(
SELECT window_start FROM activity_unrolled WHERE topic = $1::text AND partition = $2::int ORDER BY window_start)sql",
                                       "m", "activity_unrolled"};

// LockRows stands above the sort in the plan, so rows are locked in order. If another transaction changed a
// row meanwhile, PostgreSQL checks the conditions again once it has the lock, and the row drops out.
const Statement fence{"weir_fence",
                      R"sql(
WITH held AS MATERIALIZED (
  SELECT ledger.partition
  FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
    AS expected(partition, next_offset, version, tallied, duplicate, dead_lettered, skipped)
  JOIN activity_ledger AS ledger ON ledger.topic = $1::text AND ledger.partition = expected.partition
    AND (ledger.next_offset = expected.next_offset AND ledger.version = expected.version
      AND ledger.tallied = expected.tallied AND ledger.duplicate = expected.duplicate
      AND ledger.dead_lettered = expected.dead_lettered AND ledger.skipped = expected.skipped)sql" +
                          std::string(commit::fence_condition_suffix) + R"sql()
  ORDER BY ledger.partition
  FOR NO KEY UPDATE OF ledger)
UPDATE activity_ledger AS ledger SET version = ledger.version + 1 FROM held
WHERE ledger.topic = $1::text AND ledger.partition = held.partition
RETURNING ledger.partition)sql",
                      "n", "activity_ledger"};

// Returns at least one row, which has the size of all windows, and the windows only if they are not too
// large. Reading the size of a sketch does not fetch it.
const Statement read_windows{"weir_read_windows",
                             R"sql(
WITH w AS MATERIALIZED (
  SELECT w.* FROM unnest($2::smallint[], $3::smallint[], $4::timestamptz[], $5::int[], $6::text[])
    AS wanted(granularity, dimension, window_start, partition, value)
  CROSS JOIN LATERAL (
    SELECT * FROM activity_windows AS w
    WHERE w.granularity = wanted.granularity AND w.dimension = wanted.dimension
      AND w.window_start = wanted.window_start AND w.topic = $1::text AND w.partition = wanted.partition
      AND w.value = wanted.value OFFSET 0) AS w),
size AS MATERIALIZED (
  SELECT coalesce(sum(octet_length(value) + octet_length(users)), 0)::bigint AS bytes FROM w)
SELECT )sql" + std::string(window_columns) +
                                 R"sql(, size.bytes
FROM size LEFT JOIN w ON size.bytes <= $7::bigint)sql",
                             window_or_size_kinds, "activity_windows"};

const Statement count_minute_rows{"weir_count_minute_rows",
                                  "SELECT coalesce(total.stored_rows, " + window_rows_min + R"sql()::bigint
FROM unnest($3::timestamptz[]) WITH ORDINALITY AS wanted(window_start, number)
LEFT JOIN LATERAL (
  SELECT * FROM activity_windows AS w
  WHERE w.granularity = 0::smallint AND w.dimension = 0::smallint AND w.window_start = wanted.window_start
    AND w.topic = $1::text AND w.partition = $2::int AND w.value = '' OFFSET 0) AS total ON true
ORDER BY wanted.number)sql",
                                  "n", "activity_windows"};

// First the positions and sizes of the rows (ctid, octet_length), in order. Then the rows themselves, up to
// the limits. So sketches beyond the limits are not fetched.
const Statement read_pending_rollup{"weir_read_pending_rollup",
                                    R"sql(
WITH pending AS MATERIALIZED (
  SELECT w.at, row_number() OVER in_order AS number, sum(w.bytes) OVER in_order AS bytes, count(*) OVER () AS all_rows
  FROM unnest($3::timestamptz[]) AS wanted(window_start)
  CROSS JOIN activity_dimensions AS each
  CROSS JOIN LATERAL (
    SELECT w.ctid AS at, w.place, w.value, octet_length(w.value) + octet_length(w.users) AS bytes
    FROM activity_windows AS w
    WHERE w.granularity = 0::smallint AND w.dimension = each.id AND w.window_start = wanted.window_start
      AND w.topic = $1::text AND w.partition = $2::int
      AND (w.events <> w.rolled_events OR w.page_views <> w.rolled_page_views) OFFSET 0) AS w
  WINDOW in_order AS (ORDER BY wanted.window_start, each.id, w.place, w.value ROWS UNBOUNDED PRECEDING))
SELECT )sql" + std::string(window_columns) +
                                        R"sql(, pending.all_rows
FROM pending CROSS JOIN LATERAL (SELECT * FROM activity_windows AS w WHERE w.ctid = pending.at OFFSET 0) AS w
WHERE pending.number = 1 OR pending.number <= $4::bigint AND pending.bytes <= $5::bigint
ORDER BY pending.number)sql",
                                    window_and_count_kinds, "activity_windows"};

// Nested loops keep the order of the list, so rows are locked in it.
const Statement lock_dead_letters{"weir_lock_dead_letters", R"sql(
SELECT letter.topic, letter.partition, letter."offset", letter.replayed_at IS NOT NULL
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS wanted(topic, partition, at)
CROSS JOIN LATERAL (
  SELECT * FROM activity_dead_letters AS l
  WHERE l.topic = wanted.topic AND l.partition = wanted.partition AND l."offset" = wanted.at
  FOR NO KEY UPDATE) AS letter)sql",
                                  "tnnn", "activity_dead_letters"};

// An update leaves a sketch that did not change alone, with its TOAST rows.
const Statement put_windows{"weir_put_windows", R"sql(
INSERT INTO activity_windows AS w
  (topic, last_write, granularity, dimension, window_start, partition, value, events, page_views, rolled_events,
   rolled_page_views, place, stored_values, stored_rows, users)
SELECT $1::text, $2::timestamptz, row.*
FROM unnest($3::smallint[], $4::smallint[], $5::timestamptz[], $6::int[], $7::text[], $8::bigint[], $9::bigint[],
            $10::bigint[], $11::bigint[], $12::int[], $13::text[], $14::int[], $15::bytea[]) AS row
ON CONFLICT (granularity, dimension, window_start, topic, partition, value) DO UPDATE SET
  last_write = excluded.last_write, events = excluded.events, page_views = excluded.page_views,
  rolled_events = excluded.rolled_events, rolled_page_views = excluded.rolled_page_views, place = excluded.place,
  stored_values = excluded.stored_values, stored_rows = excluded.stored_rows, users = coalesce(nullif(excluded.users, ''), w.users))sql"};

const Statement set_pending_rollup{"weir_set_pending_rollup", R"sql(
INSERT INTO activity_unrolled (topic, partition, window_start)
SELECT $1::text, minute.* FROM unnest($2::int[], $3::timestamptz[]) AS minute
ON CONFLICT DO NOTHING)sql"};

const Statement clear_pending_rollup{"weir_clear_pending_rollup", R"sql(
DELETE FROM activity_unrolled WHERE ctid = ANY (ARRAY (
  SELECT unrolled.ctid FROM unnest($2::int[], $3::timestamptz[]) AS minute(partition, window_start)
  CROSS JOIN LATERAL (
    SELECT ctid FROM activity_unrolled AS u
    WHERE u.topic = $1::text AND u.window_start = minute.window_start AND u.partition = minute.partition
    OFFSET 0) AS unrolled)))sql"};

// The horizon's rows are the only ones that several processes write.
const Statement raise_horizons{"weir_raise_horizons", R"sql(
WITH lower AS MATERIALIZED (
  SELECT horizon.granularity, raised.pruned_to
  FROM unnest($1::text[], $2::timestamptz[]) AS raised(granularity, pruned_to)
  JOIN activity_horizon AS horizon ON horizon.granularity = raised.granularity
    AND horizon.pruned_to < raised.pruned_to
  ORDER BY horizon.granularity
  FOR NO KEY UPDATE OF horizon)
UPDATE activity_horizon AS horizon SET pruned_to = lower.pruned_to FROM lower
WHERE horizon.granularity = lower.granularity)sql"};

const Statement put_dead_letters{"weir_put_dead_letters", R"sql(
INSERT INTO activity_dead_letters (topic, partition, "offset", reason, detail, key, value, at)
SELECT $1::text, letter.*
FROM unnest($2::int[], $3::bigint[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::timestamptz[]) AS letter
)sql"};

const Statement set_replayed{"weir_set_replayed", R"sql(
UPDATE activity_dead_letters SET replayed_at = $4::timestamptz WHERE ctid = ANY (ARRAY (
  SELECT letter.ctid FROM unnest($1::text[], $2::int[], $3::bigint[]) AS source(topic, partition, at)
  CROSS JOIN LATERAL (
    SELECT ctid FROM activity_dead_letters AS l
    WHERE l.topic = source.topic AND l.partition = source.partition AND l."offset" = source.at
      AND l.replayed_at IS NULL
    OFFSET 0) AS letter)))sql"};

// A dead letter may wait or be replayed already: its attempts count in any state.
const Statement add_attempts{"weir_add_attempts", R"sql(
UPDATE activity_dead_letters SET attempts = attempts + $4::bigint WHERE ctid = ANY (ARRAY (
  SELECT letter.ctid FROM unnest($1::text[], $2::int[], $3::bigint[]) AS source(topic, partition, at)
  CROSS JOIN LATERAL (
    SELECT ctid FROM activity_dead_letters AS l
    WHERE l.topic = source.topic AND l.partition = source.partition AND l."offset" = source.at
    OFFSET 0) AS letter)))sql"};

const Statement put_flush{"weir_put_flush", R"sql(
INSERT INTO user_activity_metrics (timestamp, unique_users, page_view_count, created_at)
VALUES ($1::timestamptz, $2::bigint, $3::bigint, $4::timestamptz))sql"};

// start_offset and group_id never change. The version was raised by the fence of this transaction.
const Statement put_ledgers{"weir_put_ledgers", R"sql(
UPDATE activity_ledger AS ledger SET next_offset = new.next_offset, read = new.read, tallied = new.tallied,
  duplicate = new.duplicate, dead_lettered = new.dead_lettered, skipped = new.skipped,
  last_record_hash = new.last_record_hash, log_end_offset = new.log_end_offset,
  oldest_unread_at = new.oldest_unread_at, observed_at = new.observed_at, updated_at = new.updated_at
FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[])
  AS new(partition, version, next_offset, read, tallied, duplicate, dead_lettered, skipped, last_record_hash,
         log_end_offset, oldest_unread_at, observed_at, updated_at)
WHERE ledger.topic = $1::text AND ledger.partition = new.partition AND (ledger.version = new.version)sql" +
                                                    std::string(commit::fence_condition_suffix) + ")"};

// A window counts as at least window_rows_min rows, which bounds the candidates. A write after $7 is
// of a clock that was ahead and does not count. A minute that is pending roll-up stays.
const Statement prune_windows{"weir_prune_windows",
                              R"sql(
WITH candidates AS MATERIALIZED (
  SELECT total.window_start,
    coalesce(total.stored_rows, )sql" +
                                  window_rows_min + R"sql() AS row_count
  FROM activity_windows AS total
  WHERE total.granularity = $2::smallint AND total.dimension = 0::smallint AND total.window_start <= $4::timestamptz
    AND total.topic = $1::text AND total.partition = $3::int
    AND (total.last_write <= $5::timestamptz OR total.last_write > $7::timestamptz)
    AND NOT EXISTS (
      SELECT 1 FROM (SELECT id FROM activity_dimensions WHERE id > 0 OFFSET 0) AS each
      CROSS JOIN LATERAL (
        SELECT 1 FROM activity_windows AS other
        WHERE other.granularity = $2::smallint AND other.dimension = each.id
          AND other.window_start = total.window_start AND other.topic = $1::text AND other.partition = $3::int
          AND other.last_write > $5::timestamptz AND other.last_write <= $7::timestamptz OFFSET 0) AS late OFFSET 0)
    AND NOT ($2::smallint = 0 AND EXISTS (
      SELECT 1 FROM activity_unrolled AS unrolled
      WHERE unrolled.topic = $1::text AND unrolled.window_start = total.window_start
        AND unrolled.partition = $3::int OFFSET 0))
  ORDER BY total.window_start LIMIT $6::bigint / )sql" +
                                  window_rows_min + R"sql( + 2),
old AS MATERIALIZED (
  SELECT each.window_start FROM (
    SELECT window_start, sum(row_count) OVER (ORDER BY window_start) - row_count AS rows_before FROM candidates) AS each
  WHERE each.rows_before < $6::bigint),
gone AS (
  DELETE FROM activity_windows WHERE ctid = ANY (ARRAY (
    SELECT w.ctid FROM old CROSS JOIN activity_dimensions AS each
    CROSS JOIN LATERAL (
      SELECT ctid FROM activity_windows AS w
      WHERE w.granularity = $2::smallint AND w.dimension = each.id AND w.window_start = old.window_start
        AND w.topic = $1::text AND w.partition = $3::int OFFSET 0) AS w)))
SELECT max(window_start), (SELECT count(*) FROM candidates) > count(*) FROM old)sql",
                              "Mn", "activity_windows"};

// Rows lie in the order of their arrival, which is nearly that of their time: an index would not pay for its
// upkeep. SKIP LOCKED, because several processes may prune at the same time.
const Statement prune_flushes{"weir_prune_flushes", R"sql(
DELETE FROM user_activity_metrics WHERE id = ANY (ARRAY (
  SELECT id FROM user_activity_metrics
  WHERE id IN (SELECT id FROM user_activity_metrics ORDER BY id LIMIT 1000) AND timestamp < $1::timestamptz
  FOR UPDATE SKIP LOCKED)))sql"};

}  // namespace store_sql
}  // namespace weir::postgres
