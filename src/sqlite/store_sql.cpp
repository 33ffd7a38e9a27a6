#include "sqlite/store_sql.hpp"

#include <array>
#include <string>

#include "commit/fence.hpp"
#include "sqlite/store_rows.hpp"
#include "tally/ledger_columns.hpp"

namespace weir::sqlite::store_sql {

const NamedSql find_other_group{"find_other_group", R"sql(
SELECT group_id FROM activity_ledger WHERE topic = ?1 AND group_id <> ?2 LIMIT 1)sql"};

const NamedSql read_dimensions{"read_dimensions", std::string(read_dimensions_sql)};

const NamedSql put_dimension{"put_dimension", R"sql(
INSERT INTO activity_dimensions (id, name, source, since) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (id) DO UPDATE SET name = ?2, source = ?3, since = ?4)sql"};

const NamedSql find_any_ledger{"find_any_ledger", R"sql(
SELECT 1 FROM activity_ledger WHERE topic = ?1 LIMIT 1)sql"};

// The offsets in [?4, ?7) are left out (KAFKA_START=latest); where they are equal there are none.
const NamedSql insert_ledger{"insert_ledger", R"sql(
INSERT INTO activity_ledger
  (topic, partition, group_id, start_offset, next_offset, log_end_offset, observed_at, updated_at, version, skipped,
   counted_from, last_record_hash)
VALUES (?1, ?2, ?3, ?4, ?7, ?7, ?5, ?5, ?6, ?7 - ?4, nullif(?7, ?4), ?8) ON CONFLICT DO NOTHING)sql"};

const NamedSql read_ledger{"read_ledger", "SELECT " + std::string(tally::ledger_columns) + R"sql(
FROM activity_ledger WHERE topic = ?1 AND partition = ?2)sql"};

const NamedSql archive_ledger{"archive_ledger", R"sql(
UPDATE activity_ledger SET topic = ?5
WHERE topic = ?1 AND partition = ?2 AND next_offset = ?3 AND version = ?4)sql"};

const NamedSql archive_dead_letters{"archive_dead_letters", R"sql(
UPDATE activity_dead_letters SET topic = ?3 WHERE topic = ?1 AND partition = ?2)sql"};

const NamedSql dead_letter_offsets{"dead_letter_offsets", R"sql(
SELECT offset FROM activity_dead_letters
WHERE topic = ?1 AND partition = ?2 AND offset >= ?3 AND offset < ?4 ORDER BY offset)sql"};

const NamedSql failed_replays{"failed_replays", R"sql(
SELECT topic, partition, offset FROM activity_dead_letters
WHERE attempts > 1 AND replayed_at IS NULL ORDER BY topic, partition, offset)sql"};

const NamedSql pending_rollup_minutes{"pending_rollup_minutes", R"sql(
SELECT window_start FROM activity_unrolled WHERE topic = ?1 AND partition = ?2 ORDER BY window_start)sql"};

const NamedSql fence{"fence", R"sql(
UPDATE activity_ledger SET version = version + 1 WHERE topic = ?1 AND partition = ?2
AND (next_offset = ?3 AND version = ?4 AND tallied = ?5 AND duplicate = ?6 AND dead_lettered = ?7
  AND skipped = ?8)sql" + std::string(commit::fence_condition_suffix) +
                                  ")"};

const NamedSql read_window{"read_window", "SELECT " + std::string(window_columns) + R"sql(
FROM activity_windows WHERE topic = ?1 AND granularity = ?2 AND dimension = ?3 AND window_start = ?4
AND partition = ?5 AND value = ?6)sql"};

// Of minutes and of `total` in the statements below.
static_assert(number_of(tally::finest_granularity) == 0 && number_of(tally::Dimension::total) == 0);

// length() reads no overflow page of a sketch. The list of dimensions lets each be found by the primary key.
const NamedSql find_pending_rollup{"find_pending_rollup", R"sql(
SELECT dimension, place, value, length(users) FROM activity_windows
WHERE topic = ?1 AND granularity = 0 AND dimension IN (SELECT id FROM activity_dimensions) AND window_start = ?2
AND partition = ?3 AND (events <> rolled_events OR page_views <> rolled_page_views))sql"};

const NamedSql put_window{"put_window", R"sql(
REPLACE INTO activity_windows
  (topic, granularity, dimension, window_start, partition, value, events, page_views, rolled_events,
   rolled_page_views, place, stored_values, stored_rows, last_write_ms, users)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15))sql"};

const NamedSql set_pending_rollup{"set_pending_rollup", R"sql(
INSERT INTO activity_unrolled (topic, window_start, partition) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING)sql"};

