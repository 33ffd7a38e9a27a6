// A metrics.db as Weir wrote it before it had a list of migrations: version 1. Never change this text: such
// files exist.
#pragma once

namespace weir::sqlite {

// The tables and views, as they were created.
inline constexpr const char* version_1_tables = R"sql(
CREATE TABLE user_activity_metrics (
  id INTEGER PRIMARY KEY,
  timestamp TEXT NOT NULL,
  unique_users INTEGER NOT NULL,
  page_view_count INTEGER NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE activity_windows (
  topic TEXT NOT NULL,
  granularity INTEGER NOT NULL,
  dimension INTEGER NOT NULL,
  window_start INTEGER NOT NULL,
  partition INTEGER NOT NULL,
  value TEXT NOT NULL,
  events INTEGER NOT NULL,
  page_views INTEGER NOT NULL,
  rolled_events INTEGER NOT NULL,
  rolled_page_views INTEGER NOT NULL,
  place INTEGER NOT NULL,
  stored_activity_types INTEGER,
  stored_pages INTEGER,
  stored_referrers INTEGER,
  last_write_ms INTEGER NOT NULL,
  users BLOB NOT NULL,
  PRIMARY KEY (granularity, dimension, window_start, topic, partition, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE activity_dimensions (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO activity_dimensions VALUES (0, 'total'), (1, 'activity_type'), (2, 'page'), (3, 'referrer');

CREATE TABLE activity_unrolled (
  topic TEXT NOT NULL,
  partition INTEGER NOT NULL,
  window_start INTEGER NOT NULL,
  PRIMARY KEY (topic, window_start, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE activity_ledger (
  topic TEXT NOT NULL,
  partition INTEGER NOT NULL,
  group_id TEXT NOT NULL,
  start_offset INTEGER NOT NULL,
  next_offset INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 0,
  read INTEGER NOT NULL DEFAULT 0,
  tallied INTEGER NOT NULL DEFAULT 0,
  duplicate INTEGER NOT NULL DEFAULT 0,
  dead_lettered INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  last_record_hash INTEGER,
  log_end_offset INTEGER NOT NULL,
  oldest_unread_at TEXT,
  observed_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  counted_from INTEGER,
  PRIMARY KEY (topic, partition),
  CONSTRAINT every_record_is_accounted_for CHECK (read = tallied + duplicate + dead_lettered),
  CONSTRAINT every_offset_is_accounted_for CHECK (next_offset - start_offset = read + skipped)
) STRICT, WITHOUT ROWID;

CREATE TABLE activity_dead_letters (
  topic TEXT NOT NULL,
  partition INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  key BLOB,
  value BLOB,
  at TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 1,
  replayed_at TEXT,
  UNIQUE (topic, partition, offset)
) STRICT;

CREATE TABLE activity_horizon (
  granularity TEXT PRIMARY KEY,
  pruned_to TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO activity_horizon VALUES
  ('minute', '1970-01-01T00:00:00.000Z'),
  ('hour', '1970-01-01T00:00:00.000Z'),
  ('day', '1970-01-01T00:00:00.000Z');
CREATE VIEW activity_minutes(topic, window_start, partition, dimension, value, events, page_views, users) AS
SELECT w.topic, strftime('%Y-%m-%dT%H:%M:%SZ', w.window_start, 'unixepoch'),
       w.partition, d.name, w.value, w.events, w.page_views, w.users
FROM activity_dimensions AS d
CROSS JOIN activity_windows AS w ON w.granularity = 0 AND w.dimension = d.number
WHERE w.window_start >= (SELECT unixepoch(pruned_to) + (substr(pruned_to, 21, 3) <> '000')
  FROM activity_horizon WHERE granularity = 'minute');
CREATE VIEW activity_hours(topic, window_start, partition, dimension, value, events, page_views, users) AS
SELECT w.topic, strftime('%Y-%m-%dT%H:%M:%SZ', w.window_start, 'unixepoch'),
       w.partition, d.name, w.value, w.events, w.page_views, w.users
FROM activity_dimensions AS d
CROSS JOIN activity_windows AS w ON w.granularity = 1 AND w.dimension = d.number
WHERE w.window_start >= (SELECT unixepoch(pruned_to) + (substr(pruned_to, 21, 3) <> '000')
  FROM activity_horizon WHERE granularity = 'hour')
UNION ALL
SELECT w.topic, strftime('%Y-%m-%dT%H:%M:%SZ', w.window_start - w.window_start % 3600, 'unixepoch'),
       w.partition, d.name, w.value, w.events - w.rolled_events, w.page_views - w.rolled_page_views, w.users
FROM activity_unrolled AS u
CROSS JOIN activity_dimensions AS d
CROSS JOIN activity_windows AS w ON w.granularity = 0 AND w.dimension = d.number
  AND w.window_start = u.window_start AND w.topic = u.topic AND w.partition = u.partition
WHERE w.events > w.rolled_events AND w.window_start - w.window_start % 3600 >= (SELECT unixepoch(pruned_to) + (substr(pruned_to, 21, 3) <> '000')
  FROM activity_horizon WHERE granularity = 'hour');
CREATE VIEW activity_days(topic, window_start, partition, dimension, value, events, page_views, users) AS
SELECT w.topic, strftime('%Y-%m-%dT%H:%M:%SZ', w.window_start, 'unixepoch'),
       w.partition, d.name, w.value, w.events, w.page_views, w.users
FROM activity_dimensions AS d
CROSS JOIN activity_windows AS w ON w.granularity = 2 AND w.dimension = d.number
WHERE w.window_start >= (SELECT unixepoch(pruned_to) + (substr(pruned_to, 21, 3) <> '000')
  FROM activity_horizon WHERE granularity = 'day')
UNION ALL
SELECT w.topic, strftime('%Y-%m-%dT%H:%M:%SZ', w.window_start - w.window_start % 86400, 'unixepoch'),
       w.partition, d.name, w.value, w.events - w.rolled_events, w.page_views - w.rolled_page_views, w.users
FROM activity_unrolled AS u
CROSS JOIN activity_dimensions AS d
CROSS JOIN activity_windows AS w ON w.granularity = 0 AND w.dimension = d.number
  AND w.window_start = u.window_start AND w.topic = u.topic AND w.partition = u.partition
WHERE w.events > w.rolled_events AND w.window_start - w.window_start % 86400 >= (SELECT unixepoch(pruned_to) + (substr(pruned_to, 21, 3) <> '000')
  FROM activity_horizon WHERE granularity = 'day');
PRAGMA application_id = 1464161108;
PRAGMA user_version = 1;
)sql";

// The first of these files had no counted_from, until the next start added it.
inline constexpr const char* version_1_without_counted_from =
    "ALTER TABLE activity_ledger DROP COLUMN counted_from";

// A row or two in each table: one event of one user in a minute that is rolled up, and one in a minute that
// is not.
inline constexpr const char* version_1_rows = R"sql(
INSERT INTO user_activity_metrics VALUES (1, '2025-11-24T16:00:00.123Z', 1, 1, '2025-11-24T16:00:00.456Z');
INSERT INTO activity_windows VALUES
  ('t', 0, 0, 1763999940, 0, '', 1, 1, 1, 1, 0, 1, 1, 1, 1764000000123, x'128e4d01'),
  ('t', 0, 2, 1763999940, 0, '/a', 1, 1, 1, 1, 0, NULL, NULL, NULL, 1764000000123, x'128e4d01'),
  ('t', 1, 0, 1763996400, 0, '', 1, 1, 0, 0, 0, 1, 1, 1, 1764000000123, x'128e4d01'),
  ('t', 2, 0, 1763942400, 0, '', 1, 1, 0, 0, 0, 1, 1, 1, 1764000000123, x'128e4d01'),
  ('t', 0, 0, 1764000000, 0, '', 1, 0, 0, 0, 0, 1, 1, 1, 1764000000123, x'128e4d02');
INSERT INTO activity_unrolled VALUES ('t', 0, 1764000000);
INSERT INTO activity_ledger (topic, partition, group_id, start_offset, next_offset, version, read, tallied,
                             dead_lettered, log_end_offset, observed_at, updated_at, last_record_hash)
VALUES ('t', 0, 'g', 3, 6, 7, 3, 2, 1, 9, '2025-11-24T16:00:00.123Z', '2025-11-24T16:00:00.123Z', -5);
INSERT INTO activity_dead_letters VALUES
  ('t', 0, 4, 'user_id_missing', 'user_id is required', x'6b', x'7b7d', '2025-11-24T16:00:00.123Z', 2, NULL);
UPDATE activity_horizon SET pruned_to = '2025-11-01T00:00:00.000Z' WHERE granularity = 'minute';
)sql";

}  // namespace weir::sqlite
