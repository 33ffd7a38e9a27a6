#include "postgres/schema.hpp"

#include <array>

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

constexpr std::array migrations{tables, counted_from};

struct View {
  std::string_view name;         // of the view
  std::string_view granularity;  // as in activity_horizon
  std::string_view number;       // as in activity_windows
};
// `minutes` has no rows pending roll-up: they are its own rows.
constexpr View minutes{"activity_minutes", "minute", "0"};
constexpr std::array coarser{View{"activity_hours", "hour", "1"}, View{"activity_days", "day", "2"}};

// Fills the names that begin with $ in. $pruned_to is first, because its text has another of them.
std::string select(const View& view, std::string sql) {
  const auto put = [&sql](std::string_view name, std::string_view text) {
    for (std::size_t at = 0; (at = sql.find(name, at)) != std::string::npos; at += text.size()) {
      sql.replace(at, name.size(), text);
    }
  };
  put("$pruned_to", "(SELECT pruned_to FROM activity_horizon WHERE granularity = '$granularity')");
  put("$granularity", view.granularity);
  put("$number", view.number);
  return sql;
}

// The stored rows of a granularity. A filter on dimension or window_start reaches the primary key: the join
// with the names of the dimensions is small, and window_start is shown as it is stored.
std::string stored_rows(const View& view) {
  return select(view, R"sql(
SELECT w.topic, w.window_start, w.partition, d.name, w.value, w.events, w.page_views, w.users
FROM activity_dimensions AS d
JOIN activity_windows AS w ON w.granularity = $number AND w.dimension = d.number
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
JOIN activity_windows AS w ON w.granularity = 0 AND w.dimension = d.number
  AND w.window_start = u.window_start AND w.topic = u.topic AND w.partition = u.partition
WHERE w.events > w.rolled_events AND date_trunc('$granularity', u.window_start, 'UTC') >= $pruned_to)sql");
}

std::string replace_view(const View& view, const std::string& as) {
  return "CREATE OR REPLACE VIEW " + std::string(view.name) +
         "(topic, window_start, partition, dimension, value, events, page_views, users) AS" + as + ";\n";
}

// Must agree with the migrations; the test CreateTheListedColumns compares them on a server.
constexpr std::array<TableColumns, 7> columns{{
    {"user_activity_metrics", "id timestamp unique_users page_view_count created_at", ""},
    {"activity_windows",
     "window_start events page_views rolled_events rolled_page_views last_write partition place "
     "stored_activity_types stored_pages stored_referrers granularity dimension topic value users",
     "timestamptz int8 int8 int8 int8 timestamptz int4 int4 int4 int4 int4 int2 int2 text text bytea"},
    {"activity_dimensions", "number name", "int2 text"},
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
  std::string sql = replace_view(minutes, stored_rows(minutes));
  for (const View& view : coarser) {
    sql += replace_view(view, stored_rows(view) + "\nUNION ALL" + pending_rollup(view));
  }
  return sql;
}

std::span<const TableColumns> schema_columns() { return columns; }

}  // namespace weir::postgres
