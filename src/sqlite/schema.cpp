#include "sqlite/schema.hpp"

#include <array>
#include <string>

#include "tally/granularity.hpp"

namespace weir::sqlite {
namespace {

// metrics.db

constexpr std::string_view tables = R"sql(
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
)sql";

// Offsets before it were left out (KAFKA_START=latest); NULL if there are none. Later files of version 1 were
// created with it, or got it when they were opened.
constexpr Migration counted_from{
    .sql = "ALTER TABLE activity_ledger ADD COLUMN counted_from INTEGER",
    .skip_if = "SELECT count(*) FROM pragma_table_info('activity_ledger') WHERE name = 'counted_from'"};

// Dimensions get a source, and the counts of stored values one column for all dimensions. The three columns
// that had them stay, and are NULL: to drop them would rewrite the table.
constexpr Migration own_dimensions{.sql = R"sql(
DROP VIEW IF EXISTS activity_minutes;
DROP VIEW IF EXISTS activity_hours;
DROP VIEW IF EXISTS activity_days;
ALTER TABLE activity_dimensions RENAME COLUMN number TO id;
ALTER TABLE activity_dimensions ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE activity_dimensions ADD COLUMN since TEXT;
ALTER TABLE activity_windows ADD COLUMN stored_values TEXT;
ALTER TABLE activity_windows ADD COLUMN stored_rows INTEGER;
UPDATE activity_windows SET
  stored_rows = 4 + coalesce(stored_activity_types, 0) + coalesce(stored_pages, 0) + coalesce(stored_referrers, 0),
  stored_values = ltrim(
    CASE WHEN stored_activity_types > 0 THEN ',1=' || stored_activity_types ELSE '' END ||
    CASE WHEN stored_pages > 0 THEN ',2=' || stored_pages ELSE '' END ||
    CASE WHEN stored_referrers > 0 THEN ',3=' || stored_referrers ELSE '' END, ','),
  stored_activity_types = NULL, stored_pages = NULL, stored_referrers = NULL
WHERE granularity IN (0, 1, 2) AND dimension = 0;
)sql"};

// Few dead letters have a failed replay. Each opening of a partition asks for them.
constexpr Migration failed_replays{.sql = R"sql(
CREATE INDEX activity_failed_replays ON activity_dead_letters (topic, partition, offset)
WHERE attempts > 1 AND replayed_at IS NULL;
)sql"};

constexpr std::array metrics_store_migrations{Migration{tables}, counted_from, own_dimensions,
                                              failed_replays};

// Of minutes in the views below.
static_assert(tally::index_of(tally::finest_granularity) == 0);

// One view for each granularity. A window that begins within a pruned second is not complete.
using View = tally::GranularityDescriptor;

// Fills the names that begin with $ in. $pruned_to is first, because its text has another of them.
std::string select(const View& view, std::string sql) {
  const auto put = [&sql](std::string_view name, const std::string& text) {
    for (std::size_t at = 0; (at = sql.find(name, at)) != std::string::npos; at += text.size()) {
      sql.replace(at, name.size(), text);
    }
  };
  put("$pruned_to",
      "(SELECT unixepoch(pruned_to) + (substr(pruned_to, 21, 3) <> '000') "
      "FROM activity_horizon WHERE granularity = '$granularity')");
  put("$granularity", std::string(view.name));
  put("$number", std::to_string(tally::index_of(view.granularity)));
  put("$seconds", std::to_string(view.width.count()));
  return sql;
}

// The stored rows of a granularity. A filter on dimension, topic or window_start reaches the primary key.
std::string stored_rows(const View& view) {
  return select(view, R"sql(
SELECT w.topic, strftime('%Y-%m-%dT%H:%M:%SZ', w.window_start, 'unixepoch'),
       w.partition, d.name, w.value, w.events, w.page_views, w.users
FROM activity_dimensions AS d
CROSS JOIN activity_windows AS w ON w.granularity = $number AND w.dimension = d.id
WHERE w.window_start >= $pruned_to)sql");
}

// The counts of minutes that are in no hour and no day yet. Their sketches are whole, because a union ignores
// what is united twice.
std::string pending_rollup(const View& view) {
  return select(view, R"sql(
SELECT w.topic, strftime('%Y-%m-%dT%H:%M:%SZ', w.window_start - w.window_start % $seconds, 'unixepoch'),
       w.partition, d.name, w.value, w.events - w.rolled_events, w.page_views - w.rolled_page_views, w.users
FROM activity_unrolled AS u
CROSS JOIN activity_dimensions AS d
CROSS JOIN activity_windows AS w ON w.granularity = 0 AND w.dimension = d.id
  AND w.window_start = u.window_start AND w.topic = u.topic AND w.partition = u.partition
WHERE w.events > w.rolled_events AND w.window_start - w.window_start % $seconds >= $pruned_to)sql");
}

// SQLite has no CREATE OR REPLACE VIEW.
std::string replace_view(const View& view, const std::string& as) {
  const std::string name = "activity_" + std::string(view.name) + "s";
  return "DROP VIEW IF EXISTS " + name + ";\nCREATE VIEW " + name +
         "(topic, window_start, partition, dimension, value, events, page_views, users) AS" + as + ";\n";
}

std::string metrics_store_views() {
  std::string sql;
  for (const View& view : tally::granularities) {
    std::string rows = stored_rows(view);
    // Minutes have no rows pending roll-up: they are their own rows.
    if (view.granularity != tally::finest_granularity) rows += "\nUNION ALL" + pending_rollup(view);
    sql += replace_view(view, rows);
  }
  return sql;
}

// events.db

constexpr std::array event_log_migrations{Migration{R"sql(
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE segments(first_offset INTEGER PRIMARY KEY, records INTEGER NOT NULL, time_ms INTEGER NOT NULL,
                      body BLOB NOT NULL);
INSERT INTO meta VALUES('log_id', lower(hex(randomblob(16))));
)sql"},
                                          // Segments may be packed from here on (segment.hpp).
                                          Migration{""}};

}  // namespace

// "WEST" and "WELG"
constinit const FileKind metrics_store_file{.name = "metrics store",
                                            .application_id = 0x57455354,
                                            .migrations = metrics_store_migrations,
                                            .views = metrics_store_views};
constinit const FileKind event_log_file{
    .name = "event log", .application_id = 0x57454C47, .migrations = event_log_migrations};

std::filesystem::path metrics_store_path(const std::filesystem::path& data_dir) {
  return data_dir / "metrics.db";
}

}  // namespace weir::sqlite