const NamedSql clear_pending_rollup{"clear_pending_rollup", R"sql(
DELETE FROM activity_unrolled WHERE topic = ?1 AND window_start = ?2 AND partition = ?3)sql"};

const NamedSql raise_horizon{"raise_horizon", R"sql(
UPDATE activity_horizon SET pruned_to = ?2 WHERE granularity = ?1 AND pruned_to < ?2)sql"};

const NamedSql put_dead_letter{"put_dead_letter", R"sql(
INSERT INTO activity_dead_letters (topic, partition, offset, reason, detail, key, value, at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8))sql"};

const NamedSql read_dead_letter{"read_dead_letter", R"sql(
SELECT replayed_at IS NOT NULL FROM activity_dead_letters WHERE topic = ?1 AND partition = ?2 AND offset = ?3)sql"};

const NamedSql set_replayed{"set_replayed", R"sql(
UPDATE activity_dead_letters SET replayed_at = ?4
WHERE topic = ?1 AND partition = ?2 AND offset = ?3 AND replayed_at IS NULL)sql"};

const NamedSql add_attempts{"add_attempts", R"sql(
UPDATE activity_dead_letters SET attempts = attempts + ?4 WHERE topic = ?1 AND partition = ?2 AND offset = ?3)sql"};

const NamedSql put_flush{"put_flush", R"sql(
INSERT INTO user_activity_metrics (timestamp, unique_users, page_view_count, created_at)
VALUES (?1, ?2, ?3, ?4))sql"};

const NamedSql put_ledger{"put_ledger", R"sql(
UPDATE activity_ledger SET next_offset = ?4, read = ?5, tallied = ?6, duplicate = ?7, dead_lettered = ?8,
  skipped = ?9, last_record_hash = ?10, log_end_offset = ?11, oldest_unread_at = ?12, observed_at = ?13,
  updated_at = ?14
WHERE topic = ?1 AND partition = ?2 AND (version = ?3)sql" +
                                            std::string(commit::fence_condition_suffix) + ")"};

// Windows of which no row was written after ?5, with the number of their rows, oldest first. A write after ?6
// is of a clock that was ahead and does not count. A minute that is pending roll-up stays.
const NamedSql find_prunable{"find_prunable", R"sql(
SELECT window_start, coalesce(stored_rows, 1)
FROM activity_windows AS total
WHERE topic = ?1 AND granularity = ?2 AND dimension = 0 AND window_start <= ?3 AND partition = ?4
AND (last_write_ms <= ?5 OR last_write_ms > ?6)
AND NOT EXISTS (
  SELECT 1 FROM activity_windows AS other
  WHERE other.topic = ?1 AND other.granularity = ?2 AND other.dimension IN (SELECT id FROM activity_dimensions WHERE id > 0)
  AND other.window_start = total.window_start AND other.partition = ?4
  AND other.last_write_ms > ?5 AND other.last_write_ms <= ?6)
AND NOT (?2 = 0 AND EXISTS (
  SELECT 1 FROM activity_unrolled AS pending
  WHERE pending.topic = ?1 AND pending.window_start = total.window_start AND pending.partition = ?4))
ORDER BY window_start)sql"};

const NamedSql delete_window{"delete_window", R"sql(
DELETE FROM activity_windows
WHERE topic = ?1 AND granularity = ?2 AND dimension IN (SELECT id FROM activity_dimensions) AND window_start = ?3
AND partition = ?4)sql"};

// Rows lie in the order of their arrival, which is nearly that of their time: an index would not pay for its
// upkeep.
const NamedSql prune_flushes{"prune_flushes", R"sql(
DELETE FROM user_activity_metrics
WHERE timestamp < ?1 AND id IN (SELECT id FROM user_activity_metrics ORDER BY id LIMIT 1000))sql"};

std::span<const NamedSql* const> all() {
  static const std::array list{&read_dimensions,
                               &put_dimension,
                               &find_other_group,
                               &find_any_ledger,
                               &insert_ledger,
                               &read_ledger,
                               &archive_ledger,
                               &archive_dead_letters,
                               &dead_letter_offsets,
                               &failed_replays,
                               &pending_rollup_minutes,
                               &fence,
                               &read_window,
                               &find_pending_rollup,
                               &put_window,
                               &set_pending_rollup,
                               &clear_pending_rollup,
                               &raise_horizon,
                               &put_dead_letter,
                               &read_dead_letter,
                               &set_replayed,
                               &add_attempts,
                               &put_flush,
                               &put_ledger,
                               &find_prunable,
                               &delete_window,
                               &prune_flushes};
  return list;
}

}  // namespace weir::sqlite::store_sql
