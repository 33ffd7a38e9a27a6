#include "postgres/schema.hpp"

#include <array>

#include "tally/granularity.hpp"

namespace weir::postgres {
namespace {

// An existing user_activity_metrics is adopted as it is.
constexpr std::string_view tables = R"sql(
DO $$BEGIN
  IF to_regclass('user_activity_metrics') IS NULL THEN
    CREATE TABLE user_activity_metrics (
      id BIGSERIAL PRIMARY KEY,
      timestamp TIMESTAMPTZ NOT NULL,
      unique_users BIGINT NOT NULL,
      page_view_count BIGINT NOT NULL,
      created_at TIMESTAMPTZ NOT NULL DEFAULT now()
    );
  END IF;
END$$;

CREATE TABLE activity_windows (
  window_start TIMESTAMPTZ NOT NULL,
  events BIGINT NOT NULL,
  page_views BIGINT NOT NULL,
  rolled_events BIGINT NOT NULL,
  rolled_page_views BIGINT NOT NULL,
  last_write TIMESTAMPTZ NOT NULL,
  partition INTEGER NOT NULL,
  place INTEGER NOT NULL,
  stored_activity_types INTEGER,
  stored_pages INTEGER,
  stored_referrers INTEGER,
  granularity SMALLINT NOT NULL,
  dimension SMALLINT NOT NULL,
  topic TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  users BYTEA NOT NULL,
  PRIMARY KEY (granularity, dimension, window_start, topic, partition, value)
) WITH (fillfactor = 70);
ALTER TABLE activity_windows ALTER COLUMN users SET STORAGE EXTERNAL;

CREATE TABLE activity_dimensions (
  number SMALLINT PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL UNIQUE
);
INSERT INTO activity_dimensions VALUES (0, 'total'), (1, 'activity_type'), (2, 'page'), (3, 'referrer');

CREATE TABLE activity_unrolled (
  topic TEXT COLLATE "C" NOT NULL,
  window_start TIMESTAMPTZ NOT NULL,
  partition INTEGER NOT NULL,
  PRIMARY KEY (topic, window_start, partition)
);

CREATE TABLE activity_ledger (
  topic TEXT COLLATE "C" NOT NULL,
  partition INTEGER NOT NULL,
  group_id TEXT COLLATE "C" NOT NULL,
  start_offset BIGINT NOT NULL,
  next_offset BIGINT NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  read BIGINT NOT NULL DEFAULT 0,
  tallied BIGINT NOT NULL DEFAULT 0,
  duplicate BIGINT NOT NULL DEFAULT 0,
  dead_lettered BIGINT NOT NULL DEFAULT 0,
  skipped BIGINT NOT NULL DEFAULT 0,
  last_record_hash BIGINT,
  log_end_offset BIGINT NOT NULL,
  oldest_unread_at TIMESTAMPTZ,
  observed_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (topic, partition),
  CONSTRAINT every_record_is_accounted_for CHECK (read = tallied + duplicate + dead_lettered),
  CONSTRAINT every_offset_is_accounted_for CHECK (next_offset - start_offset = read + skipped)
) WITH (fillfactor = 50);

CREATE TABLE activity_dead_letters (
  topic TEXT COLLATE "C" NOT NULL,
  partition INTEGER NOT NULL,
  "offset" BIGINT NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  key BYTEA,
  value BYTEA,
  at TIMESTAMPTZ NOT NULL,
  attempts BIGINT NOT NULL DEFAULT 1,
  replayed_at TIMESTAMPTZ,
  UNIQUE (topic, partition, "offset")
);

CREATE TABLE activity_horizon (
  granularity TEXT PRIMARY KEY,
  pruned_to TIMESTAMPTZ NOT NULL
);
INSERT INTO activity_horizon VALUES
  ('minute', '1970-01-01 00:00:00+00'), ('hour', '1970-01-01 00:00:00+00'), ('day', '1970-01-01 00:00:00+00');
)sql";

// Offsets before it were left out (KAFKA_START=latest); NULL if there are none.
constexpr std::string_view counted_from = "ALTER TABLE activity_ledger ADD COLUMN counted_from BIGINT";

// Dimensions get a source, and the counts of stored values one column for all dimensions.
constexpr std::string_view own_dimensions = R"sql(
ALTER TABLE activity_dimensions RENAME COLUMN number TO id;
ALTER TABLE activity_dimensions ADD COLUMN source TEXT NOT NULL DEFAULT '', ADD COLUMN since TIMESTAMPTZ;
ALTER TABLE activity_windows ADD COLUMN stored_values TEXT COLLATE "C", ADD COLUMN stored_rows INTEGER;
UPDATE activity_windows SET
  stored_rows = 4 + coalesce(stored_activity_types, 0) + coalesce(stored_pages, 0) + coalesce(stored_referrers, 0),
  stored_values = concat_ws(',',
    CASE WHEN stored_activity_types > 0 THEN '1=' || stored_activity_types END,
    CASE WHEN stored_pages > 0 THEN '2=' || stored_pages END,
    CASE WHEN stored_referrers > 0 THEN '3=' || stored_referrers END)
WHERE granularity IN (0, 1, 2) AND dimension = 0;
ALTER TABLE activity_windows DROP COLUMN stored_activity_types, DROP COLUMN stored_pages,
  DROP COLUMN stored_referrers)sql";

// Few dead letters have a failed replay. Each opening of a partition asks for them.
constexpr std::string_view failed_replays = R"sql(
CREATE INDEX activity_failed_replays ON activity_dead_letters (topic, partition, "offset")
WHERE attempts > 1 AND replayed_at IS NULL)sql";

constexpr std::array migrations{tables, counted_from, own_dimensions, failed_replays};

// Of minutes in the views below.
static_assert(tally::index_of(tally::finest_granularity) == 0);

using View = tally::GranularityDescriptor;

// Fills the names that begin with $ in. $pruned_to is first, because its text has another of them.
std::string select(const View& view, std::string sql) {
  const auto put = [&sql](std::string_view name, const std::string& text) {
    for (std::size_t at = 0; (at = sql.find(name, at)) != std::string::npos; at += text.size()) {
      sql.replace(at, name.size(), text);
    }
  };
  put("$pruned_to", "(SELECT pruned_to FROM activity_horizon WHERE granularity = '$granularity')");
  put("$granularity", std::string(view.name));
  put("$number", std::to_string(tally::index_of(view.granularity)));
  return sql;
}

// The stored rows of a granularity. A filter on dimension or window_start reaches the primary key: the join
// with the names of the dimensions is small, and window_start is shown as it is stored.
std::string stored_rows(const View& view) {
  return select(view, R"sql(
SELECT w.topic, w.window_start, w.partition, d.name, w.value, w.events, w.page_views, w.users
FROM activity_dimensions AS d
JOIN activity_windows AS w ON w.granularity = $number AND w.dimension = d.id
WHERE w.window_start >= $pruned_to)sql");
}

// The counts of minutes that are in no hour and no day yet. Their sketches are whole, because a union ignores
// what is united twice. Windows are cut in UTC, independent of the TimeZone of the session.
std::string pending_rollup(const View& view) {
  return select(view, R"sql(
SELECT w.topic, date_trunc('$granularity', u.window_start, 'UTC'), w.partition, d.name, w.value,
       w.events - w.rolled_events, w.page_views - w.rolled_page_views, w.users
FROM activity_unrolled AS u
CROSS JOIN activity_dimensions AS d
JOIN activity_windows AS w ON w.granularity = 0 AND w.dimension = d.id
  AND w.window_start = u.window_start AND w.topic = u.topic AND w.partition = u.partition
WHERE w.events > w.rolled_events AND date_trunc('$granularity', u.window_start, 'UTC') >= $pruned_to)sql");
}

std::string replace_view(const View& view, const std::string& as) {
  return "CREATE OR REPLACE VIEW activity_" + std::string(view.name) +
         "s(topic, window_start, partition, dimension, value, events, page_views, users) AS" + as + ";\n";
}

// Must agree with the migrations; the test CreateTheListedColumns compares them on a server.
constexpr std::array<TableColumns, 7> columns{{
    {"user_activity_metrics", "id timestamp unique_users page_view_count created_at", ""},
    {"activity_windows",
     "window_start events page_views rolled_events rolled_page_views last_write partition place "
     "stored_values stored_rows granularity dimension topic value users",
     "timestamptz int8 int8 int8 int8 timestamptz int4 int4 text int4 int2 int2 text text bytea"},
    {"activity_dimensions", "id name source since", "int2 text text timestamptz"},
    {"activity_unrolled", "topic window_start partition", "text timestamptz int4"},
    {"activity_ledger",
     "topic partition group_id start_offset next_offset version read tallied duplicate dead_lettered skipped "
     "last_record_hash log_end_offset oldest_unread_at observed_at updated_at counted_from",
     "text int4 text int8 int8 int8 int8 int8 int8 int8 int8 int8 int8 timestamptz timestamptz timestamptz "
     "int8"},
    {"activity_dead_letters", "topic partition offset reason detail key value at attempts replayed_at",
     "text int4 int8 text text bytea bytea timestamptz int8 timestamptz"},
    {"activity_horizon", "granularity pruned_to", "text timestamptz"},
}};

}  // namespace

std::span<const std::string_view> schema_migrations() { return migrations; }

std::string schema_views() {
  std::string sql;
  for (const View& view : tally::granularities) {
    std::string rows = stored_rows(view);
    // Minutes have no rows pending roll-up: they are their own rows.
    if (view.granularity != tally::finest_granularity) rows += "\nUNION ALL" + pending_rollup(view);
    sql += replace_view(view, rows);
  }
  return sql;
}

std::span<const TableColumns> schema_columns() { return columns; }

}  // namespace weir::postgres
